import assert from "node:assert/strict";
import { test } from "node:test";

import { pause } from "../../static/js/retry.js";

test("each pause is twice as long as the one before, up to half a minute", () => {
  const pauses = [0, 1, 2, 3, 4, 5, 9].map((attempt) => pause(attempt, null, 0));
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

test("what the server asks for is waited for", () => {
  assert.equal(pause(0, "7", 0), 7000);
  assert.equal(pause(3, "1", 0), 8000);
  assert.equal(pause(0, "Wed, 21 Oct 2015 07:28:00 GMT", 0), 1000);
});

test("not all come back at the same moment", () => {
  assert.equal(pause(0, null, 1), 1250);
  assert.equal(pause(9, null, 1), 30_000);
});
