// @ts-check
/**
 * Legends, in the words of the server's pages.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { legendOf, silence } from "../../static/js/maps/legend.js";

test("a legend states both ends, and zero where it is between them", () => {
  const signed = legendOf([[-2, 2], [-2, 2]], false, true, "one scale");
  assert.deepEqual(signed, { low: "\u22122.00", zero: true, high: "2.00", ramp: "signed", sharing: "one scale" });
  const positive = legendOf([[0, 4]], false, false, "one scale");
  assert.deepEqual([positive.low, positive.zero, positive.ramp], ["0", false, "positive"]);
});

test("with a scale for each filter it says so, and the largest number", () => {
  const legend = legendOf([[-1, 1], [-3, 3]], true, true, "each its own");
  assert.deepEqual([legend.low, legend.high], ["lowest", "highest"]);
  assert.equal(legend.sharing, "each its own, at most 3.00");
});

test("where everything is zero there is nothing to state", () => {
  const legend = legendOf([[0, 0]], false, true, "one scale");
  assert.deepEqual([legend.low, legend.zero, legend.high], ["", false, ""]);
  assert.equal(legend.sharing, "zero everywhere");
});

test("silent filters are counted", () => {
  assert.deepEqual([0, 1, 2, 3].map((count) => silence(count, 3, false)), [
    "",
    "1 filter is silent on this digit.",
    "2 filters are silent on this digit.",
    "Every filter is silent on this digit.",
  ]);
});

test("filters that are switched off are not called silent", () => {
  assert.equal(silence(3, 3, true), "Switched off, so every map is zero.");
});
