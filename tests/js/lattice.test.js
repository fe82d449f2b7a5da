// @ts-check
/**
 * Where the maps of a grid lie, and what is at a point of it.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { alone, largest, layOut, layOutRows, placeAt } from "../../static/js/maps/lattice.js";

test("maps stand in rows with a gap, and room for an index above each", () => {
  const grid = layOut(3, 4, 5, { columns: 2, zoom: 2, labels: true });
  assert.deepEqual([grid.width, grid.height], [2 + 2 * 12, 2 + 2 * 17]);
  assert.deepEqual(grid.boxes, [[2, 9, 10, 8], [14, 9, 10, 8], [2, 26, 10, 8]]);
});

test("a map narrower than its index has room for that; without one it has not", () => {
  const options = { columns: 4, zoom: 1 };
  assert.equal(layOut(2, 1, 1, { ...options, labels: true }).boxes[1]?.[0], 2 + 8 + 2);
  assert.deepEqual(layOut(2, 1, 1, { ...options, labels: false }).boxes[1], [5, 2, 1, 1]);
});

test("a strip has indices above its first row alone", () => {
  const strip = layOutRows(2, 2, 4, 5, 2);
  assert.deepEqual([strip.width, strip.height], [26, 9 + 2 * 10]);
  assert.deepEqual(strip.boxes.map(([, top]) => top), [9, 9, 19, 19]);
});

const grid = layOut(2, 4, 5, { columns: 2, zoom: 2, labels: true });

test("a point in a map gives its place there", () => {
  assert.deepEqual(placeAt(grid, 19.5 / grid.width, 12.5 / grid.height), { at: 1, row: 1, column: 2 });
});

test("a map's first pixel is in it, and the one after its last is not", () => {
  assert.equal(placeAt(grid, 2 / grid.width, 9 / grid.height)?.at, 0);
  assert.equal(placeAt(grid, 12 / grid.width, 9 / grid.height), undefined);
});

test("gaps and indices belong to no map", () => {
  assert.equal(placeAt(grid, 0, 0), undefined);
  assert.equal(placeAt(grid, 0.2, 3 / grid.height), undefined);
});

test("a map alone is nothing but its values", () => {
  assert.deepEqual(placeAt(alone(7, 7), 0.99, 0.5), { at: 0, row: 3, column: 6 });
});

test("a grid is drawn at the largest zoom that fits, at the least where none does", () => {
  const shape = { height: 28, width: 28, filters: 16 };
  const [wide, low, tiny] = [[900, 600], [2000, 300], [40, 40]].map(([width = 0, height = 0]) =>
    largest(shape, 4, { width, height }, 2));
  assert.equal(wide?.zoom, 5); // 4 x (28 x 5 + 9) + 2 = 598 high
  assert.equal(low?.zoom, 2);
  assert.equal(tiny?.zoom, 2);
  assert.equal(largest({ height: 1, width: 1, filters: 10 }, 5, { width: 900, height: 600 }, 2).zoom, 16);
});
