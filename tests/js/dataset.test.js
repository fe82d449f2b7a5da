import assert from "node:assert/strict";
import { test } from "node:test";

import { describe, leftOpen } from "../../static/js/dataset.js";

test("the bar and the words follow the state", () => {
  const shown = describe({ state: "indexing", done: 3200, digits: 10000 });
  assert.deepEqual(shown, { value: 3200, text: "3,200 of 10,000 digits", over: false });
});

test("there is more to show once it is ready, and once it has failed", () => {
  assert.equal(describe({ state: "ready", done: 240, digits: 240 }).over, true);
  assert.equal(describe({ state: "failed", done: 0, digits: 240 }).over, true);
});

test("only what was left open is left out of the address", () => {
  const fields = new Map([["label", ""], ["prediction", "0"], ["wrong", ""], ["order", "doubt"]]);
  assert.deepEqual(leftOpen(fields), ["label", "wrong"]);
});
