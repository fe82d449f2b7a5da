// @ts-check
/**
 * Line widths of the network diagram.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { lineWidths } from "../../static/js/draw/live-diagram.js";

/** @param {Record<string, number>} norms */
const block = (norms) => ({
  block: "block1", norm_x: 0, norm_residual: 0, norm_sum: 0, norm_input: 0, norm_output: 0, ...norms,
});

test("the largest norm of any block has the widest line, and widths are proportional to norms", () => {
  const width = lineWidths([block({ norm_x: 50, norm_sum: 80 }), block({ norm_input: 200 })]);
  assert.deepEqual([200, 50, 33].map(width), ["15", "3.75", "2.48"]);
});

test("a width has a minimum and a maximum", () => {
  const width = lineWidths([block({ norm_residual: 100 })]);
  assert.deepEqual([0, 1, 700].map(width), ["1.5", "1.5", "15"]);
});

test("norms of zero have the minimum width", () => {
  assert.equal(lineWidths([block({})])(0), "1.5");
});
