import assert from "node:assert/strict";
import { test } from "node:test";

import { neighbour } from "../../static/js/keyboard/focus.js";
import { besideDigit, besideFilter, placeOf, step } from "../../static/js/keyboard/keyboard.js";
import { HELP, actionOf } from "../../static/js/keyboard/shortcuts.js";

const plain = { ctrlKey: false, metaKey: false, altKey: false };
/** Three columns of boxes 10 wide, 12 apart; the last row has two. */
const grid = Array.from({ length: 8 }, (_, place) => ({
  left: (place % 3) * 12,
  top: Math.floor(place / 3) * 12,
  width: 10,
  height: 10,
}));

test("a key means the same with and without shift", () => {
  assert.deepEqual(actionOf({ key: "e", ...plain }), { does: "digit", by: 1 });
  assert.deepEqual(actionOf({ key: "W", ...plain }), { does: "digit", by: -1 });
  assert.deepEqual(actionOf({ key: "PageDown", ...plain }), { does: "layer", by: 1 });
});

test("a key with a modifier stays the browser's, and so does any other key", () => {
  for (const modifier of ["ctrlKey", "metaKey", "altKey"]) {
    assert.equal(actionOf({ key: "p", ...plain, [modifier]: true }), undefined);
  }
  for (const key of ["a", "Tab", "Enter", " ", "constructor"]) {
    assert.equal(actionOf({ key, ...plain }), undefined);
  }
});

test("the help lists every key that does something", () => {
  const listed = new Set(HELP.flatMap(([keys]) => keys));
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

test("up and down keep the column, and go to the nearest where a row is shorter", () => {
  assert.equal(neighbour(grid, 1, "down"), 4);
  assert.equal(neighbour(grid, 4, "up"), 1);
  assert.equal(neighbour(grid, 5, "down"), 7);
  assert.equal(neighbour(grid, 7, "down"), 7);
  assert.equal(neighbour(grid, 2, "up"), 2);
});

test("samples go round, and a digit that is none of them starts at an end", () => {
  assert.equal(step(["a", "b", "c"], 2, 1), "a");
  assert.equal(step(["a", "b", "c"], 0, -1), "c");
  assert.equal(step(["a", "b", "c"], -1, 1), "a");
  assert.equal(step(["a", "b", "c"], -1, -1), "c");
  assert.equal(step([], -1, 1), undefined);
});

test("the next sample is shown on the same page", () => {
  const place = placeOf("/networks/net/digits/a/layers/stem.conv/filters/3");
  assert.ok(place);
  const samples = [{ id: "a" }, { id: "b" }];
  assert.equal(besideDigit(place, samples, 1), "/networks/net/digits/b/layers/stem.conv/filters/3");
  assert.equal(besideDigit(place, [], 1), undefined);
  assert.equal(placeOf("/compare"), undefined);
});

test("a filter has a neighbour in the next layer, the last one where there are fewer", () => {
  const layers = [
    { name: "one", shape: [28, 28, 16] },
    { name: "two", shape: [28, 28, 4] },
  ];
  const place = placeOf("/networks/net/digits/a/layers/one/filters/9");
  assert.ok(place);
  assert.equal(besideFilter(place, layers, 1), "/networks/net/digits/a/layers/two/filters/3");
  assert.equal(besideFilter(place, layers, -1), undefined);
  const layer = placeOf("/networks/net/digits/a/layers/one");
  assert.ok(layer);
  assert.equal(besideFilter(layer, layers, 1), undefined);
});
