// @ts-check
/**
 * Reads NumPy's `.npy` format of version 1: little-endian float32 in C order.
 * @module
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */

/** @typedef {{ shape: number[], values: Float32Array }} NpyArray */

const MAGIC = "\x93NUMPY";
const LENGTH_OFFSET = 8;
const HEADER_OFFSET = 10;

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
  return { shape, values: new Float32Array(file, start, count) }; // NumPy aligns them
}

/**
 * The header, a Python literal, and the offset of the data.
 * @param {ArrayBuffer} file
 * @returns {[header: string, start: number]}
 */
function headerOf(file) {
  const view = new DataView(file);
  const bytes = new Uint8Array(file);
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC || file.byteLength <= HEADER_OFFSET || view.getUint8(MAGIC.length) !== 1) {
    throw new TypeError("This is not a .npy file of version 1.");
  }
  const end = HEADER_OFFSET + view.getUint16(LENGTH_OFFSET, true);
  if (end > file.byteLength) throw new TypeError("The header of the .npy file is cut off.");
  return [new TextDecoder("latin1").decode(bytes.subarray(HEADER_OFFSET, end)), end];
}
