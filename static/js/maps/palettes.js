// @ts-check
/**
 * Fetches the palettes' colours, once, and turns them into tables to look pixels up in.
 * @module
 */

/** @typedef {{ name: string, sequential: string, diverging: string }} Served */
/** @typedef {{ sequential: Uint32Array, diverging: Uint32Array }} Palette */

const LEVELS = 256;
const ADDRESS = "/api/v1/palettes";

/** The level that frames a map which says nothing, that of an index, and the transparent one. */
export const [FLAG_LEVEL, LABEL_LEVEL, CLEAR_LEVEL] = [253, 254, 255];

/**
 * The pixels of 256 levels, in the byte order of an ImageData; the last is transparent.
 * @param {string} hex six digits a level
 * @returns {Uint32Array}
 */
export function tableOf(hex) {
  if (!/^([0-9a-f]{6}){256}$/.test(hex)) {
    throw new TypeError("A palette must be 256 colours of six hex digits.");
  }
  const bytes = new Uint8Array(4 * LEVELS);
  for (let level = 0; level < CLEAR_LEVEL; level += 1) {
    for (let part = 0; part < 3; part += 1) {
      const at = 6 * level + 2 * part;
      bytes[4 * level + part] = parseInt(hex.slice(at, at + 2), 16);
    }
    bytes[4 * level + 3] = 255;
  }
  return new Uint32Array(bytes.buffer);
}

/**
 * A level's colour as CSS and SVG take it.
 * @param {Uint32Array} table
 * @param {number} level
 */
export function colourOf(table, level) {
  const [red, green, blue] = new Uint8Array(table.buffer, 4 * level, 3);
  return `rgb(${red} ${green} ${blue})`;
}

/**
 * Whether dark text is read more easily on a level's colour: by its luma, as the server decides.
 * @param {Uint32Array} table
 * @param {number} level
 */
export function isBright(table, level) {
  const [red = 0, green = 0, blue = 0] = new Uint8Array(table.buffer, 4 * level, 3);
  // Luma, as ITU-R BT.601 weighs the primaries.
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140;
}

/** @type {Promise<Map<string, Palette>> | undefined} */
let loading;

/** Every palette by name. @returns {Promise<Map<string, Palette>>} */
export function palettes() {
  loading ??= load().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/** @returns {Promise<Map<string, Palette>>} */
async function load() {
  const response = await fetch(ADDRESS);
  if (!response.ok) throw new Error(`The palettes could not be had: ${response.status}.`);
  const served = /** @type {Served[]} */ (await response.json());
  return new Map(served.map(({ name, sequential, diverging }) =>
    [name, { sequential: tableOf(sequential), diverging: tableOf(diverging) }]));
}
