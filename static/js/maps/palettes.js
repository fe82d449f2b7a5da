// @ts-check
/**
 * Loads the colour palettes once, as look-up tables from level to pixel.
 * @module
 */

import { ROOT } from "../address.js";

/** @typedef {{ name: string, sequential: string, diverging: string }} PaletteJson */
/** @typedef {{ sequential: Uint32Array, diverging: Uint32Array }} Palette */

const LEVELS = 256;
const ADDRESS = `${ROOT}/api/v1/palettes`;

const CLEAR_LEVEL = 255;

/**
 * The pixel of each of 256 levels, in the byte order of ImageData; the last is transparent.
 * @param {string} hex six digits a level
 * @returns {Uint32Array}
 * @throws {TypeError} it is not 256 colours
 */
export function colourTable(hex) {
  if (!/^([0-9a-f]{6}){256}$/.test(hex)) {
    throw new TypeError("A palette must be 256 colours of six hex digits.");
  }
  const bytes = new Uint8Array(4 * LEVELS);
  for (let level = 0; level < CLEAR_LEVEL; level += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const start = 6 * level + 2 * channel;
      bytes[4 * level + channel] = parseInt(hex.slice(start, start + 2), 16);
    }
    bytes[4 * level + 3] = 255;
  }
  return new Uint32Array(bytes.buffer);
}

/** @type {Promise<Map<string, Palette>> | undefined} */
let loading;

/**
 * One palette; all of them are fetched with the first. A failed request is repeated next time.
 * @param {string} name
 * @returns {Promise<Palette>}
 * @throws {RangeError} there is no palette of that name
 */
export async function loadPalette(name) {
  loading ??= fetchPalettes().catch((error) => {
    loading = undefined;
    throw error;
  });
  const palette = (await loading).get(name);
  if (!palette) throw new RangeError(`There is no palette "${name}".`);
  return palette;
}

/** @returns {Promise<Map<string, Palette>>} */
async function fetchPalettes() {
  const response = await fetch(ADDRESS);
  if (!response.ok) throw new Error(`The palettes could not be loaded: ${response.status}.`);
  const palettes = /** @type {PaletteJson[]} */ (await response.json());
  return new Map(palettes.map(({ name, sequential, diverging }) =>
    [name, { sequential: colourTable(sequential), diverging: colourTable(diverging) }]));
}
