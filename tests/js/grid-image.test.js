// @ts-check
/**
 * Maps as pixels.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ink, paintGrid } from "../../static/js/maps/grid-image.js";
import { alone, layOut } from "../../static/js/maps/lattice.js";
import { extents } from "../../static/js/maps/value-range.js";

const [CLEAR, FLAG, LABEL] = [255, 253, 254];
/** Each level is its own pixel. */
const table = new Uint32Array(256).map((_, level) => level);

/** @param {number[]} values @param {number} side of each map @param {number} filters */
function paintOf(values, side, filters) {
  const maps = { height: side, width: side, filters, values: new Float32Array(values) };
  const scales = Array.from({ length: filters }, () => /** @type {const} */ ([0, 252]));
  const levels = new Uint8ClampedArray(side * side);
  return { maps, found: extents(maps), scales, table, centred: false, levels };
}

test("each value is a square of pixels, in its own map", () => {
  const geometry = layOut(2, 2, 2, { columns: 2, zoom: 2, labels: false });
  const pixels = new Uint32Array(geometry.width * geometry.height).fill(CLEAR);
  paintGrid(pixels, geometry, [0, 1], paintOf([1, 5, 2, 6, 3, 7, 4, 8], 2, 2));
  const rows = Array.from({ length: geometry.height }, (_, y) =>
    [...pixels.subarray(y * geometry.width, (y + 1) * geometry.width)]);
  const gap = [CLEAR, CLEAR];
  const line = [...gap, 1, 1, 2, 2, ...gap, 5, 5, 6, 6, ...gap];
  assert.deepEqual(rows[1], Array(geometry.width).fill(CLEAR));
  assert.deepEqual([rows[2], rows[3]], [line, line]);
  assert.deepEqual(rows[4], [...gap, 3, 3, 4, 4, ...gap, 7, 7, 8, 8, ...gap]);
});

test("a map that says nothing has a dotted frame, gone when it speaks again", () => {
  const geometry = layOut(1, 2, 2, { columns: 1, zoom: 1, labels: false });
  const pixels = new Uint32Array(geometry.width * geometry.height).fill(CLEAR);
  paintGrid(pixels, geometry, [0], paintOf([0, 0, 0, 0], 2, 1));
  assert.deepEqual([...pixels.subarray(6, 12)], [CLEAR, FLAG, CLEAR, FLAG, FLAG, CLEAR]);
  assert.equal(pixels.filter((pixel) => pixel === FLAG).length, 7);
  paintGrid(pixels, geometry, [0], paintOf([0, 1, 2, 3], 2, 1));
  assert.ok(!pixels.includes(FLAG));
});

test("an index stands above its map where there is room", () => {
  const geometry = layOut(12, 8, 8, { columns: 12, zoom: 1, labels: true });
  const pixels = new Uint32Array(geometry.width * geometry.height).fill(CLEAR);
  const filters = Array.from({ length: 12 }, (_, at) => at);
  paintGrid(pixels, geometry, filters, paintOf(Array(8 * 8 * 12).fill(1), 8, 12));
  const [left = 0] = geometry.boxes[11] ?? [];
  const drawn = ink(11).every(([x, y]) => pixels[(2 + y) * geometry.width + left + x] === LABEL);
  assert.ok(drawn);
  assert.equal(ink(11).length, 16);
});

test("one filter of many is painted by itself, without a frame", () => {
  const geometry = alone(2, 2);
  const pixels = new Uint32Array(4);
  paintGrid(pixels, geometry, [1], paintOf([9, 0, 9, 0, 9, 0, 9, 0], 2, 2));
  assert.deepEqual([...pixels], [0, 0, 0, 0]);
});
