// @ts-check
/**
 * Delays between attempts.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { retryDelay } from "../../static/js/retry.js";

test("delays double up to half a minute", () => {
  const pauses = [0, 1, 2, 3, 4, 5, 9].map((attempt) => retryDelay(attempt, null, 0));
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

test("a delay is at least what the server asks for", () => {
  assert.equal(retryDelay(0, "7", 0), 7000);
  assert.equal(retryDelay(3, "1", 0), 8000);
  assert.equal(retryDelay(0, "Wed, 21 Oct 2015 07:28:00 GMT", 0), 1000);
});

test("a random part spreads the clients", () => {
  assert.equal(retryDelay(0, null, 1), 1250);
  assert.equal(retryDelay(9, null, 1), 30_000);
});
