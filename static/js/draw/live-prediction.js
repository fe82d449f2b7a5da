// @ts-check
/**
 * Shows the prediction for a drawing and the network's input, and announces the prediction.
 * @module
 */

import { percent } from "../format.js";

/** @typedef {import("./live-client.js").Frame} Frame */
/** @typedef {import("./dom-snapshot.js").DomSnapshot} DomSnapshot */

const ANNOUNCE_DELAY_MS = 1000; // without a change of the prediction
const NO_VALUE = "–";

/** @param {readonly string[]} names */
function join(names) {
  return names.join(", ").replace(/, ([^,]*)$/, " and $1");
}

/** @param {Frame} frame */
function titleOf({ scale }) {
  const blocks = Object.keys(scale);
  const disabled = blocks.filter((block) => scale[block] === 0);
  const factors = blocks.filter((block) => scale[block] !== 0)
    .map((block) => `${block} × ${String(scale[block]).replace("-", "−")}`);
  const without = disabled.length ? [`without ${join(disabled)}`] : [];
  const scaled = factors.length ? [`with ${join(factors)}`] : [];
  return `Prediction ${[...without, ...scaled].join(" and ")}`.trim();
}

/**
 * The prediction with every block enabled, for comparison; empty if every block is.
 * @param {Frame} frame
 */
function baselineText({ baseline }) {
  if (!baseline) return "";
  const largest = Math.max(...baseline);
  return `With every block on: ${baseline.indexOf(largest)}, ${percent(largest)}`;
}

/** The prediction and its probabilities on the page. */
export class LivePrediction {
  #snapshot;
  #announcement;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {DomSnapshot} snapshot
   * @param {HTMLElement} announcement a polite live region
   */
  constructor(snapshot, announcement) {
    this.#snapshot = snapshot;
    this.#announcement = announcement;
  }

  /** @param {Frame} frame */
  show(frame) {
    const { label, probabilities } = frame;
    const probability = percent(Math.max(...probabilities));
    this.#showTexts(titleOf(frame), label, probability, baselineText(frame));
    this.#showProbabilities(probabilities);
    this.#announce(`${titleOf(frame)}: ${label}, ${probability} probability.`, label);
  }

  /** Show that nothing is drawn. */
  clear() {
    this.#showTexts("Draw a digit", "?", NO_VALUE, "");
    this.#showProbabilities([]);
    this.#announce("", "");
  }

  /** Announce nothing any more. */
  stop() {
    clearTimeout(this.#timer);
    this.#announcement.textContent = "";
    delete this.#announcement.dataset["label"];
  }

  /**
   * @param {string} title
   * @param {string} label
   * @param {string} probability
   * @param {string} baseline
   */
  #showTexts(title, label, probability, baseline) {
    this.#setText(".prediction-title", title);
    for (const selector of [".predicted-digit", ".node-prediction", "[data-predicted-digit]"]) {
      this.#setText(selector, label);
    }
    this.#setText(".probability .number", probability);
    this.#setText("[data-drawing-baseline]", baseline);
  }

  /**
   * @param {string} selector
   * @param {string} text
   */
  #setText(selector, text) {
    const element = document.querySelector(selector);
    if (element) this.#snapshot.setText(element, text);
  }

  /** @param {readonly number[]} probabilities of every class, or none */
  #showProbabilities(probabilities) {
    const largest = Math.max(...probabilities);
    for (const [digit, row] of document.querySelectorAll(".probabilities tbody tr").entries()) {
      const probability = probabilities[digit] ?? 0;
      const [bar, text] = [row.querySelector(".current"), row.querySelector("td.number")];
      this.#snapshot.setAttribute(row, "class", probability === largest ? "first" : "");
      if (bar) this.#snapshot.setAttribute(bar, "width", (100 * probability).toFixed(2));
      const value = probabilities.length ? percent(probability) : NO_VALUE;
      if (text) this.#snapshot.setText(text, value);
    }
  }

  /**
   * Announce a sentence if the label has not changed for a while and differs from the last one.
   * @param {string} sentence
   * @param {string} label
   */
  #announce(sentence, label) {
    clearTimeout(this.#timer);
    if (label === this.#announcement.dataset["label"]) return;
    this.#timer = setTimeout(() => {
      this.#announcement.dataset["label"] = label;
      this.#announcement.textContent = sentence;
    }, ANNOUNCE_DELAY_MS);
  }
}

/**
 * Paint the network's input, or black.
 * @param {HTMLCanvasElement} canvas 28 pixels square
 * @param {Uint8Array} [input] one byte a pixel
 */
export function paintInput(canvas, input) {
  const context = canvas.getContext("2d");
  const image = context?.createImageData(canvas.width, canvas.height);
  if (!context || !image) return;
  for (let pixel = 0; pixel < image.data.length / 4; pixel += 1) {
    image.data.fill(input?.[pixel] ?? 0, 4 * pixel, 4 * pixel + 3);
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
