// @ts-check
/**
 * Paints maps into the pixels of a grid, nearest neighbour, as the server's picture has them.
 * @module
 */

import { LABEL_HEIGHT } from "./lattice.js";
import { CLEAR_LEVEL, FLAG_LEVEL, LABEL_LEVEL } from "./palettes.js";
import { isFlat, toLevels } from "./value-range.js";

/** @typedef {import("./lattice.js").Geometry} Geometry */
/** @typedef {import("./lattice.js").Box} Box */
/** @typedef {import("./value-range.js").Maps} Maps */
/** @typedef {import("./value-range.js").Range} Range */
/** @typedef {import("./value-range.js").Extents} Extents */

/**
 * Everything that maps are painted with; the levels are room for those of one map.
 * @typedef {{ maps: Maps, found: Extents, scales: Range[], table: Uint32Array, centred: boolean,
 *   levels: Uint8ClampedArray }} Paint
 */

// Numerals of 3 by 5 pixels.
const WIDTH = 3;
const GLYPHS = [
  "### #.# #.# #.# ###",
  ".#. ##. .#. .#. ###",
  "### ..# ### #.. ###",
  "### ..# .## ..# ###",
  "#.# #.# ### ..# ..#",
  "### #.. ### ..# ###",
  "### #.. ### #.# ###",
  "### ..# .#. .#. .#.",
  "### #.# ### #.# ###",
  "### #.# ### ..# ###",
].map((rows) => rows.split(" "));

/**
 * Paint a grid: maps, frames around those that say nothing, indices where there is room.
 * @param {Uint32Array} pixels of the whole grid, row by row
 * @param {Geometry} geometry
 * @param {readonly number[]} filters which map goes into each box
 * @param {Paint} paint
 */
export function paintGrid(pixels, geometry, filters, { maps, found, scales, table, centred, levels }) {
  const [clear, flag] = [colour(table, CLEAR_LEVEL), colour(table, FLAG_LEVEL)];
  geometry.boxes.forEach((box, at) => {
    const filter = /** @type {number} */ (filters[at]);
    const around = isFlat(maps, found, filter) ? flag : clear;
    if (geometry.framed) frame(pixels, geometry.width, box, around);
    toLevels(maps, filter, /** @type {Range} */ (scales[filter]), centred, levels);
    enlarge(pixels, geometry, box, levels, table);
    if (geometry.labels) label(pixels, geometry.width, box, filter, colour(table, LABEL_LEVEL));
  });
}

/** @param {Uint32Array} table @param {number} level */
function colour(table, level) {
  return /** @type {number} */ (table[level]);
}

/**
 * Each level as a square of pixels.
 * @param {Uint32Array} pixels
 * @param {{ width: number, zoom: number }} picture
 * @param {Box} box
 * @param {Uint8ClampedArray} levels
 * @param {Uint32Array} table
 */
function enlarge(pixels, { width: stride, zoom }, [left, top, width, height], levels, table) {
  for (let y = 0, at = 0; y < height; y += zoom) {
    const start = (top + y) * stride + left;
    for (let x = 0; x < width; x += zoom, at += 1) {
      const pixel = colour(table, /** @type {number} */ (levels[at]));
      for (let step = 0; step < zoom; step += 1) pixels[start + x + step] = pixel;
    }
    for (let line = 1; line < zoom; line += 1) {
      pixels.copyWithin(start + line * stride, start, start + width);
    }
  }
}

/**
 * Dots one pixel outside a map.
 * @param {Uint32Array} pixels
 * @param {number} stride
 * @param {Box} box
 * @param {number} pixel
 */
function frame(pixels, stride, [left, top, width, height], pixel) {
  for (let x = -1; x <= width; x += 2) {
    pixels[(top - 1) * stride + left + x] = pixel;
    pixels[(top + height) * stride + left + x] = pixel;
  }
  for (let y = -1; y <= height; y += 2) {
    pixels[(top + y) * stride + left - 1] = pixel;
    pixels[(top + y) * stride + left + width] = pixel;
  }
}

/**
 * @param {Uint32Array} pixels
 * @param {number} stride
 * @param {Box} box
 * @param {number} filter
 * @param {number} pixel
 */
function label(pixels, stride, [left, top], filter, pixel) {
  for (const [x, y] of ink(filter)) {
    if (left + x < stride) pixels[(top - LABEL_HEIGHT + y) * stride + left + x] = pixel;
  }
}

/**
 * Where a number has ink.
 * @param {number} number
 * @returns {[x: number, y: number][]}
 */
export function ink(number) {
  return [...String(number)].flatMap((numeral, at) =>
    (GLYPHS[Number(numeral)] ?? []).flatMap((row, y) =>
      [...row].flatMap((pixel, x) =>
        pixel === "#" ? [/** @type {[number, number]} */ ([at * (WIDTH + 1) + x, y])] : [])));
}
