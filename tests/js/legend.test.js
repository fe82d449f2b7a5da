// @ts-check
/**
 * Legends in the server's words.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { legendOf, deadFiltersNote } from "../../static/js/maps/legend.js";

test("a legend states both ends, and zero if it lies between them", () => {
  const signed = legendOf([[-2, 2], [-2, 2]], false, true, "one scale");
  assert.deepEqual(signed, { low: "\u22122.00", zero: true, high: "2.00", ramp: "signed", sharing: "one scale" });
  const positive = legendOf([[0, 4]], false, false, "one scale");
  assert.deepEqual([positive.low, positive.zero, positive.ramp], ["0", false, "positive"]);
});

test("a legend for one range per filter says so and gives the largest value", () => {
  const legend = legendOf([[-1, 1], [-3, 3]], true, true, "each its own");
  assert.deepEqual([legend.low, legend.high], ["lowest", "highest"]);
  assert.equal(legend.sharing, "each its own, at most 3.00");
});

test("a legend for zeros alone states no range", () => {
  const legend = legendOf([[0, 0]], false, true, "one scale");
  assert.deepEqual([legend.low, legend.zero, legend.high], ["", false, ""]);
  assert.equal(legend.sharing, "zero everywhere");
});

test("dead filters are counted", () => {
  assert.deepEqual([0, 1, 2, 3].map((count) => deadFiltersNote(count, 3, false)), [
    "",
    "1 filter is inactive on this digit.",
    "2 filters are inactive on this digit.",
    "Every filter is inactive on this digit.",
  ]);
});

test("filters of a disabled block are not counted as dead", () => {
  assert.equal(deadFiltersNote(3, 3, true), "Switched off, so every map is zero.");
});
