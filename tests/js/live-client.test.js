// @ts-check
/**
 * Live requests, of which only the newest waits, and the frames that answer them.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { LatestOnly, parseFrame, requestFrame } from "../../static/js/draw/live-client.js";

const LEGEND = {
  low: "-1", zero: "0", high: "1", "range-scope": "the whole block", ramp: "url(#ramp-signed)", note: "",
};
const HEADER = {
  values: { label: "7", share: "75.00 %" },
  announcement: "Prediction: 7, 75.00 %.",
  warnings: ["Faint \u2013 hardly there."],
  pictures: [
    { address: "/a/grid.png?zoom=2", width: 3, height: 2, ramp: "signed", legend: LEGEND },
    { address: "/b/maps.png", width: 1, height: 2, ramp: "positive", legend: null },
  ],
};
const LEVELS = [1, 2, 3, 4, 5, 6, 7, 8];

/** @param {object} header */
function frame(header) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const buffer = new ArrayBuffer(4 + text.length + 784 + LEVELS.length);
  new DataView(buffer).setUint32(0, text.length, true);
  new Uint8Array(buffer, 4).set(text);
  new Uint8Array(buffer, 4 + text.length, 784).fill(9);
  new Uint8Array(buffer, 4 + text.length + 784).set(LEVELS);
  return buffer;
}

test("a frame has texts by key, the network's input, and the levels of each picture", () => {
  const { values, announcement, warnings, input, pictures } = parseFrame(frame(HEADER));
  assert.deepEqual({ values, announcement, warnings }, {
    values: HEADER.values, announcement: HEADER.announcement, warnings: HEADER.warnings,
  });
  assert.deepEqual([input.length, input[0], input[783]], [784, 9, 9]);
  assert.deepEqual(pictures.map(({ levels, ...said }) => said), HEADER.pictures);
  assert.deepEqual(pictures.map(({ levels }) => [...levels]), [[1, 2, 3, 4, 5, 6], [7, 8]]);
});

test("levels are not copied, whatever the length of the header", () => {
  for (const announcement of ["a", "bb", "ccc", "dddd"]) {
    const buffer = frame({ ...HEADER, announcement });
    const parsed = parseFrame(buffer);
    assert.equal(parsed.announcement, announcement);
    assert.ok(parsed.pictures.every(({ levels }) => levels.buffer === buffer));
  }
});

test("a frame that is cut off or malformed is rejected", () => {
  assert.throws(() => parseFrame(frame(HEADER).slice(0, 500)), RangeError);
  assert.throws(() => parseFrame(new ArrayBuffer(2)), RangeError);
  assert.throws(() => parseFrame(Uint8Array.of(4, 0, 0, 0, 1, 2, 3, 4).buffer), SyntaxError);
});

const QUESTION = { strokes: [], over: "68348ce2256ddc1e", pictures: ["/a/grid.png"] };

/**
 * What comes of a request that the server answers so.
 * @param {() => Response} answer
 */
async function outcomeOf(answer) {
  /** @type {{ address: string, body: unknown }[]} */
  const sent = [];
  const { fetch } = globalThis;
  globalThis.fetch = async (address, options) => {
    sent.push({ address: String(address), body: JSON.parse(String(options?.body)) });
    return answer();
  };
  try {
    return { sent, outcome: await requestFrame("/networks/n/live?scale=b:0", QUESTION) };
  } finally {
    globalThis.fetch = fetch;
  }
}

/**
 * @param {number} status
 * @param {object} problem
 */
const refusal = (status, problem) => () => Response.json(problem, { status });

test("a drawing is sent as strokes, and answered with a frame", async () => {
  const { sent, outcome } = await outcomeOf(() => new Response(frame(HEADER)));
  assert.deepEqual(sent, [{ address: "/networks/n/live?scale=b:0", body: QUESTION }]);
  assert.ok("answer" in outcome && outcome.answer?.values["label"] === "7");
});

test("a drawing without visible strokes has no frame, which is no error", async () => {
  const { outcome } = await outcomeOf(refusal(422, { code: "blank_image", detail: "nothing" }));
  assert.deepEqual(outcome, { answer: undefined });
});

