// @ts-check
/**
 * What of the input each value of a layer can see, as the API states it.
 * @module
 */

/** @typedef {readonly [rows: number, columns: number]} Pair */
/** @typedef {{ start: Pair, stride: Pair, size: Pair }} Field */
/** @typedef {{ top: number, left: number, bottom: number, right: number }} Seen */

/**
 * The part of the input that one value sees, cut to the input.
 * @param {Field} field
 * @param {number} row
 * @param {number} column
 * @param {number} side of the input, in pixels
 * @returns {Seen} first row and column, and the ones after the last
 */
export function seen({ start, stride, size }, row, column, side) {
  /** @param {number} at */
  const inside = (at) => Math.min(Math.max(at, 0), side);
  const [top, left] = [start[0] + stride[0] * row, start[1] + stride[1] * column];
  return {
    top: inside(top),
    left: inside(left),
    bottom: inside(top + size[0]),
    right: inside(left + size[1]),
  };
}

/** @type {Map<string, Promise<Map<string, Field>>>} */
const kept = new Map();

/**
 * The receptive field of every layer of a network, by name; asked for once.
 * @param {string} values address of any of the network's maps
 * @returns {Promise<Map<string, Field>>}
 */
export function fieldsBeside(values) {
  const address = values.replace(/\/digits\/.*$/, "/layers");
  const known = kept.get(address) ?? load(address);
  kept.set(address, known);
  known.catch(() => kept.delete(address));
  return known;
}

/** @param {string} address @returns {Promise<Map<string, Field>>} */
async function load(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`The layers could not be had: ${response.status}.`);
  const layers = /** @type {{ name: string, receptive_field: Field }[]} */ (await response.json());
  return new Map(layers.map((layer) => [layer.name, layer.receptive_field]));
}
