// @ts-check
/**
 * Fetches a layer's maps and the receptive fields of a network, each once.
 * @module
 */

import { parseNpy } from "./npy.js";

/** @typedef {import("./value-range.js").Maps} Maps */
/** @typedef {import("./value-range.js").Range} Range */

/** @type {Map<string, Promise<Maps>>} */
const keptMaps = new Map();

/**
 * A layer's maps; what failed is tried again when it is next asked for.
 * @param {string} address of a `.npy` file with an array (H, W, C)
 * @returns {Promise<Maps>}
 */
export function rawMaps(address) {
  const known = keptMaps.get(address);
  if (known) return known;
  const loading = loadMaps(address);
  loading.catch(() => keptMaps.delete(address));
  keptMaps.set(address, loading);
  return loading;
}

/** @param {string} address @returns {Promise<Maps>} */
async function loadMaps(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`The maps could not be had: ${response.status}.`);
  const { shape, values } = parseNpy(await response.arrayBuffer());
  const [height, width, filters] = shape;
  if (height === undefined || width === undefined || filters === undefined || shape.length > 3) {
    throw new TypeError("Maps must have three axes: rows, columns, filters.");
  }
  return { height, width, filters, values };
}

/**
 * What shares a scale with a figure's layer, as the page states it.
 * @param {HTMLElement} figure
 * @returns {{ network: Range, block: Range | null }}
 */
export function scopesOf(figure) {
  const around = figure.closest("[data-network-range]");
  const network = around instanceof HTMLElement ? around.dataset["networkRange"] : undefined;
  return { network: pair(network) ?? [0, 0], block: pair(figure.dataset["blockRange"]) ?? null };
}

/** @param {string | undefined} text @returns {Range | undefined} */
function pair(text) {
  const [low, high] = text?.split(" ").map(Number) ?? [];
  return low === undefined || high === undefined ? undefined : [low, high];
}

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
const keptFields = new Map();

/**
 * The receptive field of every layer of a network, by name; asked for once.
 * @param {string} values address of any of the network's maps
 * @returns {Promise<Map<string, Field>>}
 */
export function fieldsBeside(values) {
  const address = values.replace(/\/digits\/.*$/, "/layers");
  const known = keptFields.get(address) ?? loadFields(address);
  keptFields.set(address, known);
  known.catch(() => keptFields.delete(address));
  return known;
}

/** @param {string} address @returns {Promise<Map<string, Field>>} */
async function loadFields(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`The layers could not be had: ${response.status}.`);
  const layers = /** @type {{ name: string, receptive_field: Field }[]} */ (await response.json());
  return new Map(layers.map((layer) => [layer.name, layer.receptive_field]));
}
