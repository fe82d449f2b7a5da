// @ts-check
/**
 * Palettes as look-up tables.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { colourTable } from "../../static/js/maps/palettes.js";

const hex = Array.from({ length: 256 }, (_, level) =>
  level.toString(16).padStart(2, "0") + "1080").join("");

test("a table holds opaque RGBA pixels", () => {
  const bytes = new Uint8Array(colourTable(hex).buffer);
  assert.deepEqual([...bytes.subarray(4 * 200, 4 * 201)], [200, 0x10, 0x80, 255]);
});

test("the last level is transparent", () => {
  assert.equal(colourTable(hex)[255], 0);
});

test("anything else than 256 colours is rejected", () => {
  assert.throws(() => colourTable("ff00"), /256 colours/);
});
