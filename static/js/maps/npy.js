// @ts-check
/**
 * Reads an array of NumPy's format: float32, little-endian, row by row.
 * @module
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */

/** @typedef {{ shape: number[], values: Float32Array }} Parsed */

const MAGIC = "\x93NUMPY";
const VERSION_AT = 6;
const LENGTH_AT = 8;

/**
 * The array in a `.npy` file.
 * @param {ArrayBuffer} file
 * @returns {Parsed}
 * @throws {TypeError} it is no such file, or holds something else
 */
export function parseNpy(file) {
  const view = new DataView(file);
  const bytes = new Uint8Array(file);
  const magic = String.fromCharCode(...bytes.subarray(0, VERSION_AT));
  if (magic !== MAGIC || file.byteLength <= LENGTH_AT + 4) {
    throw new TypeError("This is no .npy file: it does not begin with \\x93NUMPY.");
  }
  const wide = view.getUint8(VERSION_AT) > 1; // from version 2 on the length takes four bytes
  const start = LENGTH_AT + (wide ? 4 : 2);
  const end = start + (wide ? view.getUint32(LENGTH_AT, true) : view.getUint16(LENGTH_AT, true));
  if (end > file.byteLength) throw new TypeError("The header of the .npy file is cut off.");
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, end));
  if (!/'descr':\s*'<f4'/.test(header)) {
    throw new TypeError("The .npy file must hold little-endian float32 ('<f4').");
  }
  if (!/'fortran_order':\s*False/.test(header)) {
    throw new TypeError("The .npy file must be written row by row (fortran_order False).");
  }
  const written = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (written === undefined) throw new TypeError("The header of the .npy file states no shape.");
  const shape = (written.match(/\d+/g) ?? []).map(Number);
  const count = shape.reduce((product, side) => product * side, 1);
  if (file.byteLength - end !== 4 * count) {
    throw new TypeError(`The .npy file must hold ${count} values; ${file.byteLength - end} bytes follow.`);
  }
  return { shape, values: floats(file, end, count) };
}

/**
 * @param {ArrayBuffer} file
 * @param {number} at
 * @param {number} count
 * @returns {Float32Array}
 */
function floats(file, at, count) {
  const aligned = at % 4 === 0 ? file : file.slice(at);
  const values = new Float32Array(aligned, aligned === file ? at : 0, count);
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return values;
  const view = new DataView(file, at);
  return values.map((_, place) => view.getFloat32(4 * place, true));
}
