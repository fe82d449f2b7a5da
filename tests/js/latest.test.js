// @ts-check
/**
 * Asking about the newest: one question at a time, none queued, no answer to what was given up.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { Latest } from "../../static/js/draw/latest.js";

/** @typedef {import("../../static/js/draw/latest.js").Outcome<string>} Outcome */

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
