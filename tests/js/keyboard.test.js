// @ts-check
/**
 * Shortcuts, focus and neighbouring pages.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { neighbour } from "../../static/js/keyboard/focus.js";
import { cycle } from "../../static/js/keyboard/keyboard.js";
import { SHORTCUTS, actionOf } from "../../static/js/keyboard/shortcuts.js";

const plain = { ctrlKey: false, metaKey: false, altKey: false };
/** Three columns of boxes 10 wide, 12 apart; the last row has two. */
const grid = Array.from({ length: 8 }, (_, index) => ({
  left: (index % 3) * 12,
  top: Math.floor(index / 3) * 12,
  width: 10,
  height: 10,
}));

test("shift does not change a shortcut", () => {
  assert.deepEqual(actionOf({ key: "e", ...plain }), { name: "digit", by: 1 });
  assert.deepEqual(actionOf({ key: "W", ...plain }), { name: "digit", by: -1 });
  assert.deepEqual(actionOf({ key: "PageDown", ...plain }), { name: "layer", by: 1 });
});

test("keys with other modifiers and unknown keys do nothing", () => {
  for (const modifier of ["ctrlKey", "metaKey", "altKey"]) {
    assert.equal(actionOf({ key: "p", ...plain, [modifier]: true }), undefined);
  }
  for (const key of ["a", "Tab", "Enter", " ", "constructor"]) {
    assert.equal(actionOf({ key, ...plain }), undefined);
  }
});

test("the dialog lists every shortcut", () => {
  const listed = new Set(SHORTCUTS.flatMap(([keys]) => keys));
  for (const key of ["e", "w", "z", "n", "p", "o", "?", "←", "Page Up"]) {
    assert.ok(listed.has(/** @type {any} */ (key)), key);
  }
});

test("left and right follow the reading order and stop at the ends", () => {
  assert.equal(neighbour(grid, 2, "right"), 3);
  assert.equal(neighbour(grid, 3, "left"), 2);
  assert.equal(neighbour(grid, 0, "left"), 0);
  assert.equal(neighbour(grid, 7, "right"), 7);
});

test("up and down keep the column, or go to the nearest box in a shorter row", () => {
  assert.equal(neighbour(grid, 1, "down"), 4);
  assert.equal(neighbour(grid, 4, "up"), 1);
  assert.equal(neighbour(grid, 5, "down"), 7);
  assert.equal(neighbour(grid, 7, "down"), 7);
  assert.equal(neighbour(grid, 2, "up"), 2);
});

test("samples are cycled through, and any other digit starts at an end", () => {
  assert.equal(cycle(["a", "b", "c"], 2, 1), "a");
  assert.equal(cycle(["a", "b", "c"], 0, -1), "c");
  assert.equal(cycle(["a", "b", "c"], -1, 1), "a");
  assert.equal(cycle(["a", "b", "c"], -1, -1), "c");
  assert.equal(cycle([], -1, 1), undefined);
});
