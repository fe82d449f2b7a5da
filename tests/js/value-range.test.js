// @ts-check
/**
 * Ranges and levels, as the server has them.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { extents, isDead, isFlat, ranges, toLevels, whole } from "../../static/js/maps/value-range.js";

/** Filters side by side: signed, never negative, dead, constant. */
const maps = {
  height: 1,
  width: 2,
  filters: 4,
  values: new Float32Array([-3, 1, 0, 5, 2, 4, 0, 5]),
};
const found = extents(maps);

test("extents are those of each filter, and of all", () => {
  assert.deepEqual([...found.low], [-3, 1, 0, 5]);
  assert.deepEqual([...found.high], [2, 4, 0, 5]);
  assert.deepEqual(whole(found), [-3, 5]);
});

test("the room for extents is used again", () => {
  const again = extents({ ...maps, values: new Float32Array(8).fill(1) }, extents(maps));
  assert.deepEqual([...again.low, ...again.high], Array(8).fill(1));
});

test("dead and constant filters are told from the others", () => {
  const filters = [0, 1, 2, 3];
  assert.deepEqual(filters.map((filter) => isDead(found, filter)), [false, false, true, false]);
  assert.deepEqual(filters.map((filter) => isFlat(maps, found, filter)), [false, false, true, true]);
});

test("one value by itself is flat only where it is zero", () => {
  const single = { height: 1, width: 1, filters: 2, values: new Float32Array([0, 7]) };
  const its = extents(single);
  assert.deepEqual([0, 1].map((filter) => isFlat(single, its, filter)), [true, false]);
});

test("with a range of its own a filter is centred where it goes below zero", () => {
  assert.deepEqual(ranges(found, "filter", false, [0, 0]), [[-3, 3], [0, 4], [0, 0], [0, 5]]);
  assert.deepEqual(ranges(found, "filter", true, [0, 0])[1], [-4, 4]);
});

test("a shared range reaches from zero, or as far to both sides", () => {
  assert.deepEqual(ranges(found, "layer", false, [0, 5]), Array(4).fill([0, 5]));
  assert.deepEqual(ranges(found, "network", true, [-9, 5]), Array(4).fill([-9, 9]));
  assert.deepEqual(ranges(found, "symmetric", false, [0, 5]), Array(4).fill([-5, 5]));
});

/** @param {number[]} values @param {[number, number]} range */
function levelsOf(values, range, centred = range[0] < 0) {
  const levels = new Uint8ClampedArray(values.length);
  const one = { height: 1, width: values.length, filters: 1, values: new Float32Array(values) };
  toLevels(one, 0, range, centred, levels);
  return [...levels];
}

test("levels are rounded half to even, and clipped at both ends", () => {
  assert.deepEqual(levelsOf([0, 0.5, 1.5, 2.5, 252], [0, 252]), [0, 0, 2, 2, 252]);
  assert.deepEqual(levelsOf([-7, 300, 1e30], [0, 252]), [0, 252, 252]);
});

test("zero lies in the middle of a range that is centred on it", () => {
  assert.deepEqual(levelsOf([-2, 0, 2], [-2, 2]), [0, 126, 252]);
});

test("an empty range is drawn flat at the level of zero", () => {
  assert.deepEqual(levelsOf([0, 0], [0, 0], true), [126, 126]);
  assert.deepEqual(levelsOf([0, 0], [0, 0], false), [0, 0]);
});