test("another refusal is told in the server's words", async () => {
  const problem = { code: "unknown_digit", detail: "there is no such digit" };
  const { outcome } = await outcomeOf(refusal(404, problem));
  assert.deepEqual(outcome, { error: "There is no such digit." });
});

test("a busy server is asked again when it says so, one that is away after a second", async () => {
  const headers = { "Retry-After": "3" };
  const busy = await outcomeOf(() => new Response(null, { status: 503, headers }));
  assert.deepEqual(busy.outcome, { retryAfterSeconds: 3, cause: "busy" });
  for (const status of [502, 504]) { // a proxy, while the server starts again
    const { outcome } = await outcomeOf(() => new Response("<html>", { status }));
    assert.deepEqual(outcome, { retryAfterSeconds: 1, cause: "busy" });
  }
  const away = await outcomeOf(() => {
    throw new TypeError("no connection");
  });
  assert.deepEqual(away.outcome, { retryAfterSeconds: 1, cause: "offline" });
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

test("while two requests run, only the newest question waits", async () => {
  const { queue, sent, outcomes, answers } = setUp();
  for (const question of [1, 2, 3, 4]) queue.submit(question);
  assert.deepEqual(sent, [1, 2]);
  answers[0]?.({ answer: "one" });
  await turn();
  assert.deepEqual(sent, [1, 2, 4]);
  answers[1]?.({ answer: "two" });
  await turn();
  answers[2]?.({ answer: "four" });
  await turn();
  assert.deepEqual(outcomes, [{ answer: "one" }, { answer: "two" }, { answer: "four" }]);
  queue.submit(5);
  assert.deepEqual(sent, [1, 2, 4, 5]);
});

test("an answer that a later one has overtaken is dropped", async () => {
  const { queue, outcomes, answers } = setUp();
  queue.submit(1);
  queue.submit(2);
  answers[1]?.({ answer: "two" });
  await turn();
  answers[0]?.({ answer: "one" });
  await turn();
  assert.deepEqual(outcomes, [{ answer: "two" }]);
});

test("a cancelled request has no outcome, and later ones do", async () => {
  const { queue, sent, outcomes, answers } = setUp();
  for (const question of [1, 2, 3]) queue.submit(question);
  queue.cancel();
  answers[0]?.({ answer: "one" });
  answers[1]?.({ answer: "two" });
  await turn();
  assert.deepEqual([sent, outcomes], [[1, 2], []]);
  queue.submit(4);
  queue.cancel();
  queue.submit(5);
  answers[2]?.({ answer: "four" });
  answers[3]?.({ answer: "five" });
  await turn();
  assert.deepEqual([sent, outcomes], [[1, 2, 4, 5], [{ answer: "five" }]]);
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
  for (const question of [1, 2, 3]) queue.submit(question);
  answers[0]?.({ retryAfterSeconds: 1, cause: "busy" });
  await turn();
  answers[1]?.({ answer: "two" });
  await turn();
  assert.deepEqual(sent, [1, 2]);
  wakes[0]?.();
  await turn();
  assert.deepEqual(sent, [1, 2, 3]);
});

test("of two questions that a busy server refused, the newer one is repeated", async () => {
  const { queue, sent, answers, wakes } = setUp();
  queue.submit(1);
  queue.submit(2);
  answers[0]?.({ retryAfterSeconds: 1, cause: "busy" });
  answers[1]?.({ retryAfterSeconds: 1, cause: "busy" });
  await turn();
  wakes[0]?.();
  await turn();
  assert.deepEqual(sent, [1, 2]);
  wakes[1]?.();
  await turn();
  assert.deepEqual(sent, [1, 2, 2]);
});

test("a server that was busy has one request at a time from then on", async () => {
  const { queue, sent, answers, wakes } = setUp();
  queue.submit(1);
  queue.submit(2);
  answers[0]?.({ retryAfterSeconds: 1, cause: "busy" });
  answers[1]?.({ answer: "two" });
  await turn();
  wakes[0]?.();
  await turn();
  for (const question of [3, 4]) queue.submit(question);
  assert.deepEqual(sent, [1, 2, 3]);
  answers[2]?.({ answer: "three" });
  await turn();
  assert.deepEqual(sent, [1, 2, 3, 4]);
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
