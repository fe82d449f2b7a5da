// @ts-check
/**
 * Shows a picture enlarged in a dialog, with its legend.
 * @module
 */

import { openDialog } from "../dialog.js";
import { isSequenceOf } from "../maps/activations.js";
import { layoutGrid } from "../maps/layout.js";

/** @typedef {{ width: number, height: number }} Size */
/** @typedef {SVGSVGElement | HTMLImageElement} Picture */
/** @typedef {{ picture: Picture, size: Size }} SizedPicture */

const PICTURES = "img, svg.map-panel";
const MAIN_PICTURE = ".filter-map svg.map-panel, img[data-network-input]";
const MAX_ZOOM = 16; // of the server
const HORIZONTAL_MARGIN_PX = 80;
const MAX_HEIGHT_SHARE = 0.72; // of the window: the rest is for the frame, the legend and a caption

/**
 * The picture of what has the focus, is under the mouse, or is the main one of the page.
 * @returns {Picture | undefined}
 */
function currentPicture() {
  const hovered = [...document.querySelectorAll(":hover")].reverse();
  for (const element of [document.activeElement, ...hovered]) {
    const holder = element?.closest("figure, li, .scroll.map-panel, .filter-map");
    const picture = element?.matches(PICTURES) ? element : holder?.querySelector(PICTURES);
    if (picture) return /** @type {any} */ (picture);
  }
  return document.querySelector(MAIN_PICTURE) ?? undefined;
}

/** @returns {Size} that a picture may have */
function availableRoom() {
  return {
    width: window.innerWidth - HORIZONTAL_MARGIN_PX,
    height: window.innerHeight * MAX_HEIGHT_SHARE,
  };
}

/**
 * A copy of a picture, and its size in pixels of its own.
 * @param {Picture} shown
 * @returns {SizedPicture}
 */
function copyOf(shown) {
  const picture = /** @type {Picture} */ (shown.cloneNode(true));
  picture.removeAttribute("id");
  if (picture instanceof HTMLImageElement && shown instanceof HTMLImageElement) {
    picture.src = shown.currentSrc || shown.src; // without the sources beside it
  }
  if (shown instanceof SVGSVGElement) return { picture, size: shown.viewBox.baseVal };
  const [width, height] = [shown.naturalWidth || shown.width, shown.naturalHeight || shown.height];
  return { picture, size: { width, height } };
}

/**
 * A grid is asked for at a larger zoom, because its pixels, several for each value, could only be
 * enlarged by whole factors. Anything else is copied.
 * @param {Picture} shown
 * @returns {SizedPicture}
 */
function enlarge(shown) {
  const copy = copyOf(shown);
  const { picture } = copy;
  const figure = /** @type {HTMLElement | null} */ (shown.closest("figure[data-shape]"));
  if (!(picture instanceof HTMLImageElement) || !shown.closest("picture") || !figure) return copy;
  const size = largestGrid(figure);
  const address = new URL(picture.src);
  address.searchParams.set("zoom", String(size.zoom));
  picture.src = address.href;
  return { picture, size };
}

/**
 * The layout of a figure's grid at the largest zoom that fits the window, at least its own.
 * @param {HTMLElement} figure
 */
function largestGrid({ dataset }) {
  const [filters = 1, width = 1, height = 1] = (dataset["shape"] ?? "").split(" ").map(Number)
    .reverse();
  const isSequence = isSequenceOf(height, width);
  const [down, across] = isSequence ? [width, height] : [height, width];
  /** @param {number} zoom */
  const layoutAt = (zoom) => layoutGrid(filters, down, across, {
    columns: Number(dataset["columns"]), zoom, isSequence,
  });
  const room = availableRoom();
  let layout = layoutAt(Number(dataset["zoom"]));
  while (layout.zoom < MAX_ZOOM) {
    const larger = layoutAt(layout.zoom + 1);
    if (larger.width > room.width || larger.height > room.height) break;
    layout = larger;
  }
  return layout;
}

/** Show the current picture as large as the window allows. */
export function zoom() {
  const shown = currentPicture();
  if (!shown) return;
  const { picture, size } = enlarge(shown);
  if (document.querySelector("dialog[open]")) return;
  const { width, height } = availableRoom();
  const ratio = Math.min(width / size.width, height / size.height);
  const factor = Math.max(1, Math.floor(ratio)); // whole, so that every pixel stays a square
  picture.style.width = `${size.width * factor}px`;
  picture.style.height = `${size.height * factor}px`;
  // The background of maps comes from the page's palette, which a dialog does not inherit.
  picture.classList.add("map-panel");
  const background = getComputedStyle(shown).getPropertyValue("--map-background");
  picture.style.setProperty("--map-background", background);
  const label = labelOf(shown);
  const caption = Object.assign(document.createElement("p"), { textContent: label });
  const legend = shown.closest("figure, section")?.querySelector(".legend")?.cloneNode(true);
  openDialog("zoom-dialog", label, picture, ...(legend ? [legend] : []), caption);
}

/** @param {Element} shown */
function labelOf(shown) {
  const own = shown.getAttribute("alt") || shown.getAttribute("aria-label");
  const holder = shown.closest("a, [aria-label], figure");
  return own
    || (holder?.getAttribute("aria-label") ?? holder?.textContent?.trim() ?? "The picture");
}
