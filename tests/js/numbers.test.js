// @ts-check
/**
 * Numbers as the server's pages write them.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { percent } from "../../static/js/maps/numbers.js";

test("a share has two decimals, and is 0 or 100 only where it is exactly that", () => {
  const shares = [0, 0.00001, 0.125, 0.98765, 0.99995, 1];
  assert.deepEqual(shares.map((share) => percent(share).replaceAll("\u202f", " ")), [
    "0.00 %", "< 0.01 %", "12.50 %", "98.77 %", "> 99.99 %", "100.00 %",
  ]);
});
