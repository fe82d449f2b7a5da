// @ts-check
/**
 * Asks the server what a network makes of a drawing, and reads the frames that it answers with.
 * @module
 */

import { isRetryable } from "../retry.js";
import { problemOf } from "../upload.js";

/** @typedef {import("./strokes.js").Stroke} Stroke */
/**
 * What to show: strokes, the digit that they are drawn over, and the addresses of the pictures.
 * @typedef {{ strokes: readonly Stroke[], over: string | null, pictures: readonly string[] }}
 *   Question
 */
/**
 * A picture as palette levels, row by row. Its legend is null where a figure around it has it.
 * @typedef {{ low: string, zero: string, high: string, ramp: string,
 *   "range-scope": string, note: string }} Legend
 * @typedef {{ address: string, width: number, height: number, ramp: "signed" | "positive",
 *   legend: Legend | null, levels: Uint8Array }} LivePicture
 */
/**
 * `values` are texts and attributes by key, `input` is the digit that the network gets, one byte a
 * pixel, and empty where it gets what is drawn as it is seen.
 * @typedef {{ values: Record<string, string>, announcement: string, warnings: string[],
 *   input: Uint8Array, pictures: LivePicture[] }} Frame
 */
/**
 * How a request ended: with an answer, with an error for people, or to be repeated after a pause.
 * @template T
 * @typedef {{ answer: T } | { error: string }
 *   | { retryAfterSeconds: number, cause: "busy" | "offline" }} Outcome
 */

/** Seconds until a server is tried again that cannot be reached. */
export const OFFLINE_PAUSE_S = 1;
const HEADER_LENGTH_BYTES = 4;
/** Of a digit, in pixels. */
export const SIDE = 28;

/**
 * @param {string} address
 * @param {Question} question
 * @returns {Promise<Outcome<Frame | undefined>>} undefined for a drawing without visible strokes
 */
export async function requestFrame(address, question) {
  try {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify(question);
    const response = await fetch(address, { method: "POST", body, headers });
    if (response.ok) return { answer: parseFrame(await response.arrayBuffer()) };
    if (isRetryable(response.status)) {
      return { retryAfterSeconds: secondsUntilRetry(response), cause: "busy" };
    }
    const { code, sentence } = await problemOf(response);
    return code === "blank_image" ? { answer: undefined } : { error: sentence };
  } catch {
    return { retryAfterSeconds: OFFLINE_PAUSE_S, cause: "offline" };
  }
}

/** What a busy server asks for. @param {Response} response */
export function secondsUntilRetry(response) {
  return Number(response.headers.get("Retry-After")) || 1;
}

/**
 * Read a frame: the length of its header, a JSON header, and bytes, which are not copied.
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 * @throws {RangeError} the frame is cut off
 * @throws {SyntaxError} its header is not JSON
 */
export function parseFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, HEADER_LENGTH_BYTES, length));
  const header = JSON.parse(text);
  const { values, announcement, warnings, pictures } = header;
  let offset = HEADER_LENGTH_BYTES + length;
  /** @param {number} size */
  const take = (size) => {
    offset += size;
    return new Uint8Array(buffer, offset - size, size);
  };
  return {
    values,
    announcement,
    warnings,
    input: take(header["is_drawn_as_seen"] ? 0 : SIDE * SIDE),
    pictures: pictures.map((/** @type {LivePicture} */ picture) =>
      ({ ...picture, levels: take(picture.width * picture.height) })),
  };
}

/**
 * A queue of one: while two requests run, only the newest of what is submitted waits for them. The
 * second is under way while the first one's answer is shown. A server that was busy once, as with a
 * class that draws, has one of each page from then on.
 * @template Asked, T
 */
export class LatestOnly {
  /** @type {{ question: Asked, number: number } | undefined} */
  #waiting;
  #generation = 0;
  #submitted = 0;
  /** Number of the newest question that has an outcome. */
  #answered = 0;
  #running = 0;
  #mostRunning = 2;
  #pausing = 0;
  #request;
  #onOutcome;
  #pause;

  /**
   * @param {(question: Asked) => Promise<Outcome<T>>} request must not reject
   * @param {(outcome: Outcome<T>) => void} onOutcome not called once a later question has an outcome
   * @param {(seconds: number) => Promise<void>} pause
   */
  constructor(request, onOutcome, pause) {
    this.#request = request;
    this.#onOutcome = onOutcome;
    this.#pause = pause;
  }

  /**
   * Send a question as soon as there is room, in place of one that is waiting.
   * @param {Asked} question
   */
  submit(question) {
    this.#waiting = { question, number: ++this.#submitted };
    if (this.#running < this.#mostRunning) void this.#run();
  }

  /** Drop the waiting question and ignore the outcomes of the running requests. */
  cancel() {
    this.#waiting = undefined;
    this.#generation += 1;
  }

  async #run() {
    this.#running += 1;
    while (this.#waiting && !this.#pausing && this.#running <= this.#mostRunning) {
      const current = this.#waiting;
      const generation = this.#generation;
      this.#waiting = undefined;
      const outcome = await this.#request(current.question);
      if (generation !== this.#generation || current.number < this.#answered) continue;
      this.#answered = current.number;
      this.#onOutcome(outcome);
      if (!("retryAfterSeconds" in outcome)) continue;
      if (outcome.cause === "busy") this.#mostRunning = 1;
      await this.#waitToRepeat(current, outcome.retryAfterSeconds);
    }
    this.#running -= 1;
  }

  /**
   * @param {{ question: Asked, number: number }} refused asked again, unless a newer one is waiting
   *   or answered by then
   * @param {number} seconds
   */
  async #waitToRepeat(refused, seconds) {
    if (!this.#waiting || this.#waiting.number < refused.number) this.#waiting = refused;
    this.#pausing += 1;
    await this.#pause(seconds);
    this.#pausing -= 1;
    if (this.#waiting === refused && refused.number < this.#answered) this.#waiting = undefined;
  }
}
