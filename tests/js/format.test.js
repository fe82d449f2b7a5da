// @ts-check
/**
 * Numbers in the server's format.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { number } from "../../static/js/format.js";

test("a number has three significant digits and a true minus sign", () => {
  const cases = /** @type {[number, string][]} */ ([
    [0, "0"], [-0, "0"], [41.23, "41.2"], [-0.03125, "\u22120.0312"], [9.999, "10.0"],
    [1234.5, "1234"], [99_999.4, "99999"], [100_000, "1.0e5"], [0.00042, "4.2e\u22124"],
    [1.125, "1.12"], [1.135, "1.14"], [2.5, "2.50"], [0.001, "0.00100"],
  ]);
  for (const [value, text] of cases) assert.equal(number(value, 3), text);
});

test("the number of significant digits can be chosen", () => {
  assert.equal(number(-1.09375, 4), "\u22121.094");
  assert.equal(number(0.62984, 4), "0.6298");
  assert.equal(number(12345.67, 4), "12346");
});

test("very small and very large numbers have an exponent with a true minus sign", () => {
  assert.deepEqual([0.000012, -7.52e-12, 2_500_000, 1.25e10].map((value) => number(value, 3)), [
    "1.2e\u22125", "\u22127.5e\u221212", "2.5e6", "1.2e10",
  ]);
  assert.equal(number(0.00001234, 4), "1.23e\u22125");
});

test("rounding uses all digits, and ties go to even", () => {
  const values = [98.765, 41.25, 41.35, 0.125, -2.5, 9.9996];
  assert.deepEqual(values.map((value) => number(value, 4)), [
    "98.77", "41.25", "41.35", "0.1250", "\u22122.500", "10.00",
  ]);
  assert.deepEqual([41.25, 41.75, 0.03125].map((value) => number(value, 3)), ["41.2", "41.8", "0.0312"]);
});
