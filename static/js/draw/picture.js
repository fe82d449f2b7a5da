// @ts-check
/**
 * Paints strokes, white on black as MNIST's are, and makes the small picture that is sent.
 * @module
 */

import { greyPng } from "./png.js";
import { pieces } from "./strokes.js";

/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {import("./strokes.js").Piece} Piece */

const SIDE = 128; // several times the 20 pixels that the digit is brought to, and quickly sent

/**
 * Paint a square anew.
 * @param {CanvasRenderingContext2D} context
 * @param {number} side pixels
 * @param {readonly Stroke[]} strokes
 */
export function paint(context, side, strokes) {
  context.fillStyle = "#000";
  context.fillRect(0, 0, side, side);
  context.fillStyle = context.strokeStyle = "#fff";
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    const along = pieces(stroke);
    if (along.length === 1) along.forEach((piece) => dot(context, side, piece));
    else line(context, side, along);
  }
}

/**
 * A line of no length would be left out.
 * @param {CanvasRenderingContext2D} context
 * @param {number} side
 * @param {Piece} piece
 */
function dot(context, side, { by, width }) {
  context.beginPath();
  context.arc(by.x * side, by.y * side, (width * side) / 2, 0, 2 * Math.PI);
  context.fill();
}

/**
 * One path for as long as the width stays: paths that meet would show where their edges overlap.
 * @param {CanvasRenderingContext2D} context
 * @param {number} side
 * @param {readonly Piece[]} along
 */
function line(context, side, along) {
  for (const [at, { from, by, to, width }] of along.entries()) {
    if (along[at - 1]?.width !== width) {
      context.beginPath();
      context.lineWidth = width * side;
      context.moveTo(from.x * side, from.y * side);
    }
    context.quadraticCurveTo(by.x * side, by.y * side, to.x * side, to.y * side);
    if (along[at + 1]?.width !== width) context.stroke();
  }
}

/** Makes pictures on a canvas of its own. */
export class Camera {
  #context;

  constructor() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    if (!context) throw new Error("The browser gives no canvas to paint on.");
    this.#context = context;
  }

  /**
   * The strokes as a PNG; the same strokes give the same picture.
   * @param {readonly Stroke[]} strokes
   * @returns {Promise<Blob>}
   */
  take(strokes) {
    paint(this.#context, SIDE, strokes);
    return greyPng(SIDE, this.#context.getImageData(0, 0, SIDE, SIDE).data);
  }
}
