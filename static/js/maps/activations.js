// @ts-check
/**
 * Fetches feature maps and receptive fields from the API, each once.
 * @module
 */

import { parseNpy } from "./npy.js";

/** Of a digit, in pixels; a sequence of as many steps reads its rows. */
export const SIDE = 28;

/**
 * A layer's feature maps in the order (H, W, C). Of a sequence, (1, T, C), the steps are rows: they
 * run downwards in pictures.
 * @typedef {{ height: number, width: number, filters: number, isSequence: boolean,
 *   values: Float32Array }} FeatureMaps
 */

/** @typedef {readonly [rows: number, columns: number]} Pair */
/**
 * The input pixels that the value at row r, column c depends on start at `start + stride * (r, c)`.
 * @typedef {{ start: Pair, stride: Pair, size: Pair }} ReceptiveField
 */
/**
 * Pixels of the input; bottom and right are exclusive.
 * @typedef {{ top: number, left: number, bottom: number, right: number }} InputWindow
 */

/** Requests by address. @type {Map<string, Promise<FeatureMaps>>} */
const mapsCache = new Map();
/** Requests by address. @type {Map<string, Promise<Map<string, ReceptiveField>>>} */
const fieldsCache = new Map();

/**
 * A layer's feature maps. A failed request is repeated next time.
 * @param {string} address of a `.npy` file with an array (H, W, C)
 * @returns {Promise<FeatureMaps>}
 */
export function loadMaps(address) {
  return cached(mapsCache, address, fetchMaps);
}

/**
 * The receptive field of every layer of a network, by the layer's name.
 * @param {string} mapsAddress of any feature maps of the network
 * @returns {Promise<Map<string, ReceptiveField>>}
 */
export function loadReceptiveFields(mapsAddress) {
  return cached(fieldsCache, mapsAddress.replace(/\/digits\/.*$/, "/layers"), fetchReceptiveFields);
}

/**
 * What is at an address, asked for once. A failed request is repeated next time.
 * @template T
 * @param {Map<string, Promise<T>>} cache
 * @param {string} address
 * @param {(address: string) => Promise<T>} load
 * @returns {Promise<T>}
 */
export function cached(cache, address, load) {
  const known = cache.get(address);
  if (known) return known;
  const loading = load(address);
  loading.catch(() => cache.delete(address));
  cache.set(address, loading);
  return loading;
}

/**
 * Whether a map of this size is a sequence, one step after another.
 * @param {number} height
 * @param {number} width
 */
export function isSequenceOf(height, width) {
  return height === 1 && width > 1;
}

/** @param {string} address @returns {Promise<FeatureMaps>} */
async function fetchMaps(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`The maps could not be loaded: ${response.status}.`);
  const { shape, values } = parseNpy(await response.arrayBuffer());
  const [height, width, filters] = shape;
  if (height === undefined || width === undefined || filters === undefined || shape.length > 3) {
    throw new TypeError("Maps must have three axes: rows, columns, filters.");
  }
  const isSequence = isSequenceOf(height, width);
  return isSequence
    ? { height: width, width: height, filters, isSequence, values }
    : { height, width, filters, isSequence, values };
}

/** @param {string} address @returns {Promise<Map<string, ReceptiveField>>} */
async function fetchReceptiveFields(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`The layers could not be loaded: ${response.status}.`);
  const layers = /** @type {{ name: string, receptive_field: ReceptiveField }[]} */ (
    await response.json()
  );
  return new Map(layers.map((layer) => [layer.name, layer.receptive_field]));
}

/**
 * The part of the input that one value depends on, clipped to the input.
 * @param {ReceptiveField} field
 * @param {number} row
 * @param {number} column
 * @param {{ height: number, width: number }} input in pixels
 * @returns {InputWindow}
 */
export function inputWindow({ start, stride, size }, row, column, input) {
  /** @param {number} position @param {number} most */
  const clip = (position, most) => Math.min(Math.max(position, 0), most);
  const [top, left] = [start[0] + stride[0] * row, start[1] + stride[1] * column];
  return {
    top: clip(top, input.height),
    left: clip(left, input.width),
    bottom: clip(top + size[0], input.height),
    right: clip(left + size[1], input.width),
  };
}
