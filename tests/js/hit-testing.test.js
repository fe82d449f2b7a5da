// @ts-check
/**
 * Texts and addresses of values.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { filterHref, positionText, valueText } from "../../static/js/maps/hit-testing.js";

const maps = {
  height: 2, width: 2, filters: 2, isSequence: false,
  values: new Float32Array([0, 1, 2, 3, 4, 5.43219, -6, 7]),
};

test("a value has its position in words and four significant digits", () => {
  assert.equal(positionText(maps, 1, 2, 3), "filter 1, row 2, column 3");
  assert.equal(positionText({ ...maps, isSequence: true, height: 28 }, 1, 2, 0), "unit 1, row 2");
  assert.equal(positionText({ ...maps, isSequence: true, height: 16 }, 1, 2, 0), "unit 1, step 2");
  assert.equal(valueText(maps, 1, 1, 0), "5.432");
  assert.equal(valueText(maps, 0, 1, 1), "\u22126.000");
});

test("the address of a filter's page names the position", () => {
  assert.equal(filterHref("/f/{filter}", 7, 1, 2), "/f/7?at=1,2#unit");
  assert.equal(filterHref("/f/{filter}?scale=b:0", 7, 1, 2), "/f/7?scale=b:0&at=1,2#unit");
});
