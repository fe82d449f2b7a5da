// @ts-check
/**
 * Paints strokes in white on black, as MNIST has them, and encodes them as a small grey PNG.
 * @module
 */

import { curvesOf } from "./strokes.js";

/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {import("./strokes.js").Curve} Curve */

const SIDE_PX = 128; // several times the 20 pixels that a digit is scaled to, yet few bytes
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY_8_BIT = [8, 0, 0, 0, 0]; // bit depth, colour type, compression, filter, interlace
const CRC_POLYNOMIAL = 0xedb88320; // of the PNG specification, annex D

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? CRC_POLYNOMIAL : 0);
  return crc;
});

/**
 * Paint strokes on a black square.
 * @param {CanvasRenderingContext2D} context
 * @param {number} side pixels
 * @param {readonly Stroke[]} strokes
 */
export function paintStrokes(context, side, strokes) {
  context.fillStyle = "#000";
  context.fillRect(0, 0, side, side);
  context.fillStyle = context.strokeStyle = "#fff";
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    const curves = curvesOf(stroke);
    if (curves.length === 1) curves.forEach((curve) => paintDot(context, side, curve));
    else paintLine(context, side, curves);
  }
}

/**
 * A canvas leaves out lines of length zero, so a dot is a disc.
 * @param {CanvasRenderingContext2D} context
 * @param {number} side
 * @param {Curve} curve
 */
function paintDot(context, side, { control, width }) {
  context.beginPath();
  context.arc(control.x * side, control.y * side, (width * side) / 2, 0, 2 * Math.PI);
  context.fill();
}

/**
 * Curves of one width are one path, because the seams between paths would show.
 * @param {CanvasRenderingContext2D} context
 * @param {number} side
 * @param {readonly Curve[]} curves
 */
function paintLine(context, side, curves) {
  for (const [index, { from, control, to, width }] of curves.entries()) {
    if (curves[index - 1]?.width !== width) {
      context.beginPath();
      context.lineWidth = width * side;
      context.moveTo(from.x * side, from.y * side);
    }
    context.quadraticCurveTo(control.x * side, control.y * side, to.x * side, to.y * side);
    if (curves[index + 1]?.width !== width) context.stroke();
  }
}

/** Turns strokes into PNG files. The same strokes give the same bytes. */
export class Rasterizer {
  #context;

  constructor() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE_PX;
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    if (!context) throw new Error("The browser cannot draw on a canvas.");
    this.#context = context;
  }

  /**
   * @param {readonly Stroke[]} strokes
   * @returns {Promise<Blob>}
   */
  toPng(strokes) {
    paintStrokes(this.#context, SIDE_PX, strokes);
    const { data } = this.#context.getImageData(0, 0, SIDE_PX, SIDE_PX);
    return encodeGreyPng(SIDE_PX, data);
  }
}

/**
 * Encode a grey square. `canvas.toBlob` waits until the page is idle, which it is not while someone
 * draws.
 * @param {number} side pixels
 * @param {Uint8ClampedArray} rgba row by row; grey, so the red channel is used
 * @returns {Promise<Blob>}
 */
export async function encodeGreyPng(side, rgba) {
  const rows = new Uint8Array(side * (side + 1)); // each row begins with its filter type, 0
  for (let index = 0; index < side * side; index += 1) {
    rows[index + Math.floor(index / side) + 1] = rgba[4 * index] ?? 0;
  }
  const header = new Uint8Array(8 + GREY_8_BIT.length);
  new DataView(header.buffer).setUint32(0, side);
  new DataView(header.buffer).setUint32(4, side);
  header.set(GREY_8_BIT, 8);
  const chunks = [chunk("IHDR", header), chunk("IDAT", await deflate(rows)), chunk("IEND", [])];
  return new Blob([Uint8Array.from(SIGNATURE), ...chunks], { type: "image/png" });
}

/**
 * @param {string} type
 * @param {ArrayLike<number>} data
 * @returns {Uint8Array<ArrayBuffer>}
 */
function chunk(type, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set([...type].map((letter) => letter.charCodeAt(0)), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 255] ?? 0);
  return ~crc >>> 0;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<Uint8Array>}
 */
async function deflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
