// @ts-check
/**
 * The place of a map under a point, and the page about it.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { addressOf, placeAt } from "../../static/js/unit.js";

test("a point gives the row and the column that it lies in", () => {
  assert.equal(placeAt(0, 0, 28, 28), "0,0");
  assert.equal(placeAt(20.5 / 28, 9.99 / 28, 28, 28), "9,20");
  assert.equal(placeAt(0.999, 0.999, 7, 14), "6,13");
});

test("beyond the map there is no place", () => {
  for (const [x, y] of [[1, 0], [0, 1], [-0.01, 0.5], [0.5, -0.01]]) {
    assert.equal(placeAt(Number(x), Number(y), 7, 7), undefined);
  }
});

test("the page about another place keeps how the map is looked at", () => {
  const address = "http://a.test/x/filters/3?off=block1,block2&at=1,2&channel=4&palette=noon#unit";
  assert.equal(
    addressOf(address, "9,20"),
    "http://a.test/x/filters/3?off=block1,block2&palette=noon&at=9,20",
  );
});
