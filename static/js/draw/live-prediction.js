// @ts-check
/**
 * Shows what the network is given of a drawing and what it reads in it, and says so.
 * @module
 */

import { percent } from "../format.js";

/** @typedef {import("./live-client.js").Frame} Frame */
/** @typedef {import("./dom-snapshot.js").Borrowed} Borrowed */

const STILL_MS = 1000; // a reading is said when it has stood that long

/** @param {Frame} frame */
function opening({ label, off }) {
  const names = off.join(", ").replace(/, ([^,]*)$/, " and $1");
  const subject = names ? `Without ${names}, the` : "The";
  return `${subject} network reads ${label === "8" ? "an" : "a"}`;
}

/**
 * What switched blocks change in the answer; nothing where all are on.
 * @param {Frame} frame
 */
function withAllOn({ baseline }) {
  if (!baseline) return "";
  const share = Math.max(...baseline);
  return `With every block on: ${baseline.indexOf(share)}, ${percent(share)}`;
}

/** The answer and its probabilities on the page, and a line that is read out. */
export class Reading {
  #page;
  #spoken;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #still;

  /**
   * @param {Borrowed} page
   * @param {HTMLElement} spoken a polite live region
   */
  constructor(page, spoken) {
    this.#page = page;
    this.#spoken = spoken;
  }

  /** @param {Frame} frame */
  show(frame) {
    const { label, probabilities } = frame;
    const share = percent(Math.max(...probabilities));
    this.#write(".answer-words", opening(frame));
    for (const place of [".numeral", ".node-answer", "[data-drawn-label]"]) this.#write(place, label);
    this.#write(".certainty .number", share);
    this.#write("[data-drawn-whole]", withAllOn(frame));
    this.#bars(probabilities);
    this.#say(`${opening(frame)} ${label}, ${share} probability.`, label);
  }

  /** Nothing is drawn, so nothing is read. */
  clear() {
    this.#write(".answer-words", "Draw a digit");
    for (const place of [".numeral", ".node-answer", "[data-drawn-label]"]) this.#write(place, "?");
    this.#write(".certainty .number", "–");
    this.#write("[data-drawn-whole]", "");
    this.#bars([]);
    this.#say("", "");
  }

  /** Say nothing any more. */
  stop() {
    clearTimeout(this.#still);
    this.#spoken.textContent = "";
    delete this.#spoken.dataset["label"];
  }

  /**
   * @param {string} place
   * @param {string} text
   */
  #write(place, text) {
    const element = document.querySelector(place);
    if (element) this.#page.text(element, text);
  }

  /** @param {readonly number[]} probabilities of every class, or none */
  #bars(probabilities) {
    const largest = Math.max(...probabilities);
    for (const [at, row] of document.querySelectorAll(".chances tbody tr").entries()) {
      const share = probabilities[at] ?? 0;
      const [bar, words] = [row.querySelector(".now"), row.querySelector("td.number")];
      this.#page.attribute(row, "class", share === largest ? "first" : "");
      if (bar) this.#page.attribute(bar, "width", (100 * share).toFixed(2));
      if (words) this.#page.text(words, probabilities.length ? percent(share) : "–");
    }
  }

  /**
   * Once the label has stood for a while, and only if it is another than was said last.
   * @param {string} sentence
   * @param {string} label
   */
  #say(sentence, label) {
    clearTimeout(this.#still);
    if (label === this.#spoken.dataset["label"]) return;
    this.#still = setTimeout(() => {
      this.#spoken.dataset["label"] = label;
      this.#spoken.textContent = sentence;
    }, STILL_MS);
  }
}

/**
 * Paint the digit that the network is given, or nothing.
 * @param {HTMLCanvasElement} canvas 28 pixels square
 * @param {Uint8Array} [input]
 */
export function showInput(canvas, input) {
  const context = canvas.getContext("2d");
  const image = context?.createImageData(canvas.width, canvas.height);
  if (!context || !image) return;
  for (let at = 0; at < image.data.length / 4; at += 1) {
    image.data.fill(input?.[at] ?? 0, 4 * at, 4 * at + 3);
    image.data[4 * at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
