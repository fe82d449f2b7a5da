// @ts-check
/**
 * Fetches a layer's maps as they are, once, and what the page knows of them.
 * @module
 */

import { parseNpy } from "./npy.js";

/** @typedef {import("./scaling.js").Maps} Maps */
/** @typedef {import("./scaling.js").Range} Range */

/** @type {Map<string, Promise<Maps>>} */
const kept = new Map();

/**
 * A layer's maps; what failed is tried again when it is next asked for.
 * @param {string} address of a `.npy` file with an array (H, W, C)
 * @returns {Promise<Maps>}
 */
export function rawMaps(address) {
  const known = kept.get(address);
  if (known) return known;
  const loading = load(address);
  loading.catch(() => kept.delete(address));
  kept.set(address, loading);
  return loading;
}

/** @param {string} address @returns {Promise<Maps>} */
async function load(address) {
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
