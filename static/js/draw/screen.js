// @ts-check
/**
 * Shows what the server answered to a drawing all over the page, and takes it away again.
 * @module
 */

import { Borrowed } from "./borrowed.js";
import { Figures } from "./figures.js";
import { Reading, showInput } from "./reading.js";
import { showSpine } from "./spine.js";

/** @typedef {import("./frames.js").Frame} Frame */

/** The page while one draws. */
export class Screen {
  #page = new Borrowed();
  #reading;
  #given;
  #figures;
  #open = false;
  /** @type {Frame | undefined} */
  #newest;

  /**
   * @param {HTMLCanvasElement} given where the network's input is shown
   * @param {HTMLElement} spoken where the reading is said
   * @param {() => void} changed called when other figures come near
   */
  constructor(given, spoken, changed) {
    this.#given = given;
    this.#reading = new Reading(this.#page, spoken);
    this.#figures = new Figures(changed);
  }

  /** Names of the layers that are in or near the window. */
  get layers() {
    return this.#figures.layers;
  }

  open() {
    this.#open = true;
    this.#figures.watch();
  }

  /**
   * Show a frame with the screen's next; a newer one that comes before takes its place.
   * @param {Frame} frame
   */
  follow(frame) {
    if (!this.#newest) requestAnimationFrame(() => this.#show());
    this.#newest = frame;
  }

  #show() {
    const frame = this.#newest;
    this.#newest = undefined;
    if (!frame || !this.#open) return;
    this.#reading.show(frame);
    showInput(this.#given, frame.input);
    showSpine(this.#page, frame.blocks);
    void this.#figures.show(frame);
  }

  /** Nothing is drawn. */
  clear() {
    this.#newest = undefined;
    this.#figures.restore();
    this.#page.restore();
    this.#reading.clear();
    showInput(this.#given);
  }

  /** The page's own digit again. */
  close() {
    this.#open = false;
    this.#newest = undefined;
    this.#figures.stop();
    this.#reading.stop();
    this.#page.restore();
  }
}
