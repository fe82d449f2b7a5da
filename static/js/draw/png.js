// @ts-check
/**
 * Writes grey pixels as a PNG file. A canvas does so too, but only when the page is idle, which it
 * is not while one draws. Knows no elements.
 * @module
 */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = [8, 0, 0, 0, 0]; // eight bits, grey, and the one way of packing, filtering and order
const POLYNOMIAL = 0xedb88320; // of the checksum, as the PNG specification has it in annex D

const CHECKS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let check = byte;
  for (let bit = 0; bit < 8; bit += 1) check = (check >>> 1) ^ (check & 1 ? POLYNOMIAL : 0);
  return check;
});

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
 * A square picture as a file.
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
