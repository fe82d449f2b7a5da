// @ts-check
/**
 * The surface that one draws on: pointers in, strokes out, painted once a frame of the screen.
 * @module
 */

import { paint } from "./rasterize.js";
import { NEUTRAL } from "./strokes.js";

/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {import("./strokes.js").Point} Point */

/** A canvas that follows one pointer at a time; a second one, as a palm is, draws nothing. */
export class Surface {
  #canvas;
  #drawing;
  #changed;
  /** @type {number | undefined} */
  #pointer;
  #painting = false;

  /**
   * @param {HTMLCanvasElement} canvas square on the page
   * @param {Drawing} drawing
   * @param {() => number} width of new strokes, in units of the side
   * @param {() => void} changed called whenever a stroke begins, grows or ends
   */
  constructor(canvas, drawing, width, changed) {
    this.#canvas = canvas;
    this.#drawing = drawing;
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event, width()));
    canvas.addEventListener("pointermove", (event) => this.#extend(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => this.#end(event));
    }
    canvas.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press
    new ResizeObserver(() => this.#fit()).observe(canvas);
  }

  /** Whether a stroke is under way. */
  get isBusy() {
    return this.#pointer !== undefined;
  }

  /** End the stroke under way. */
  release() {
    this.#pointer = undefined;
  }

  /** Paint before the next frame of the screen. */
  repaint() {
    if (this.#painting) return;
    this.#painting = true;
    requestAnimationFrame(() => {
      this.#painting = false;
      const context = this.#canvas.getContext("2d", { alpha: false });
      if (context) paint(context, this.#canvas.width, this.#drawing.strokes);
    });
  }

  /** As many pixels as the screen shows. */
  #fit() {
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
    if (event.button !== 0 || this.#pointer !== undefined) return;
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#drawing.begin(width, this.#point(event));
    this.#note();
  }

  /** @param {PointerEvent} event */
  #extend(event) {
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length ? events : [event]).map((one) => this.#point(one));
    if (points.map((point) => this.#drawing.extend(point)).includes(true)) this.#note();
  }

  /** @param {Event} event */
  #end(event) {
    if (!(event instanceof PointerEvent) || event.pointerId !== this.#pointer) return;
    this.release();
    this.#changed();
  }

  #note() {
    this.repaint();
    this.#changed();
  }

  /**
   * Only pens press: what fingers report is how wide they lie on the glass, or nothing.
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #point(event) {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) / box.width,
      y: (event.clientY - box.top) / box.height,
      pressure: event.pointerType === "pen" ? event.pressure : NEUTRAL,
    };
  }
}
