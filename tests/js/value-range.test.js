// @ts-check
/**
 * Display ranges and quantisation.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { extentsOf, isDead, isFlat, displayRanges, quantise, layerRange } from "../../static/js/maps/value-range.js";

/** Filters side by side: signed, never negative, dead, constant. */
const maps = {
  height: 1,
  width: 2,
  filters: 4,
  values: new Float32Array([-3, 1, 0, 5, 2, 4, 0, 5]),
};
const found = extentsOf(maps);

test("extents are found per filter and for the layer", () => {
  assert.deepEqual([...found.low], [-3, 1, 0, 5]);
  assert.deepEqual([...found.high], [2, 4, 0, 5]);
  assert.deepEqual(layerRange(found), [-3, 5]);
});

test("the arrays of extents are reused", () => {
  const again = extentsOf({ ...maps, values: new Float32Array(8).fill(1) }, extentsOf(maps));
  assert.deepEqual([...again.low, ...again.high], Array(8).fill(1));
});

test("dead and constant filters are recognised", () => {
  const filters = [0, 1, 2, 3];
  assert.deepEqual(filters.map((filter) => isDead(found, filter)), [false, false, true, false]);
  assert.deepEqual(filters.map((filter) => isFlat(maps, found, filter)), [false, false, true, true]);
});

test("a map of one value is flat only if it is zero", () => {
  const single = { height: 1, width: 1, filters: 2, values: new Float32Array([0, 7]) };
  const its = extentsOf(single);
  assert.deepEqual([0, 1].map((filter) => isFlat(single, its, filter)), [true, false]);
});

test("a filter with its own range is centred if it has negative values", () => {
  assert.deepEqual(displayRanges(found, "filter", false, [0, 0]), [[-3, 3], [0, 4], [0, 0], [0, 5]]);
  assert.deepEqual(displayRanges(found, "filter", true, [0, 0])[1], [-4, 4]);
});

test("a shared range begins at zero or is symmetric around it", () => {
  assert.deepEqual(displayRanges(found, "layer", false, [0, 5]), Array(4).fill([0, 5]));
  assert.deepEqual(displayRanges(found, "network", true, [-9, 5]), Array(4).fill([-9, 9]));
  assert.deepEqual(displayRanges(found, "symmetric", false, [0, 5]), Array(4).fill([-5, 5]));
});

/** @param {number[]} values @param {[number, number]} range */
function levelsOf(values, range, centred = range[0] < 0) {
  const levels = new Uint8ClampedArray(values.length);
  const one = { height: 1, width: values.length, filters: 1, values: new Float32Array(values) };
  quantise(one, 0, range, centred, levels);
  return [...levels];
}

test("levels are rounded half to even, and clipped at both ends", () => {
  assert.deepEqual(levelsOf([0, 0.5, 1.5, 2.5, 252], [0, 252]), [0, 0, 2, 2, 252]);
  assert.deepEqual(levelsOf([-7, 300, 1e30], [0, 252]), [0, 252, 252]);
});

test("zero is the middle level of a centred range", () => {
  assert.deepEqual(levelsOf([-2, 0, 2], [-2, 2]), [0, 126, 252]);
});

test("an empty range gives the level of zero", () => {
  assert.deepEqual(levelsOf([0, 0], [0, 0], true), [126, 126]);
  assert.deepEqual(levelsOf([0, 0], [0, 0], false), [0, 0]);
});
