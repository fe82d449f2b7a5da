// @ts-check
/**
 * Finds the digit on the page and outlines a part of it, there or on a copy beside the pointer.
 * @module
 */

import { seen } from "./fields.js";

/** @typedef {import("./fields.js").Field} Field */

/** The digit, 28 by 28: one that is being drawn before the page's own. */
const DIGITS = "[data-draw-given], .digit img, .crumbs img";
export const SIDE = 28;
const LARGE = 100; // pixels from which on an outline on the page's own digit can be read

/** The first digit that is shown. */
export function digit() {
  const all = /** @type {NodeListOf<HTMLImageElement | HTMLCanvasElement>} */ (
    document.querySelectorAll(DIGITS)
  );
  return [...all].find((one) => one.checkVisibility());
}

/**
 * Whether a digit is seen whole, and large enough to outline something on it.
 * @param {Element} element
 */
export function isReadable(element) {
  const { top, bottom, left, right, width } = element.getBoundingClientRect();
  return width >= LARGE && top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
}

/**
 * Lay an outline over what a value sees.
 * @param {HTMLElement} outline
 * @param {DOMRect} over where the digit is, in the coordinates that the outline is placed in
 * @param {Field} field
 * @param {number} row
 * @param {number} column
 */
export function outlineOn(outline, { left: x, top: y, width }, field, row, column) {
  const { top, left, bottom, right } = seen(field, row, column, SIDE);
  const pixel = width / SIDE;
  place(outline, x + left * pixel, y + top * pixel, (right - left) * pixel, (bottom - top) * pixel);
}

/**
 * @param {HTMLElement} element
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 */
export function place(element, left, top, width, height) {
  Object.assign(element.style, {
    left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`,
  });
}
