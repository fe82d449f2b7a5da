// @ts-check
/**
 * Live requests, of which only the newest waits, and the frames that answer them.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { LatestOnly, parseFrame } from "../../static/js/draw/live-client.js";

const HEADER = {
  label: "7",
  probabilities: [0.25, 0.75],
  baseline: [0.5, 0.5],
  scale: { block2: 0 },
  warnings: ["Faint – hardly there."],
  network_range: [-2, 3],
  input_shape: [28, 28],
  layers: [
    { name: "stem.conv", shape: [1, 2, 3], offset: 784, block_range: [-1, 1] },
    { name: "head.logits", shape: [1, 1, 2], offset: 784 + 24, block_range: [0, 8] },
  ],
  blocks: [],
};

/** @param {object} header */
function frame(header) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 4) * 4;
  const buffer = new ArrayBuffer(4 + length + 784 + 32);
  new DataView(buffer).setUint32(0, length, true);
  new Uint8Array(buffer, 4, length).fill(32).set(text);
  new Uint8Array(buffer, 4 + length, 784).fill(9);
  for (let index = 0; index < 8; index += 1) {
    new DataView(buffer).setFloat32(4 + length + 784 + 4 * index, index / 2, true);
  }
  return buffer;
}

test("a frame has its header's fields, the input and the maps of every layer", () => {
  const parsed = parseFrame(frame(HEADER));
  assert.equal(parsed.label, "7");
  assert.deepEqual([parsed.probabilities, parsed.baseline], [[0.25, 0.75], [0.5, 0.5]]);
  assert.deepEqual([parsed.scale, parsed.warnings], [HEADER.scale, HEADER.warnings]);
  assert.deepEqual(parsed.networkRange, [-2, 3]);
  assert.deepEqual([parsed.input.length, parsed.input[0], parsed.input[783]], [784, 9, 9]);
  const [stem, logits] = parsed.layers;
  assert.deepEqual(stem?.maps, {
    height: 1, width: 2, filters: 3, values: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5),
  });
  assert.deepEqual(logits?.maps.values, Float32Array.of(3, 3.5));
  assert.deepEqual([logits?.name, logits?.blockRange], ["head.logits", [0, 8]]);
});

test("arrays are not copied, whatever the length of the header", () => {
  for (const label of ["a", "bb", "ccc", "dddd"]) {
    const buffer = frame({ ...HEADER, label });
    const parsed = parseFrame(buffer);
    assert.equal(parsed.label, label);
    assert.equal(parsed.layers[0]?.maps.values.buffer, buffer);
  }
});

test("a frame that is cut off or malformed is rejected", () => {
  assert.throws(() => parseFrame(frame(HEADER).slice(0, 500)), RangeError);
  assert.throws(() => parseFrame(new ArrayBuffer(2)), RangeError);
  assert.throws(() => parseFrame(Uint8Array.of(4, 0, 0, 0, 1, 2, 3, 4).buffer), SyntaxError);
});

/** @typedef {import("../../static/js/draw/live-client.js").Outcome<string>} Outcome */

/** A queue whose requests are answered by the test. */
function setUp() {
  /** @type {number[]} */
  const sent = [];
  /** @type {Outcome[]} */
  const outcomes = [];
  /** @type {number[]} */
  const pauses = [];
  /** @type {((outcome: Outcome) => void)[]} */
  const answers = [];
  /** @type {(() => void)[]} */
  const wakes = [];
  /** @type {LatestOnly<number, string>} */
  const queue = new LatestOnly(
    (question) => {
      sent.push(question);
      return new Promise((resolve) => answers.push(resolve));
    },
    (outcome) => outcomes.push(outcome),
    (seconds) => {
      pauses.push(seconds);
      return new Promise((resolve) => wakes.push(resolve));
    },
  );
  return { queue, sent, outcomes, pauses, answers, wakes };
}

test("while a request runs, only the newest question waits", async () => {
  const { queue, sent, outcomes, answers } = setUp();
  for (const question of [1, 2, 3, 4]) queue.submit(question);
  assert.deepEqual(sent, [1]);
  answers[0]?.({ answer: "one" });
  await turn();
  assert.deepEqual(sent, [1, 4]);
  answers[1]?.({ answer: "four" });
  await turn();
  assert.deepEqual(outcomes, [{ answer: "one" }, { answer: "four" }]);
  queue.submit(5);
  assert.deepEqual(sent, [1, 4, 5]);
});

test("a cancelled request has no outcome, and later ones do", async () => {
  const { queue, sent, outcomes, answers } = setUp();
  queue.submit(1);
  queue.submit(2);
  queue.cancel();
  answers[0]?.({ answer: "one" });
  await turn();
  assert.deepEqual([sent, outcomes], [[1], []]);
  queue.submit(3);
  queue.cancel();
  queue.submit(4);
  answers[1]?.({ answer: "three" });
  await turn();
  answers[2]?.({ answer: "four" });
  await turn();
  assert.deepEqual([sent, outcomes], [[1, 3, 4], [{ answer: "four" }]]);
});

test("a request to a busy or unreachable server is repeated after a pause, with the newest question", async () => {
  const { queue, sent, outcomes, pauses, answers, wakes } = setUp();
  queue.submit(1);
  answers[0]?.({ retryAfterSeconds: 3, cause: "busy" });
  await turn();
  assert.deepEqual([sent, pauses], [[1], [3]]);
  queue.submit(2);
  assert.deepEqual(sent, [1]);
  wakes[0]?.();
  await turn();
  answers[1]?.({ retryAfterSeconds: 2, cause: "offline" });
  await turn();
  wakes[1]?.();
  await turn();
  answers[2]?.({ answer: "two" });
  await turn();
  assert.deepEqual(sent, [1, 2, 2]);
  assert.deepEqual(outcomes[2], { answer: "two" });
});

test("a newer question replaces one that a busy server refused", async () => {
  const { queue, sent, answers, wakes } = setUp();
  queue.submit(1);
  queue.submit(2);
  answers[0]?.({ retryAfterSeconds: 1, cause: "busy" });
  await turn();
  wakes[0]?.();
  await turn();
  assert.deepEqual(sent, [1, 2]);
});

test("a question cancelled during a pause is not repeated", async () => {
  const { queue, sent, answers, wakes } = setUp();
  queue.submit(1);
  answers[0]?.({ retryAfterSeconds: 1, cause: "offline" });
  await turn();
  queue.cancel();
  wakes[0]?.();
  await turn();
  assert.deepEqual(sent, [1]);
});

test("an error is reported and the request is not repeated", async () => {
  const { queue, sent, outcomes, answers } = setUp();
  queue.submit(1);
  answers[0]?.({ error: "No." });
  await turn();
  assert.deepEqual([sent, outcomes], [[1], [{ error: "No." }]]);
});
