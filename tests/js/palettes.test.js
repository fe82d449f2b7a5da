// @ts-check
/**
 * The palettes' colours as tables.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { colourOf, isBright, tableOf } from "../../static/js/maps/palettes.js";

const hex = Array.from({ length: 256 }, (_, level) =>
  level.toString(16).padStart(2, "0") + "1080").join("");

test("a table holds the pixels of an image: red, green, blue, opaque", () => {
  const bytes = new Uint8Array(tableOf(hex).buffer);
  assert.deepEqual([...bytes.subarray(4 * 200, 4 * 201)], [200, 0x10, 0x80, 255]);
});

test("the last level is transparent", () => {
  assert.equal(tableOf(hex)[255], 0);
});

test("a level's colour can be written into a page", () => {
  assert.equal(colourOf(tableOf(hex), 7), "rgb(7 16 128)");
});

test("dark text goes on bright colours", () => {
  const table = tableOf("ffffff".repeat(128) + "000000".repeat(128));
  assert.deepEqual([isBright(table, 0), isBright(table, 200)], [true, false]);
});

test("what is no palette is refused", () => {
  assert.throws(() => tableOf("ff00"), /256 colours/);
});
