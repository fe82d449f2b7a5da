// @ts-check
/**
 * Positions on a map and in addresses.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { addressWithPosition, positionAt } from "../../static/js/unit.js";

test("a point gives its row and column", () => {
  assert.equal(positionAt(0, 0, 28, 28), "0,0");
  assert.equal(positionAt(20.5 / 28, 9.99 / 28, 28, 28), "9,20");
  assert.equal(positionAt(0.999, 0.999, 7, 14), "6,13");
});

test("a point outside of the map has no position", () => {
  for (const [x, y] of [[1, 0], [0, 1], [-0.01, 0.5], [0.5, -0.01]]) {
    assert.equal(positionAt(Number(x), Number(y), 7, 7), undefined);
  }
});

test("the address of another position keeps the other parameters", () => {
  const address = "http://a.test/x/filters/3?scale=block1:0,block2:0&at=1,2&channel=4&palette=light#unit";
  assert.equal(
    addressWithPosition("9,20", address),
    "http://a.test/x/filters/3?scale=block1:0,block2:0&palette=light&at=9,20",
  );
});
