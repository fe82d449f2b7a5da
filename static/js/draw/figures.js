// @ts-check
/**
 * The figures in or near the window: which layers they show, and a drawing's maps in them.
 * @module
 */

import { chosen } from "../maps/looks.js";
import { palettes } from "../maps/palettes.js";
import { restore, show } from "../maps/plate.js";

/** @typedef {import("./frames.js").Frame} Frame */

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
