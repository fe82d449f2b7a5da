// @ts-check
/**
 * Reads NumPy's `.npy` format: little-endian float32 in C order.
 * @module
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */

/** @typedef {{ shape: number[], values: Float32Array }} NpyArray */

const MAGIC = "\x93NUMPY";
const VERSION_OFFSET = 6;
const LENGTH_OFFSET = 8;

/**
 * @param {ArrayBuffer} file
 * @returns {NpyArray}
 * @throws {TypeError} it is not a `.npy` file, or has another type or order
 */
export function parseNpy(file) {
  const [header, start] = headerOf(file);
  if (!/'descr':\s*'<f4'/.test(header)) {
    throw new TypeError("The .npy file must hold little-endian float32 ('<f4').");
  }
  if (!/'fortran_order':\s*False/.test(header)) {
    throw new TypeError("The .npy file must be in C order (fortran_order False).");
  }
  const sides = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (sides === undefined) throw new TypeError("The header of the .npy file has no shape.");
  const shape = (sides.match(/\d+/g) ?? []).map(Number);
  const count = shape.reduce((product, side) => product * side, 1);
  const size = file.byteLength - start;
  if (size !== 4 * count) {
    throw new TypeError(`The .npy file must hold ${count} values; it has ${size} bytes of data.`);
  }
  return { shape, values: float32Array(file, start, count) };
}

/**
 * The header, a Python literal, and the offset of the data.
 * @param {ArrayBuffer} file
 * @returns {[header: string, start: number]}
 */
function headerOf(file) {
  const view = new DataView(file);
  const bytes = new Uint8Array(file);
  const magic = String.fromCharCode(...bytes.subarray(0, VERSION_OFFSET));
  if (magic !== MAGIC || file.byteLength <= LENGTH_OFFSET + 4) {
    throw new TypeError("This is not a .npy file: it does not begin with \\x93NUMPY.");
  }
  const isLong = view.getUint8(VERSION_OFFSET) > 1; // from version 2 on the length has four bytes
  const start = LENGTH_OFFSET + (isLong ? 4 : 2);
  const length = isLong ? view.getUint32(LENGTH_OFFSET, true) : view.getUint16(LENGTH_OFFSET, true);
  const end = start + length;
  if (end > file.byteLength) throw new TypeError("The header of the .npy file is cut off.");
  return [new TextDecoder("latin1").decode(bytes.subarray(start, end)), end];
}

/**
 * The values without a copy, if their offset and the machine's byte order allow it.
 * @param {ArrayBuffer} file
 * @param {number} start in bytes
 * @param {number} count
 * @returns {Float32Array}
 */
function float32Array(file, start, count) {
  const values = start % 4 === 0
    ? new Float32Array(file, start, count)
    : new Float32Array(file.slice(start), 0, count);
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return values;
  const view = new DataView(file, start);
  return values.map((_, index) => view.getFloat32(4 * index, true));
}
