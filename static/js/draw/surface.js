// @ts-check
/**
 * The drawing surface: turns pointer events into strokes and paints them once per screen frame.
 * @module
 */

import { paintStrokes } from "./rasterize.js";
import { NEUTRAL_PRESSURE } from "./strokes.js";

/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {import("./strokes.js").Point} Point */

/** A canvas that draws with one pointer at a time, so that a resting palm draws nothing. */
export class DrawingSurface {
  #canvas;
  #drawing;
  #onChange;
  /** @type {number | undefined} */
  #pointerId;
  #isPaintScheduled = false;

  /**
   * @param {HTMLCanvasElement} canvas square on the page
   * @param {Drawing} drawing
   * @param {() => number} width of new strokes, as a share of the side
   * @param {() => void} onChange called whenever a stroke begins, grows or ends
   */
  constructor(canvas, drawing, width, onChange) {
    this.#canvas = canvas;
    this.#drawing = drawing;
    this.#onChange = onChange;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event, width()));
    canvas.addEventListener("pointermove", (event) => this.#extend(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => this.#end(event));
    }
    canvas.addEventListener("contextmenu", (event) => event.preventDefault()); // from a long press
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
      const context = this.#canvas.getContext("2d", { alpha: false });
      if (context) paintStrokes(context, this.#canvas.width, this.#drawing.strokes);
    });
  }

  /** Give the canvas one pixel per pixel of the screen. */
  #resize() {
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (side === 0 || side === this.#canvas.width) return;
    this.#canvas.width = this.#canvas.height = side;
    this.repaint();
  }

  /**
   * @param {PointerEvent} event
   * @param {number} width
   */
  #begin(event, width) {
    if (event.button !== 0 || this.#pointerId !== undefined) return;
    this.#pointerId = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#drawing.begin(width, this.#pointOf(event));
    this.#handleChange();
  }

  /** @param {PointerEvent} event */
  #extend(event) {
    if (event.pointerId !== this.#pointerId) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    const points = (coalesced.length ? coalesced : [event]).map((move) => this.#pointOf(move));
    if (points.map((point) => this.#drawing.extend(point)).includes(true)) this.#handleChange();
  }

  /** @param {Event} event */
  #end(event) {
    if (!(event instanceof PointerEvent) || event.pointerId !== this.#pointerId) return;
    this.endStroke();
    this.#onChange();
  }

  #handleChange() {
    this.repaint();
    this.#onChange();
  }

  /**
   * Only a pen's pressure is used: fingers report how much glass they touch, or nothing.
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #pointOf(event) {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) / box.width,
      y: (event.clientY - box.top) / box.height,
      pressure: event.pointerType === "pen" ? event.pressure : NEUTRAL_PRESSURE,
    };
  }
}
