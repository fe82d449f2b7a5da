// @ts-check
/**
 * Widths of the spine's lines.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { widthsOf } from "../../static/js/draw/live-diagram.js";

/** @param {Record<string, number>} norms */
const block = (norms) => ({
  block: "block1", norm_x: 0, norm_f: 0, norm_sum: 0, norm_input: 0, norm_output: 0, ...norms,
});

test("the largest norm of any block is the widest line, and the others are in proportion", () => {
  const width = widthsOf([block({ norm_x: 50, norm_sum: 80 }), block({ norm_input: 200 })]);
  assert.deepEqual([200, 50, 33].map(width), ["15", "3.75", "2.48"]);
});

test("what carries next to nothing is still a line, and nothing is wider than the widest", () => {
  const width = widthsOf([block({ norm_f: 100 })]);
  assert.deepEqual([0, 1, 700].map(width), ["1.5", "1.5", "15"]);
});

test("where everything is zero every line is as thin as can be", () => {
  assert.equal(widthsOf([block({})])(0), "1.5");
});
