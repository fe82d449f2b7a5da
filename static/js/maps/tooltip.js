// @ts-check
/**
 * Shows a value beside the pointer, marks it on its map, and outlines its receptive field on the
 * digit.
 * @module
 */

import { SIDE, inputWindow, loadReceptiveFields } from "./activations.js";
import { cachedHitTarget, positionText, valueBox, valueText } from "./hit-testing.js";
import { stepBoxes } from "./step-rows.js";

/** @typedef {import("./activations.js").ReceptiveField} ReceptiveField */
/** @typedef {import("./hit-testing.js").ValuePosition} ValuePosition */
/** @typedef {import("./hit-testing.js").Rectangle} Rectangle */

const DISTANCE_PX = 18; // between a value and its tooltip
const MARGIN_PX = 8; // between the tooltip and the window's edge
/** The network's input: of the drawing, else of the page's digit. */
const DIGITS = ".draw-surface:not(.has-strokes) img, canvas.is-live[data-network-input], "
  + "img[data-network-input]";
/** Figures whose maps are added to each other, and the line below them. */
const EQUATION = "[data-equation]";
const MIN_OUTLINE_WIDTH_PX = 100; // of a digit; on a smaller one an outline cannot be seen

/**
 * @param {string} className
 * @param {string} [tag]
 */
function create(className, tag = "div") {
  return Object.assign(document.createElement(tag), { className });
}

class Tooltip {
  #layer = create("tooltip");
  #marker = create("tooltip-marker");
  /** Of the same value in the other maps of an equation. @type {HTMLElement[]} */
  #others = [];
  /** Of the same step in every sequence. @type {HTMLElement[]} */
  #steps = [];
  #fieldOnDigit = create("tooltip-marker tooltip-receptive-field");
  #tip = create("tooltip-panel");
  #values = create("tooltip-values", "dl");
  #position = create("tooltip-position", "p");
  #inset = create("tooltip-window");
  #copy = document.createElement("canvas");
  #fieldOnCopy = create("tooltip-marker");
  /** The value that is shown. @type {ValuePosition | undefined} */
  position;

  constructor() {
    this.#layer.setAttribute("aria-hidden", "true"); // value-keys.js announces values instead
    this.#layer.hidden = true;
    this.#copy.width = this.#copy.height = SIDE;
    this.#inset.append(this.#copy, this.#fieldOnCopy);
    this.#tip.append(this.#values, this.#position, this.#inset);
    this.#layer.append(this.#marker, this.#fieldOnDigit, this.#tip);
    document.body.append(this.#layer);
    const update = () => this.position && this.show(this.position);
    document.addEventListener("scroll", update, { capture: true, passive: true });
    addEventListener("resize", update);
  }

  /** @param {ValuePosition} position */
  show(position) {
    this.position = position;
    this.#layer.hidden = false;
    const box = valueBox(position);
    setBox(this.#marker, box);
    const equation = position.target.element.closest(EQUATION);
    this.#tip.hidden = equation !== null;
    this.#others.forEach((marker) => marker.remove());
    this.#markStep(position);
    if (equation) {
      void this.#showEquation(equation, position);
      this.#showReceptiveField(position);
      return;
    }
    this.#release();
    this.#showValues(position);
    this.#showReceptiveField(position);
    this.#placeTip(box);
  }

  hide() {
    this.position = undefined;
    this.#layer.hidden = true;
    this.#release();
  }

  /** Let the line of an equation scroll with its maps again. */
  #release() {
    document.querySelector(".equation-line.is-pointed")?.classList.remove("is-pointed");
  }

  /**
   * Mark the value in every map of the equation, and write its numbers below them.
   * @param {Element} equation
   * @param {ValuePosition} position
   */
  async #showEquation(equation, position) {
    const { filter } = position.cell;
    const figures = /** @type {NodeListOf<HTMLElement>} */ (
      equation.querySelectorAll(":scope > figure")
    );
    const targets = await Promise.all([...figures].map(cachedHitTarget)).catch(() => []);
    if (this.position !== position) return;
    this.#others.forEach((marker) => marker.remove());
    const texts = targets.flatMap((target) => {
      const [layer, cell] = [target.layers[0], target.cells.find((one) => one.filter === filter)];
      const { row, column } = position;
      if (!layer || !cell || row >= layer.maps.height || column >= layer.maps.width) return [];
      if (target.element !== position.target.element) {
        this.#others.push(this.#mark(valueBox({ target, cell, row, column })));
      }
      const { sign = "", symbol = "" } = target.element.dataset;
      return [`${sign} ${symbol} ${valueText(layer.maps, filter, row, column)}`.trim()];
    });
    const line = equation.parentElement?.querySelector("[data-equation-line]");
    const where = textOf(position);
    if (!line) return;
    line.textContent = `${where}:\u2003${texts.join("\u2003")}`;
    if (!line.classList.contains("is-pointed")) this.#release();
    line.classList.add("is-pointed");
  }

