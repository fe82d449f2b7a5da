// @ts-check
/**
 * Paints strokes, white on black as MNIST's are, and writes the small PNG that is sent.
 * @module
 */

import { pieces } from "./strokes.js";

/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {import("./strokes.js").Piece} Piece */

const SIDE = 128; // several times the 20 pixels that the digit is brought to, and quickly sent
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = [8, 0, 0, 0, 0]; // eight bits, grey, and the one way of packing, filtering and order
const POLYNOMIAL = 0xedb88320; // of the checksum, as the PNG specification has it in annex D

const CHECKS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let check = byte;
  for (let bit = 0; bit < 8; bit += 1) check = (check >>> 1) ^ (check & 1 ? POLYNOMIAL : 0);
  return check;
});

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

/** @param {Uint8Array} bytes */
function checksum(bytes) {
  let check = 0xffffffff;
  for (const byte of bytes) check = (check >>> 8) ^ (CHECKS[(check ^ byte) & 255] ?? 0);
  return ~check >>> 0;
}

/**
 * @param {string} name
 * @param {ArrayLike<number>} data
 * @returns {Uint8Array<ArrayBuffer>}
 */
function chunk(name, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set([...name].map((letter) => letter.charCodeAt(0)), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, checksum(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<Uint8Array>}
 */
async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * A square picture as a file. A canvas writes one too, but only when the page is idle, which it is
 * not while one draws.
 * @param {number} side pixels
 * @param {Uint8ClampedArray} rgba of them, row by row; they are grey, so that red stands for all
 * @returns {Promise<Blob>}
 */
export async function greyPng(side, rgba) {
  const rows = new Uint8Array(side * (side + 1)); // each row is led by the number of its filter
  for (let at = 0; at < side * side; at += 1) {
    rows[at + Math.floor(at / side) + 1] = rgba[4 * at] ?? 0;
  }
  const header = new Uint8Array(8 + GREY.length);
  new DataView(header.buffer).setUint32(0, side);
  new DataView(header.buffer).setUint32(4, side);
  header.set(GREY, 8);
  const body = [chunk("IHDR", header), chunk("IDAT", await deflated(rows)), chunk("IEND", [])];
  return new Blob([Uint8Array.from(SIGNATURE), ...body], { type: "image/png" });
}
