// @ts-check
/**
 * Draws the pixels of a grid of maps, identical to the server's image.
 * @module
 */

import { LABEL_HEIGHT } from "./lattice.js";
import { CLEAR_LEVEL, FLAT_LEVEL, LABEL_LEVEL } from "./palettes.js";
import { isFlat, quantise } from "./value-range.js";

/** @typedef {import("./lattice.js").GridLayout} GridLayout */
/** @typedef {import("./lattice.js").Box} Box */
/** @typedef {import("./value-range.js").FeatureMaps} FeatureMaps */
/** @typedef {import("./value-range.js").ValueRange} ValueRange */
/** @typedef {import("./value-range.js").Extents} Extents */

/**
 * Everything that a grid is drawn from. `levels` is a buffer for the levels of one map.
 * @typedef {{ maps: FeatureMaps, extents: Extents, ranges: ValueRange[], table: Uint32Array,
 *   isCentred: boolean, levels: Uint8ClampedArray }} GridContent
 */

const GLYPH_WIDTH = 3;
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
 * Draw each map with nearest-neighbour zoom, a dotted frame around flat maps, and indices.
 * @param {Uint32Array} pixels of the whole grid, row by row
 * @param {GridLayout} layout
 * @param {readonly number[]} filters the filter in each box
 * @param {GridContent} content
 */
export function drawGrid(pixels, layout, filters, content) {
  const { maps, extents, ranges, table, isCentred, levels } = content;
  const [clear, flat] = [pixelOf(table, CLEAR_LEVEL), pixelOf(table, FLAT_LEVEL)];
  layout.boxes.forEach((box, index) => {
    const filter = /** @type {number} */ (filters[index]);
    const frame = isFlat(maps, extents, filter) ? flat : clear;
    if (layout.hasGaps) drawDottedFrame(pixels, layout.width, box, frame);
    quantise(maps, filter, /** @type {ValueRange} */ (ranges[filter]), isCentred, levels);
    drawMap(pixels, layout, box, levels, table);
    if (layout.hasLabels) drawIndex(pixels, layout.width, box, filter, pixelOf(table, LABEL_LEVEL));
  });
}

/** @param {Uint32Array} table @param {number} level */
function pixelOf(table, level) {
  return /** @type {number} */ (table[level]);
}

/**
 * Draw each level as a square of pixels.
 * @param {Uint32Array} pixels
 * @param {{ width: number, zoom: number }} layout
 * @param {Box} box
 * @param {Uint8ClampedArray} levels
 * @param {Uint32Array} table
 */
function drawMap(pixels, { width: stride, zoom }, [left, top, width, height], levels, table) {
  for (let y = 0, index = 0; y < height; y += zoom) {
    const start = (top + y) * stride + left;
    for (let x = 0; x < width; x += zoom, index += 1) {
      const pixel = pixelOf(table, /** @type {number} */ (levels[index]));
      for (let step = 0; step < zoom; step += 1) pixels[start + x + step] = pixel;
    }
    for (let line = 1; line < zoom; line += 1) {
      pixels.copyWithin(start + line * stride, start, start + width);
    }
  }
}

/**
 * Draw every second pixel of the frame, which lies one pixel outside of the map.
 * @param {Uint32Array} pixels
 * @param {number} stride
 * @param {Box} box
 * @param {number} pixel
 */
function drawDottedFrame(pixels, stride, [left, top, width, height], pixel) {
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
function drawIndex(pixels, stride, [left, top], filter, pixel) {
  for (const [x, y] of glyphPixels(filter)) {
    if (left + x < stride) pixels[(top - LABEL_HEIGHT + y) * stride + left + x] = pixel;
  }
}

/**
 * The pixels of a number in a font of 3 by 5 pixels.
 * @param {number} number
 * @returns {[x: number, y: number][]}
 */
export function glyphPixels(number) {
  /** @type {[x: number, y: number][]} */
  const pixels = [];
  for (const [index, digit] of [...String(number)].entries()) {
    const left = index * (GLYPH_WIDTH + 1);
    for (const [y, row] of (GLYPHS[Number(digit)] ?? []).entries()) {
      for (const [x, pixel] of [...row].entries()) if (pixel === "#") pixels.push([left + x, y]);
    }
  }
  return pixels;
}
