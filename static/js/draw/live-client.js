// @ts-check
/**
 * Sends the newest state of a drawing to the server and reads the frames that it answers with.
 * @module
 */

import { problemOf } from "../upload.js";

/** @typedef {import("../maps/value-range.js").FeatureMaps} FeatureMaps */
/** @typedef {[low: number, high: number]} ValueRange */
/** @typedef {{ name: string, maps: FeatureMaps, blockRange: ValueRange }} Layer */
/**
 * Euclidean norms along a block's paths.
 * @typedef {{ block: string, norm_x: number, norm_residual: number, norm_sum: number, norm_input: number,
 *   norm_output: number }} BlockNorms
 */
/**
 * @typedef {{ label: string, probabilities: number[], baseline: number[] | null,
 *   scale: Record<string, number>, warnings: string[], blocks: BlockNorms[] }} Answer
 * @typedef {Answer & { network_range: ValueRange, input_shape: [number, number], layers: {
 *   name: string, shape: [number, number, number], offset: number, block_range: ValueRange }[]
 *   }} Header
 * @typedef {Answer & { networkRange: ValueRange, input: Uint8Array, layers: Layer[] }} Frame
 */
/**
 * How a request ended: with an answer, with an error for people, or to be repeated after a pause.
 * @template T
 * @typedef {{ answer: T } | { error: string }
 *   | { retryAfterSeconds: number, cause: "busy" | "offline" }} Outcome
 */

const SERVICE_UNAVAILABLE = 503;
const OFFLINE_PAUSE_S = 1;
const HEADER_LENGTH_BYTES = 4;

/**
 * Ask for the frame of a drawing.
 * @param {string} address
 * @param {Blob} png
 * @returns {Promise<Outcome<Frame | undefined>>} undefined for a drawing without visible strokes
 */
export async function requestFrame(address, png) {
  try {
    const headers = { "Content-Type": png.type };
    const response = await fetch(address, { method: "POST", body: png, headers });
    if (response.ok) return { answer: parseFrame(await response.arrayBuffer()) };
    if (response.status === SERVICE_UNAVAILABLE) {
      const retryAfterSeconds = Number(response.headers.get("Retry-After")) || 1;
      return { retryAfterSeconds, cause: "busy" };
    }
    const { code, sentence } = await problemOf(response);
    return code === "blank_image" ? { answer: undefined } : { error: sentence };
  } catch {
    return { retryAfterSeconds: OFFLINE_PAUSE_S, cause: "offline" };
  }
}

/**
 * Read a frame: the length of its header, a JSON header, and arrays, which are not copied.
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 * @throws {RangeError} the frame is cut off
 * @throws {SyntaxError} its header is not JSON
 */
export function parseFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const body = HEADER_LENGTH_BYTES + length;
  const text = new TextDecoder().decode(new Uint8Array(buffer, HEADER_LENGTH_BYTES, length));
  const header = /** @type {Header} */ (JSON.parse(text));
  const [rows, columns] = header.input_shape;
  return {
    label: header.label,
    probabilities: header.probabilities,
    baseline: header.baseline,
    scale: header.scale,
    warnings: header.warnings,
    networkRange: header.network_range,
    input: new Uint8Array(buffer, body, rows * columns),
    layers: header.layers.map(({ name, shape: [height, width, filters], offset, block_range }) => {
      const values = new Float32Array(buffer, body + offset, height * width * filters);
      return { name, maps: { height, width, filters, values }, blockRange: block_range };
    }),
    blocks: header.blocks,
  };
}

/**
 * A queue of one: while a request runs, only the newest of what is submitted waits for it.
 * @template Question, T
 */
export class LatestOnly {
  /** @type {{ question: Question } | undefined} */
  #waiting;
  #generation = 0;
  #isRunning = false;
  #request;
  #onOutcome;
  #pause;

  /**
   * @param {(question: Question) => Promise<Outcome<T>>} request must not reject
   * @param {(outcome: Outcome<T>) => void} onOutcome
   * @param {(seconds: number) => Promise<void>} pause
   */
  constructor(request, onOutcome, pause) {
    this.#request = request;
    this.#onOutcome = onOutcome;
    this.#pause = pause;
  }

  /**
   * Send a question after the running request, in place of one that is waiting.
   * @param {Question} question
   */
  submit(question) {
    this.#waiting = { question };
    if (!this.#isRunning) void this.#run();
  }

  /** Drop the waiting question and ignore the outcome of the running request. */
  cancel() {
    this.#waiting = undefined;
    this.#generation += 1;
  }

  async #run() {
    this.#isRunning = true;
    while (this.#waiting) {
      const current = this.#waiting;
      const generation = this.#generation;
      this.#waiting = undefined;
      const outcome = await this.#request(current.question);
      if (generation !== this.#generation) continue;
      this.#onOutcome(outcome);
      if (!("retryAfterSeconds" in outcome)) continue;
      this.#waiting ??= current;
      await this.#pause(outcome.retryAfterSeconds);
    }
    this.#isRunning = false;
  }
}
