// @ts-check
/**
 * Shows a picture large.
 * @module
 */

import { open } from "../dialog.js";

/** @typedef {{ width: number, height: number }} Size */
/** @typedef {SVGSVGElement | HTMLImageElement | HTMLCanvasElement} Picture */

/**
 * The picture of what has the focus, is pointed at, or leads the page.
 * @returns {Picture | undefined}
 */
function picture() {
  const kinds = "canvas:not([hidden]), img:not(.covered), svg.plate:not(.covered)";
  const holders = [document.activeElement, ...[...document.querySelectorAll(":hover")].reverse()];
  for (const holder of holders) {
    const around = holder?.closest("figure, li, .scroll.plate, .one-map");
    const found = holder?.matches(kinds) ? holder : around?.querySelector(kinds);
    if (found) return /** @type {any} */ (found);
  }
  const first = ".one-map :is(svg.plate:not(.covered), canvas), .digit img";
  return document.querySelector(first) ?? undefined;
}

/** What a picture may take of the window; its frame, a legend and a line of words need the rest. */
function room() {
  return { width: window.innerWidth - 80, height: window.innerHeight * 0.72 };
}

/**
 * A picture by itself, as large as it is where it stands.
 * @param {Picture} shown
 * @returns {{ picture: Picture, size: Size }}
 */
function copy(shown) {
  const picture = /** @type {Picture} */ (shown.cloneNode(true));
  picture.removeAttribute("id");
  if (shown instanceof HTMLCanvasElement) {
    const context = /** @type {HTMLCanvasElement} */ (picture).getContext("2d");
    context?.drawImage(shown, 0, 0);
  }
  if (shown instanceof SVGSVGElement) return { picture, size: shown.viewBox.baseVal };
  if (shown instanceof HTMLCanvasElement) return { picture, size: shown };
  const [width, height] = [shown.naturalWidth || shown.width, shown.naturalHeight || shown.height];
  return { picture, size: { width, height } };
}

/**
 * A grid drawn anew at a larger zoom, for copied pixels would only grow by whole numbers of those
 * that a value has already; anything else as it is.
 * @param {Picture} shown
 */
async function largeOf(shown) {
  const figure = shown.closest("figure");
  if (!figure || !shown.closest("picture") || shown instanceof SVGSVGElement) return copy(shown);
  const module = await import("../maps/painted-figure.js").catch(() => undefined);
  return module?.enlarged(figure, shown, room()) ?? copy(shown);
}

/** Show the picture as large as the window allows, with what its colours mean. */
export async function zoom() {
  const shown = picture();
  if (!shown) return;
  const { picture: large, size } = await largeOf(shown);
  if (document.querySelector("dialog[open]")) return;
  const { width, height } = room();
  // In whole numbers, so that every pixel stays a square.
  const times = Math.max(1, Math.floor(Math.min(width / size.width, height / size.height)));
  large.style.width = `${size.width * times}px`;
  large.style.height = `${size.height * times}px`;
  large.classList.add("plate"); // of the page's ground, which ends where the dialog begins
  large.style.setProperty("--plate", getComputedStyle(shown).getPropertyValue("--plate"));
  const label = shown.getAttribute("alt") || shown.getAttribute("aria-label") || named(shown);
  const caption = Object.assign(document.createElement("p"), { textContent: label });
  const legend = shown.closest("figure, section")?.querySelector(".legend")?.cloneNode(true);
  open("large", label, large, ...(legend ? [legend] : []), caption);
}

/** @param {Element} shown */
function named(shown) {
  const holder = shown.closest("a, [aria-label], figure");
  return holder?.getAttribute("aria-label") ?? holder?.textContent?.trim() ?? "The picture";
}
