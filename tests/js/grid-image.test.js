// @ts-check
/**
 * The pixels of a grid of maps.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { glyphPixels, drawGrid } from "../../static/js/maps/grid-image.js";
import { layoutSingle, layoutGrid } from "../../static/js/maps/lattice.js";
import { extentsOf } from "../../static/js/maps/value-range.js";

const [CLEAR, FLAG, LABEL] = [255, 253, 254];
/** Each level is its own pixel. */
const table = new Uint32Array(256).map((_, level) => level);

/** @param {number[]} values @param {number} side of each map @param {number} filters */
function paintOf(values, side, filters) {
  const maps = { height: side, width: side, filters, values: new Float32Array(values) };
  const ranges = Array.from({ length: filters }, () => /** @type {const} */ ([0, 252]));
  const levels = new Uint8ClampedArray(side * side);
  return { maps, extents: extentsOf(maps), ranges, table, isCentred: false, levels };
}

test("each value is a square of pixels, in its own map", () => {
  const geometry = layoutGrid(2, 2, 2, { columns: 2, zoom: 2, hasLabels: false });
  const pixels = new Uint32Array(geometry.width * geometry.height).fill(CLEAR);
  drawGrid(pixels, geometry, [0, 1], paintOf([1, 5, 2, 6, 3, 7, 4, 8], 2, 2));
  const rows = Array.from({ length: geometry.height }, (_, y) =>
    [...pixels.subarray(y * geometry.width, (y + 1) * geometry.width)]);
  const gap = [CLEAR, CLEAR];
  const line = [...gap, 1, 1, 2, 2, ...gap, 5, 5, 6, 6, ...gap];
  assert.deepEqual(rows[1], Array(geometry.width).fill(CLEAR));
  assert.deepEqual([rows[2], rows[3]], [line, line]);
  assert.deepEqual(rows[4], [...gap, 3, 3, 4, 4, ...gap, 7, 7, 8, 8, ...gap]);
});

test("a flat map has a dotted frame until it has values again", () => {
  const geometry = layoutGrid(1, 2, 2, { columns: 1, zoom: 1, hasLabels: false });
  const pixels = new Uint32Array(geometry.width * geometry.height).fill(CLEAR);
  drawGrid(pixels, geometry, [0], paintOf([0, 0, 0, 0], 2, 1));
  assert.deepEqual([...pixels.subarray(6, 12)], [CLEAR, FLAG, CLEAR, FLAG, FLAG, CLEAR]);
  assert.equal(pixels.filter((pixel) => pixel === FLAG).length, 7);
  drawGrid(pixels, geometry, [0], paintOf([0, 1, 2, 3], 2, 1));
  assert.ok(!pixels.includes(FLAG));
});

test("each map has its index above it if there is room", () => {
  const geometry = layoutGrid(12, 8, 8, { columns: 12, zoom: 1, hasLabels: true });
  const pixels = new Uint32Array(geometry.width * geometry.height).fill(CLEAR);
  const filters = Array.from({ length: 12 }, (_, at) => at);
  drawGrid(pixels, geometry, filters, paintOf(Array(8 * 8 * 12).fill(1), 8, 12));
  const [left = 0] = geometry.boxes[11] ?? [];
  const drawn = glyphPixels(11).every(([x, y]) => pixels[(2 + y) * geometry.width + left + x] === LABEL);
  assert.ok(drawn);
  assert.equal(glyphPixels(11).length, 16);
});

test("a single map has no frame", () => {
  const geometry = layoutSingle(2, 2);
  const pixels = new Uint32Array(4);
  drawGrid(pixels, geometry, [1], paintOf([9, 0, 9, 0, 9, 0, 9, 0], 2, 2));
  assert.deepEqual([...pixels], [0, 0, 0, 0]);
});
