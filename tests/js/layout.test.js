// @ts-check
/**
 * Layout of grids, and positions in them.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  layoutGrid, layoutSingle, layoutTable, neighbourPosition, positionAt,
} from "../../static/js/maps/layout.js";

test("maps are laid out in rows with gaps, and room for an index above each", () => {
  const grid = layoutGrid(3, 4, 5, { columns: 2, zoom: 2 });
  assert.deepEqual([grid.width, grid.height], [2 + 2 * 12, 2 + 2 * 17]);
  assert.deepEqual(grid.boxes, [[2, 9, 10, 8], [14, 9, 10, 8], [2, 26, 10, 8]]);
});

test("a narrow map gets the width of its index", () => {
  assert.equal(layoutGrid(2, 1, 1, { columns: 4, zoom: 1 }).boxes[1]?.[0], 2 + 8 + 2);
});

test("the units of a sequence stand side by side without gaps", () => {
  const options = { columns: 3, zoom: 4, isSequence: true };
  const grid = layoutGrid(3, 7, 1, options);
  assert.deepEqual([grid.width, grid.height], [2 + 3 * 4 + 2, 2 + 7 + 7 * 4 + 2]);
  assert.deepEqual(grid.boxes, [[2, 9, 4, 28], [6, 9, 4, 28], [10, 9, 4, 28]]);
  const table = layoutTable(2, 3, 7, 1, 4, true);
  assert.deepEqual([table.width, table.boxes[5]], [16, [10, 9 + 30, 4, 28]]);
});

test("a table has indices above its first row only", () => {
  const table = layoutTable(2, 2, 4, 5, 2);
  assert.deepEqual([table.width, table.height], [26, 9 + 2 * 10]);
  assert.deepEqual(table.boxes.map(([, top]) => top), [9, 9, 19, 19]);
});

const grid = layoutGrid(2, 4, 5, { columns: 2, zoom: 2 });

test("a point in a map gives its position", () => {
  assert.deepEqual(positionAt(grid, 19.5 / grid.width, 12.5 / grid.height), { map: 1, row: 1, column: 2 });
});

test("a map includes its first pixel and ends after its last", () => {
  assert.equal(positionAt(grid, 2 / grid.width, 9 / grid.height)?.map, 0);
  assert.equal(positionAt(grid, 12 / grid.width, 9 / grid.height), undefined);
});

test("gaps and indices have no position", () => {
  assert.equal(positionAt(grid, 0, 0), undefined);
  assert.equal(positionAt(grid, 0.2, 3 / grid.height), undefined);
});

test("a single map fills its image", () => {
  assert.deepEqual(positionAt(layoutSingle(7, 7), 0.99, 0.5), { map: 0, row: 3, column: 6 });
});

/** Four maps of 3 by 5 values, two in a row. */
const sizes = { maps: 4, perRow: 2, height: 3, width: 5 };
/** @param {number[]} from @param {string} key */
function step([map = 0, row = 0, column = 0], key) {
  const to = neighbourPosition({ map, row, column }, key, sizes);
  return [to.map, to.row, to.column];
}

test("arrows move within a map, Home and End to its edges", () => {
  assert.deepEqual(step([0, 1, 1], "ArrowRight"), [0, 1, 2]);
  assert.deepEqual(step([0, 1, 1], "ArrowUp"), [0, 0, 1]);
  assert.deepEqual(step([3, 1, 1], "Home"), [3, 1, 0]);
  assert.deepEqual(step([3, 1, 1], "End"), [3, 1, 4]);
});

test("beyond an edge is the map beside it", () => {
  assert.deepEqual(step([0, 1, 4], "ArrowRight"), [1, 1, 0]);
  assert.deepEqual(step([1, 1, 0], "ArrowLeft"), [0, 1, 4]);
  assert.deepEqual(step([0, 2, 4], "ArrowDown"), [2, 0, 4]);
  assert.deepEqual(step([3, 0, 1], "ArrowUp"), [1, 2, 1]);
  assert.deepEqual(step([1, 2, 2], "PageDown"), [2, 2, 2]);
});

test("the first and the last map are the ends", () => {
  for (const [from, key] of /** @type {[number[], string][]} */ ([
    [[0, 0, 0], "ArrowLeft"], [[1, 0, 2], "ArrowUp"], [[3, 2, 4], "ArrowRight"],
    [[2, 2, 0], "ArrowDown"], [[0, 0, 0], "PageUp"], [[3, 0, 0], "PageDown"],
  ])) {
    assert.deepEqual(step(from, key), from);
  }
});
