// @ts-check
/**
 * The page of the test set.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { progressOf } from "../../static/js/dataset.js";

test("the progress bar and its text show the state of the index", () => {
  const shown = progressOf({ state: "indexing", done: 3200, digits: 10000 });
  assert.deepEqual(shown, { value: 3200, text: "3,200 of 10,000 digits", hasEnded: false });
});

test("indexing has ended when the index is ready and when it failed", () => {
  assert.equal(progressOf({ state: "ready", done: 240, digits: 240 }).hasEnded, true);
  assert.equal(progressOf({ state: "failed", done: 0, digits: 240 }).hasEnded, true);
});
