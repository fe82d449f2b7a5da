// @ts-check
/**
 * What is at a place of a map, and the place beside it.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { pageOf, stepped, valueAt, where } from "../../static/js/maps/hit-testing.js";

const maps = { height: 2, width: 2, filters: 2, values: new Float32Array([0, 1, 2, 3, 4, 5.43219, -6, 7]) };

test("a place is said in words, its value to four digits", () => {
  assert.equal(where(1, 2, 3), "filter 1, row 2, column 3");
  assert.equal(valueAt(maps, 1, 1, 0), "5.432");
  assert.equal(valueAt(maps, 0, 1, 1), "\u22126.000");
});

test("a filter's page is addressed at the place", () => {
  assert.equal(pageOf("/f/{filter}", 7, 1, 2), "/f/7?at=1,2#unit");
  assert.equal(pageOf("/f/{filter}?off=b", 7, 1, 2), "/f/7?off=b&at=1,2#unit");
});

/** Four maps of 3 by 5 values, two in a row. */
const sizes = { cells: 4, across: 2, height: 3, width: 5 };
/** @param {number[]} from @param {string} key */
function step([cell = 0, row = 0, column = 0], key) {
  const to = stepped({ cell, row, column }, key, sizes);
  return [to.cell, to.row, to.column];
}

test("arrows move within a map, Home and End to its edges", () => {
  assert.deepEqual(step([0, 1, 1], "ArrowRight"), [0, 1, 2]);
  assert.deepEqual(step([0, 1, 1], "ArrowUp"), [0, 0, 1]);
  assert.deepEqual(step([3, 1, 1], "Home"), [3, 1, 0]);
  assert.deepEqual(step([3, 1, 1], "End"), [3, 1, 4]);
});

test("beyond an edge lies the map beside it", () => {
  assert.deepEqual(step([0, 1, 4], "ArrowRight"), [1, 1, 0]);
  assert.deepEqual(step([1, 1, 0], "ArrowLeft"), [0, 1, 4]);
  assert.deepEqual(step([0, 2, 4], "ArrowDown"), [2, 0, 4]);
  assert.deepEqual(step([3, 0, 1], "ArrowUp"), [1, 2, 1]);
  assert.deepEqual(step([1, 2, 2], "PageDown"), [2, 2, 2]);
});

test("beyond the first and the last map lies nothing", () => {
  for (const [from, key] of /** @type {[number[], string][]} */ ([
    [[0, 0, 0], "ArrowLeft"], [[1, 0, 2], "ArrowUp"], [[3, 2, 4], "ArrowRight"],
    [[2, 2, 0], "ArrowDown"], [[0, 0, 0], "PageUp"], [[3, 0, 0], "PageDown"],
  ])) {
    assert.deepEqual(step(from, key), from);
  }
});
