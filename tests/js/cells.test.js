// @ts-check
/**
 * The map under a point of a grid.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { cellAt, describe } from "../../static/js/cells.js";

/** @type {import("../../static/js/cells.js").Cell} */
const left = { filter: 4, box: [2, 9, 56, 56], range: [0, 1], dead: false, constant: false };
/** @type {import("../../static/js/cells.js").Cell} */
const right = { filter: 5, box: [60, 9, 56, 56], range: [0, 0], dead: true, constant: true };
const grid = { width: 118, height: 67, zoom: 2, cells: [left, right] };

test("a point in a map gives its filter, row and column", () => {
  const place = cellAt(grid, (60 + 11) / 118, (9 + 4) / 67);
  assert.deepEqual(place, { cell: right, row: 2, column: 5 });
});

test("a map's first pixel is in it, and the one after its last is not", () => {
  assert.equal(cellAt(grid, 2 / 118, 9 / 67)?.cell, left);
  assert.equal(cellAt(grid, 58 / 118, 9 / 67), undefined);
});

test("gaps and labels belong to no map", () => {
  assert.equal(cellAt(grid, 0, 0), undefined);
  assert.equal(cellAt(grid, 59 / 118, 0.5), undefined);
  assert.equal(cellAt(grid, 0.2, 3 / 67), undefined);
});

test("a place is said in words", () => {
  assert.equal(describe({ cell: left, row: 1, column: 2 }), "filter 4, row 1, column 2");
  assert.equal(describe({ cell: right, row: 0, column: 0 }), "filter 5, row 0, column 0, silent");
});
