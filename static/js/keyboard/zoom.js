// @ts-check
/**
 * Shows a picture large.
 * @module
 */

import { open } from "./dialog.js";

/**
 * The picture of what has the focus, is pointed at, or leads the page.
 * @returns {SVGSVGElement | HTMLImageElement | HTMLCanvasElement | undefined}
 */
function picture() {
  const kinds = "canvas:not([hidden]), img, svg.plate";
  const holders = [document.activeElement, ...[...document.querySelectorAll(":hover")].reverse()];
  for (const holder of holders) {
    const around = holder?.closest("figure, li, .scroll.plate, .one-map");
    const found = holder?.matches(kinds) ? holder : around?.querySelector(kinds);
    if (found) return /** @type {any} */ (found);
  }
  return document.querySelector(".one-map svg, .one-map canvas, .digit img") ?? undefined;
}

/**
 * How many times as large, in whole numbers, so that every pixel stays a square.
 * @param {number} width
 * @param {number} height
 */
function magnification(width, height) {
  const room = Math.min((window.innerWidth * 0.9) / width, (window.innerHeight * 0.8) / height);
  return Math.max(1, Math.floor(room));
}

/** Show the picture as large as the window allows. */
export function zoom() {
  const shown = picture();
  if (!shown) return;
  const isCut = shown instanceof SVGSVGElement;
  const box = isCut ? shown.viewBox.baseVal : undefined;
  const [width, height] = isCut
    ? [box?.width ?? 1, box?.height ?? 1]
    : shown instanceof HTMLImageElement
      ? [shown.naturalWidth || shown.width, shown.naturalHeight || shown.height]
      : [shown.width, shown.height];
  const large = /** @type {typeof shown} */ (shown.cloneNode(true));
  const times = magnification(width, height);
  large.setAttribute("width", String(width * times));
  large.setAttribute("height", String(height * times));
  large.removeAttribute("id");
  const label = shown.getAttribute("alt") || shown.getAttribute("aria-label") || named(shown);
  const caption = Object.assign(document.createElement("p"), { textContent: label });
  open("large", label, large, caption);
  if (large instanceof HTMLCanvasElement && shown instanceof HTMLCanvasElement) {
    Object.assign(large, { width: width * times, height: height * times });
    const drawing = large.getContext("2d");
    if (drawing) drawing.imageSmoothingEnabled = false;
    drawing?.drawImage(shown, 0, 0, large.width, large.height);
  }
}

/** @param {Element} shown */
function named(shown) {
  const holder = shown.closest("a, [aria-label], figure");
  return holder?.getAttribute("aria-label") ?? holder?.textContent?.trim() ?? "The picture";
}