  /**
   * @param {Rectangle} box
   * @param {string} [className]
   */
  #mark(box, className = "tooltip-marker") {
    const marker = create(className);
    setBox(marker, box);
    this.#layer.append(marker);
    return marker;
  }

  /** Mark the step of a sequence in every map of the page. @param {ValuePosition} position */
  #markStep({ target, cell, row }) {
    this.#steps.forEach((marker) => marker.remove());
    const maps = target.layers[cell.layer]?.maps;
    const boxes = maps?.isSequence ? stepBoxes(row, maps.height) : [];
    this.#steps = boxes.map((box) => this.#mark(box, "tooltip-step"));
  }

  /** @param {ValuePosition} position */
  #showValues(position) {
    const { target, cell, row, column } = position;
    this.#position.textContent = textOf(position);
    const lines = target.layers.flatMap((layer, index) => {
      const symbol = Object.assign(create(layer.tone, "dt"), { textContent: layer.symbol });
      const value = create(index === cell.layer ? "is-current" : "", "dd");
      value.textContent = valueText(layer.maps, cell.filter, row, column);
      return layer.symbol ? [symbol, value] : [value];
    });
    this.#values.replaceChildren(...lines);
  }

  /**
   * Outline it on the page's digit if that is large and in view, else on a copy in the tooltip.
   * @param {ValuePosition} position
   */
  #showReceptiveField({ target, cell, row, column }) {
    const layer = target.layers[cell.layer];
    const digit = visibleDigit();
    const isOnDigit = digit !== undefined && canOutline(digit);
    this.#inset.hidden = isOnDigit || !digit || this.#tip.hidden;
    this.#fieldOnDigit.hidden = true;
    if (!digit || !layer || (layer.maps.isSequence && isOnDigit)) return;
    const context = this.#copy.getContext("2d");
    const isLoaded = !(digit instanceof HTMLImageElement) || digit.naturalWidth > 0;
    if (!isOnDigit && isLoaded && context) {
      context.imageSmoothingEnabled = false;
      context.drawImage(digit, 0, 0, SIDE, SIDE);
    }
    loadReceptiveFields(layer.mapsAddress).then((fields) => {
      const field = fields.get(layer.layer);
      if (!field || this.position?.cell !== cell) return;
      this.#fieldOnDigit.hidden = !isOnDigit;
      const box = isOnDigit
        ? digit.getBoundingClientRect()
        : new DOMRect(0, 0, this.#copy.offsetWidth, this.#copy.offsetHeight);
      setBox(isOnDigit ? this.#fieldOnDigit : this.#fieldOnCopy, fieldBox(box, field, row, column));
    }, () => { this.#inset.hidden = true; });
  }

  /**
   * Place the tooltip right of and above a value, or where there is room.
   * @param {Rectangle} value
   */
  #placeTip({ left, top, width, height }) {
    const { offsetWidth, offsetHeight } = this.#tip;
    const right = left + width + DISTANCE_PX;
    const fits = right + offsetWidth + MARGIN_PX <= document.documentElement.clientWidth;
    const x = fits ? right : left - DISTANCE_PX - offsetWidth;
    const above = top - DISTANCE_PX - offsetHeight;
    const y = above >= MARGIN_PX ? above : top + height + DISTANCE_PX;
    this.#tip.style.translate = `${Math.max(x, MARGIN_PX)}px ${y}px`;
  }
}

/** Where a value is, in words. @param {ValuePosition} position */
function textOf({ target, cell, row, column }) {
  const maps = target.layers[cell.layer]?.maps;
  return maps ? positionText(maps, cell.filter, row, column) : "";
}

function visibleDigit() {
  const digits = /** @type {NodeListOf<HTMLImageElement | HTMLCanvasElement>} */ (
    document.querySelectorAll(DIGITS)
  );
  return [...digits].find((digit) => digit.checkVisibility());
}

/** Whether a digit is wholly in view and large enough. @param {Element} digit */
function canOutline(digit) {
  const { top, bottom, left, right, width } = digit.getBoundingClientRect();
  const isInView = top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
  return isInView && width >= MIN_OUTLINE_WIDTH_PX;
}

/**
 * A value's receptive field on screen.
 * @param {DOMRect} digit
 * @param {ReceptiveField} field
 * @param {number} row
 * @param {number} column
 * @returns {Rectangle}
 */
function fieldBox(digit, field, row, column) {
  const size = inputSize();
  const { top, left, bottom, right } = inputWindow(field, row, column, size);
  const [across, down] = [digit.width / size.width, digit.height / size.height];
  return {
    left: digit.left + left * across,
    top: digit.top + top * down,
    width: (right - left) * across,
    height: (bottom - top) * down,
  };
}

/** Of the network's input, in its pixels. */
function inputSize() {
  const form = /** @type {HTMLElement | null} */ (document.querySelector("form[data-draw]"));
  const [height = SIDE, width = SIDE] = form?.dataset["size"]?.split(" ").map(Number) ?? [];
  return { height, width };
}

/**
 * Place an element that is absolutely positioned.
 * @param {HTMLElement} element
 * @param {Rectangle} box
 */
export function setBox(element, { left, top, width, height }) {
  Object.assign(element.style, {
    left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`,
  });
}

export const tooltip = new Tooltip();
