// @ts-check
/**
 * Shows the value at a place: beside the pointer, on the map, and what it sees of the digit.
 * @module
 */

import { fieldsBeside, seen } from "./activations.js";
import { valueAt, valueBox, where } from "./hit-testing.js";

/** @typedef {import("./activations.js").Field} Field */
/** @typedef {import("./hit-testing.js").Spot} Spot */

const AWAY = 18; // pixels between a place and what is said of it
const EDGE = 8;
/** The digit, 28 by 28: one that is being drawn before the page's own. */
const DIGITS = "[data-draw-given], .digit img, .crumbs img";
const SIDE = 28;
const LARGE = 100; // pixels from which on an outline on the page's own digit can be read

/**
 * @param {string} name
 * @param {string} [tag]
 */
function make(name, tag = "div") {
  return Object.assign(document.createElement(tag), { className: name });
}

/** One readout serves a page. */
class Readout {
  #layer = make("readout");
  #mark = make("readout-mark");
  #seen = make("readout-mark readout-seen");
  #tip = make("readout-tip");
  #values = make("readout-values", "dl");
  #where = make("readout-where", "p");
  #inset = make("readout-inset");
  #copy = document.createElement("canvas");
  #seenOnCopy = make("readout-mark");
  /** @type {Spot | undefined} */
  spot;

  constructor() {
    this.#layer.setAttribute("aria-hidden", "true"); // what is to be read out is said elsewhere
    this.#layer.hidden = true;
    this.#copy.width = this.#copy.height = SIDE;
    this.#inset.append(this.#copy, this.#seenOnCopy);
    this.#tip.append(this.#values, this.#where, this.#inset);
    this.#layer.append(this.#mark, this.#seen, this.#tip);
    document.body.append(this.#layer);
    const follow = () => this.spot && this.show(this.spot);
    document.addEventListener("scroll", follow, { capture: true, passive: true });
    addEventListener("resize", follow);
  }

  /** @param {Spot} spot */
  show(spot) {
    this.spot = spot;
    this.#layer.hidden = false;
    const { left, top, width, height } = valueBox(spot);
    place(this.#mark, left, top, width, height);
    this.#say(spot);
    this.#look(spot);
    this.#putTip(left, top, width, height);
  }

  hide() {
    this.spot = undefined;
    this.#layer.hidden = true;
  }

  /** @param {Spot} spot */
  #say({ scene, cell, row, column }) {
    this.#where.textContent = where(cell.filter, row, column);
    const lines = scene.parts.flatMap((part, at) => {
      const name = Object.assign(make(part.tone, "dt"), { textContent: part.symbol });
      const value = make(at === cell.part ? "here" : "", "dd");
      value.textContent = valueAt(part.maps(), cell.filter, row, column);
      return part.symbol ? [name, value] : [value];
    });
    this.#values.replaceChildren(...lines);
  }

  /** Outline what the place sees of the digit. @param {Spot} spot */
  #look({ scene, cell, row, column }) {
    const part = /** @type {import("./hit-testing.js").Part} */ (scene.parts[cell.part]);
    const input = digit();
    const readable = input !== undefined && isReadable(input);
    this.#inset.hidden = readable || !input;
    this.#seen.hidden = true;
    if (!input) return;
    const context = this.#copy.getContext("2d");
    if (!readable && context) {
      context.imageSmoothingEnabled = false;
      context.drawImage(input, 0, 0, SIDE, SIDE);
    }
    fieldsBeside(part.values).then((fields) => {
      const field = fields.get(part.layer);
      if (!field || this.spot?.cell !== cell) return;
      this.#seen.hidden = !readable;
      if (readable) outlineOn(this.#seen, input.getBoundingClientRect(), field, row, column);
      const box = new DOMRect(0, 0, this.#copy.offsetWidth, this.#copy.offsetHeight);
      if (!readable) outlineOn(this.#seenOnCopy, box, field, row, column);
    }, () => { this.#inset.hidden = true; });
  }

  /**
   * Beside the place, on the side where there is room.
   * @param {number} left
   * @param {number} top
   * @param {number} width
   * @param {number} height
   */
  #putTip(left, top, width, height) {
    const { offsetWidth, offsetHeight } = this.#tip;
    const fits = left + width + AWAY + offsetWidth + EDGE <= document.documentElement.clientWidth;
    const x = fits ? left + width + AWAY : left - AWAY - offsetWidth;
    const above = top - AWAY - offsetHeight;
    const y = above >= EDGE ? above : top + height + AWAY;
    this.#tip.style.translate = `${Math.max(x, EDGE)}px ${y}px`;
  }
}

/** The first digit that is shown. */
function digit() {
  const all = /** @type {NodeListOf<HTMLImageElement | HTMLCanvasElement>} */ (
    document.querySelectorAll(DIGITS)
  );
  return [...all].find((one) => one.checkVisibility());
}

/**
 * Whether a digit is seen whole, and large enough to outline something on it.
 * @param {Element} element
 */
function isReadable(element) {
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
function outlineOn(outline, { left: x, top: y, width }, field, row, column) {
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

export const readout = new Readout();
