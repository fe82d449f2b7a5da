// @ts-check
/**
 * Asks the server about the newest state of a drawing, and reads its answer.
 * @module
 */

import { reason } from "../upload.js";

const COME_BACK = 503;
const OFFLINE_SECONDS = 1;

/**
 * An answer of nothing means that there is no ink to read.
 * @param {string} address
 * @param {Blob} picture
 * @returns {Promise<Outcome<Frame | undefined>>}
 */
export async function ask(address, picture) {
  try {
    const headers = { "Content-Type": picture.type };
    const response = await fetch(address, { method: "POST", body: picture, headers });
    if (response.ok) return { answer: parse(await response.arrayBuffer()) };
    if (response.status === COME_BACK) {
      return { again: Number(response.headers.get("Retry-After")) || 1, why: "busy" };
    }
    const { code, sentence } = await reason(response);
    return code === "blank_image" ? { answer: undefined } : { refusal: sentence };
  } catch {
    return { again: OFFLINE_SECONDS, why: "offline" };
  }
}

/**
 * How a question went: answered, refused in words, or to be asked again after some seconds.
 * @template Answer
 * @typedef {{ answer: Answer } | { refusal: string }
 *   | { again: number, why: "busy" | "offline" }} Outcome
 */

/**
 * @template Question, Answer
 */
export class Latest {
  /** @type {{ question: Question } | undefined} */
  #waiting;
  #round = 0;
  #running = false;
  #ask;
  #tell;
  #pause;

  /**
   * @param {(question: Question) => Promise<Outcome<Answer>>} ask must not fail
   * @param {(outcome: Outcome<Answer>) => void} tell
   * @param {(seconds: number) => Promise<void>} pause
   */
  constructor(ask, tell, pause) {
    this.#ask = ask;
    this.#tell = tell;
    this.#pause = pause;
  }

  /**
   * Ask as soon as the question under way is answered; one that waits already is dropped.
   * @param {Question} question
   */
  offer(question) {
    this.#waiting = { question };
    if (!this.#running) void this.#run();
  }

  /** Drop what waits, and the answer to what is under way. */
  forget() {
    this.#waiting = undefined;
    this.#round += 1;
  }

  async #run() {
    this.#running = true;
    while (this.#waiting) {
      const asked = this.#waiting;
      const round = this.#round;
      this.#waiting = undefined;
      const outcome = await this.#ask(asked.question);
      if (round !== this.#round) continue;
      this.#tell(outcome);
      if (!("again" in outcome)) continue;
      this.#waiting ??= asked;
      await this.#pause(outcome.again);
    }
    this.#running = false;
  }
}

/**
 * Values row by row, and at each place those of all filters.
 * @typedef {{ height: number, width: number, filters: number, values: Float32Array }} Maps
 * @typedef {[number, number]} Range
 * @typedef {{ name: string, maps: Maps, blockRange: Range }} Layer
 * @typedef {{ block: string, norm_x: number, norm_f: number, norm_sum: number, norm_input: number,
 *   norm_output: number }} Block
 * @typedef {{ label: string, probabilities: number[], baseline: number[] | null, off: string[],
 *   warnings: string[], blocks: Block[] }} Said
 * @typedef {Said & { networkRange: Range, input: Uint8Array, layers: Layer[] }} Frame
 * @typedef {Said & { network_range: Range, input_shape: [number, number], layers: { name: string,
 *   shape: [number, number, number], offset: number, block_range: Range }[] }} Header
 */

const LENGTH_BYTES = 4;

/**
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 * @throws {RangeError} the frame is cut short
 * @throws {SyntaxError} its header is no JSON
 */
export function parse(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const body = LENGTH_BYTES + length;
  const text = new TextDecoder().decode(new Uint8Array(buffer, LENGTH_BYTES, length));
  const header = /** @type {Header} */ (JSON.parse(text));
  const [rows, columns] = header.input_shape;
  return {
    label: header.label,
    probabilities: header.probabilities,
    baseline: header.baseline,
    off: header.off,
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
