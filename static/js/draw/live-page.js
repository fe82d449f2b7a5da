// @ts-check
/**
 * Shows what the server answered to a drawing all over the page, and takes it away again.
 * @module
 */

import { chosen, restore, show } from "../maps/painted-figure.js";
import { palettes } from "../maps/palettes.js";
import { Borrowed } from "./dom-snapshot.js";
import { showSpine } from "./live-diagram.js";
import { Reading, showInput } from "./live-prediction.js";

/** @typedef {import("./live-client.js").Frame} Frame */

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

const MOST = 64; // layers that the server takes at a time
const NEAR = "240px"; // so that what scrolls into view shows the drawing already

/** Watches every figure of a layer. */
export class Figures {
  /** @type {Map<string, HTMLElement>} */
  #near = new Map();
  /** @type {Set<HTMLElement>} */
  #painted = new Set();
  #observer;

  /** @param {() => void} changed called when other figures come near */
  constructor(changed) {
    this.#observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!(target instanceof HTMLElement)) continue;
        const layer = target.dataset["layer"] ?? "";
        if (isIntersecting) this.#near.set(layer, target);
        else this.#near.delete(layer);
      }
      if (entries.some((entry) => entry.isIntersecting)) changed();
    }, { rootMargin: NEAR });
  }

  /** Names of the layers, as the server takes them. */
  get layers() {
    return [...this.#near.keys()].slice(0, MOST).join(",");
  }

  watch() {
    for (const figure of document.querySelectorAll("figure[data-layer]")) {
      this.#observer.observe(figure);
    }
  }

  /**
   * Paint what has come for figures that are still near.
   * @param {Frame} frame
   */
  async show({ layers, networkRange }) {
    const choosers = document.querySelector("form[data-choosers]");
    if (!(choosers instanceof HTMLFormElement)) return;
    const look = chosen(choosers);
    await palettes(); // the first time they are fetched, and it may be over by then
    for (const { name, maps, blockRange } of layers) {
      const figure = this.#near.get(name);
      if (!figure) continue;
      this.#painted.add(figure);
      void show(figure, maps, { ...look, scopes: { network: networkRange, block: blockRange } });
    }
  }

  /** The server's pictures again. */
  restore() {
    this.#painted.forEach(restore);
    this.#painted.clear();
  }

  stop() {
    this.#observer.disconnect();
    this.#near.clear();
    this.restore();
  }
}
