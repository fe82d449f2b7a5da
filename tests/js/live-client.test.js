// @ts-check
/**
 * Asking about a drawing: one question at a time, none queued, and the frame that answers it.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { Latest, parse } from "../../static/js/draw/live-client.js";

const HEADER = {
  label: "7",
  probabilities: [0.25, 0.75],
  baseline: [0.5, 0.5],
  off: ["block2"],
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
  for (let place = 0; place < 8; place += 1) {
    new DataView(buffer).setFloat32(4 + length + 784 + 4 * place, place / 2, true);
  }
  return buffer;
}

test("a frame gives its header's words, its input and every layer's maps", () => {
  const found = parse(frame(HEADER));
  assert.equal(found.label, "7");
  assert.deepEqual([found.probabilities, found.baseline], [[0.25, 0.75], [0.5, 0.5]]);
  assert.deepEqual([found.off, found.warnings], [HEADER.off, HEADER.warnings]);
  assert.deepEqual(found.networkRange, [-2, 3]);
  assert.deepEqual([found.input.length, found.input[0], found.input[783]], [784, 9, 9]);
  const [stem, logits] = found.layers;
  assert.deepEqual(stem?.maps, {
    height: 1, width: 2, filters: 3, values: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5),
  });
  assert.deepEqual(logits?.maps.values, Float32Array.of(3, 3.5));
  assert.deepEqual([logits?.name, logits?.blockRange], ["head.logits", [0, 8]]);
});

test("arrays are read in place, whatever the header's length", () => {
  for (const label of ["a", "bb", "ccc", "dddd"]) {
    const buffer = frame({ ...HEADER, label });
    const found = parse(buffer);
    assert.equal(found.label, label);
    assert.equal(found.layers[0]?.maps.values.buffer, buffer);
  }
});

test("what is cut short or no frame is refused", () => {
  assert.throws(() => parse(frame(HEADER).slice(0, 500)), RangeError);
  assert.throws(() => parse(new ArrayBuffer(2)), RangeError);
  assert.throws(() => parse(Uint8Array.of(4, 0, 0, 0, 1, 2, 3, 4).buffer), SyntaxError);
});

/** @typedef {import("../../static/js/draw/live-client.js").Outcome<string>} Outcome */

/** One that asks a server which answers when it is told to. */
function setUp() {
  /** @type {number[]} */
  const asked = [];
  /** @type {Outcome[]} */
  const told = [];
  /** @type {number[]} */
  const pauses = [];
  /** @type {((outcome: Outcome) => void)[]} */
  const answers = [];
  /** @type {(() => void)[]} */
  const wakes = [];
  /** @type {Latest<number, string>} */
  const latest = new Latest(
    (question) => {
      asked.push(question);
      return new Promise((resolve) => answers.push(resolve));
    },
    (outcome) => told.push(outcome),
    (seconds) => {
      pauses.push(seconds);
      return new Promise((resolve) => wakes.push(resolve));
    },
  );
  return { latest, asked, told, pauses, answers, wakes };
}

test("while a question is under way the newest waits and those before it are dropped", async () => {
  const { latest, asked, told, answers } = setUp();
  for (const question of [1, 2, 3, 4]) latest.offer(question);
  assert.deepEqual(asked, [1]);
  answers[0]?.({ answer: "one" });
  await turn();
  assert.deepEqual(asked, [1, 4]);
  answers[1]?.({ answer: "four" });
  await turn();
  assert.deepEqual(told, [{ answer: "one" }, { answer: "four" }]);
  latest.offer(5);
  assert.deepEqual(asked, [1, 4, 5]);
});

test("what was given up is not told, and what comes after it is", async () => {
  const { latest, asked, told, answers } = setUp();
  latest.offer(1);
  latest.offer(2);
  latest.forget();
  answers[0]?.({ answer: "one" });
  await turn();
  assert.deepEqual([asked, told], [[1], []]);
  latest.offer(3);
  latest.forget();
  latest.offer(4);
  answers[1]?.({ answer: "three" });
  await turn();
  answers[2]?.({ answer: "four" });
  await turn();
  assert.deepEqual([asked, told], [[1, 3, 4], [{ answer: "four" }]]);
});

test("a busy or unreachable server is asked again after its pause, about the newest", async () => {
  const { latest, asked, told, pauses, answers, wakes } = setUp();
  latest.offer(1);
  answers[0]?.({ again: 3, why: "busy" });
  await turn();
  assert.deepEqual([asked, pauses], [[1], [3]]);
  latest.offer(2);
  assert.deepEqual(asked, [1]);
  wakes[0]?.();
  await turn();
  answers[1]?.({ again: 2, why: "offline" });
  await turn();
  wakes[1]?.();
  await turn();
  answers[2]?.({ answer: "two" });
  await turn();
  assert.deepEqual(asked, [1, 2, 2]);
  assert.deepEqual(told[2], { answer: "two" });
});

test("what came up before a server turned out to be busy is asked instead", async () => {
  const { latest, asked, answers, wakes } = setUp();
  latest.offer(1);
  latest.offer(2);
  answers[0]?.({ again: 1, why: "busy" });
  await turn();
  wakes[0]?.();
  await turn();
  assert.deepEqual(asked, [1, 2]);
});

test("what was given up during a pause is not asked again", async () => {
  const { latest, asked, answers, wakes } = setUp();
  latest.offer(1);
  answers[0]?.({ again: 1, why: "offline" });
  await turn();
  latest.forget();
  wakes[0]?.();
  await turn();
  assert.deepEqual(asked, [1]);
});

test("a refusal is told and not asked again", async () => {
  const { latest, asked, told, answers } = setUp();
  latest.offer(1);
  answers[0]?.({ refusal: "No." });
  await turn();
  assert.deepEqual([asked, told], [[1], [{ refusal: "No." }]]);
});
