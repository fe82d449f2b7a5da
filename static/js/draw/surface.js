// @ts-check
/**
 * The drawing surface: turns pointer events into strokes, and paints them over the current digit
 * once per screen frame.
 * @module
 */

import { paintStrokes, widthUnderPressure } from "./strokes.js";

/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {import("./strokes.js").Point} Point */

/** A canvas that draws with one pointer at a time, so that a resting palm draws nothing. */
export class DrawingSurface {
  #canvas;
  #state;
  #onChange;
  /** @type {number | undefined} */
  #pointerId;
  #isPaintScheduled = false;
  /** Of the digit under the strokes. */
  #picture = new Image();
  /** The strokes of a picture, which an eraser takes away. */
  #layer = document.createElement("canvas");

  /**
   * @param {HTMLCanvasElement} canvas over the page's picture of its digit
   * @param {{ drawing: Drawing, isOverPage: boolean, width: number, erases: boolean,
   *   colour: string | undefined, paper: string, inputAddress: (digit: string) => string }} state
   *   read at each use; `width` is that of new strokes, as a share of the longer side
   * @param {() => void} onChange
   */
  constructor(canvas, state, onChange) {
    this.#canvas = canvas;
    this.#state = state;
    this.#onChange = onChange;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#extend(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => this.#end(event));
    }
    canvas.addEventListener("contextmenu", (event) => event.preventDefault()); // from a long press
    this.#picture.addEventListener("load", () => this.repaint());
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  get isDrawing() {
    return this.#pointerId !== undefined;
  }

  /** End the current stroke. */
  endStroke() {
    this.#pointerId = undefined;
  }

  /** Paint with the next screen frame. */
  repaint() {
    if (this.#isPaintScheduled) return;
    this.#isPaintScheduled = true;
    requestAnimationFrame(() => {
      this.#isPaintScheduled = false;
      this.#paint();
    });
  }

  /** The page's picture of its digit lies under the canvas, which is clear where that shows. */
  #paint() {
    const context = this.#canvas.getContext("2d");
    const { width, height } = this.#canvas;
    const { drawing, isOverPage, paper } = this.#state;
    if (!context) return;
    context.clearRect(0, 0, width, height);
    if (!isOverPage) {
      context.fillStyle = paper;
      context.fillRect(0, 0, width, height);
      if (drawing.over !== null) this.#paintDigit(context, drawing.over);
    }
    const side = Math.max(width, height);
    if (drawing.isPicture) this.#paintLayer(context, side, drawing.strokes);
    else paintStrokes(context, side, drawing.strokes);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} side
   * @param {readonly import("./strokes.js").Stroke[]} strokes
   */
  #paintLayer(context, side, strokes) {
    const layer = this.#layer.getContext("2d");
    if (!layer) return;
    Object.assign(this.#layer, { width: this.#canvas.width, height: this.#canvas.height }); // clears it
    paintStrokes(layer, side, strokes, true);
    context.drawImage(this.#layer, 0, 0);
  }

  /**
   * Paint the digit under the strokes when the page shows another.
   * @param {CanvasRenderingContext2D} context
   * @param {string} digit
   */
  #paintDigit(context, digit) {
    const { width, height } = this.#canvas;
    const address = new URL(this.#state.inputAddress(digit), location.href).href;
    if (this.#picture.src !== address) this.#picture.src = address;
    else if (this.#picture.complete && this.#picture.naturalWidth) {
      context.imageSmoothingEnabled = false; // as the page shows its digit
      context.drawImage(this.#picture, 0, 0, width, height);
    }
  }

  /** Give the canvas one pixel per pixel of the screen. */
  #resize() {
    const { clientWidth, clientHeight } = this.#canvas;
    const width = Math.round(clientWidth * devicePixelRatio);
    const height = Math.round(clientHeight * devicePixelRatio);
    if (width === 0 || (width === this.#canvas.width && height === this.#canvas.height)) return;
    Object.assign(this.#canvas, { width, height });
    this.repaint();
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    if (event.button !== 0 || this.#pointerId !== undefined) return;
    event.preventDefault(); // or a drag would select the page's text
    this.#pointerId = event.pointerId;
    if (event.isTrusted) this.#canvas.setPointerCapture(event.pointerId);
    const { drawing, erases, colour } = this.#state;
    drawing.begin(this.#pointOf(event), erases, colour);
    this.repaint();
    this.#onChange();
  }

  /** @param {PointerEvent} event */
  #extend(event) {
    if (event.pointerId !== this.#pointerId) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    const points = (coalesced.length ? coalesced : [event]).map((move) => this.#pointOf(move));
    if (!points.map((point) => this.#state.drawing.extend(point)).includes(true)) return;
    this.repaint();
    this.#onChange();
  }

  /** @param {Event} event */
  #end(event) {
    if (!(event instanceof PointerEvent) || event.pointerId !== this.#pointerId) return;
    this.endStroke();
    this.#onChange();
  }

  /**
   * Only a pen's pressure is used: fingers report how much glass they touch, or nothing.
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #pointOf(event) {
    const box = this.#canvas.getBoundingClientRect();
    const { width } = this.#state;
    const side = Math.max(box.width, box.height);
    const share = (/** @type {number} */ part) => Math.min(Math.max(part / side, -1), 2);
    return [
      rounded(share(event.clientX - box.left)),
      rounded(share(event.clientY - box.top)),
      rounded(event.pointerType === "pen" ? widthUnderPressure(width, event.pressure) : width),
    ];
  }
}

/** To a tenth of a pixel of the surface: a drawing is sent as text. @param {number} share */
function rounded(share) {
  return Math.round(share * 10_000) / 10_000;
}
