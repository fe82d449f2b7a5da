// @ts-check
/**
 * Shows the answer to a drawing all over the page, and restores the page.
 * @module
 */

import { displayOptions, paintFigure, restoreFigure } from "../maps/painted-figure.js";
import { loadPalette } from "../maps/palettes.js";
import { DomSnapshot } from "./dom-snapshot.js";
import { updateDiagram } from "./live-diagram.js";
import { LivePrediction, paintInput } from "./live-prediction.js";

/** @typedef {import("./live-client.js").Frame} Frame */

const MAX_LAYERS = 64; // per request, on the server
const MARGIN = "240px"; // around the window, so that figures show the drawing before they scroll in

/** The page while someone draws. */
export class LivePage {
  #snapshot = new DomSnapshot();
  #prediction;
  #networkInput;
  #figures;
  #isOpen = false;
  /** @type {Frame | undefined} */
  #newest;

  /**
   * @param {HTMLCanvasElement} networkInput
   * @param {HTMLElement} announcement a live region for the prediction
   * @param {() => void} onNewFigures called when more figures come near the window
   */
  constructor(networkInput, announcement, onNewFigures) {
    this.#networkInput = networkInput;
    this.#prediction = new LivePrediction(this.#snapshot, announcement);
    this.#figures = new VisibleFigures(onNewFigures);
  }

  /** Names of the layers near the window, as the API takes them. */
  get layers() {
    return this.#figures.layers;
  }

  open() {
    this.#isOpen = true;
    this.#figures.observe();
  }

  /**
   * Show a frame with the next screen frame, unless a newer one arrives before.
   * @param {Frame} frame
   */
  update(frame) {
    if (!this.#newest) requestAnimationFrame(() => this.#showNewest());
    this.#newest = frame;
  }

  #showNewest() {
    const frame = this.#newest;
    this.#newest = undefined;
    if (!frame || !this.#isOpen) return;
    this.#prediction.show(frame);
    paintInput(this.#networkInput, frame.input);
    updateDiagram(this.#snapshot, frame.blocks);
    void this.#figures.paint(frame);
  }

  /** Show that nothing is drawn. */
  clear() {
    this.#newest = undefined;
    this.#figures.restore();
    this.#snapshot.restore();
    this.#prediction.clear();
    paintInput(this.#networkInput);
  }

  /** Show the page's own digit again. */
  close() {
    this.#isOpen = false;
    this.#newest = undefined;
    this.#figures.disconnect();
    this.#prediction.stop();
    this.#snapshot.restore();
  }
}

/** Figures of layers in or near the window. */
class VisibleFigures {
  /** @type {Map<string, HTMLElement>} */
  #byLayer = new Map();
  /** @type {Set<HTMLElement>} */
  #painted = new Set();
  #observer;

  /** @param {() => void} onNewFigures */
  constructor(onNewFigures) {
    this.#observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!(target instanceof HTMLElement)) continue;
        const layer = target.dataset["layer"] ?? "";
        if (isIntersecting) this.#byLayer.set(layer, target);
        else this.#byLayer.delete(layer);
      }
      if (entries.some((entry) => entry.isIntersecting)) onNewFigures();
    }, { rootMargin: MARGIN });
  }

  get layers() {
    return [...this.#byLayer.keys()].slice(0, MAX_LAYERS).join(",");
  }

  observe() {
    for (const figure of document.querySelectorAll("figure[data-layer]")) {
      this.#observer.observe(figure);
    }
  }

  /**
   * Paint the layers of a frame.
   * @param {Frame} frame
   */
  async paint({ layers, networkRange }) {
    const choosers = document.querySelector("form[data-display-options]");
    if (!(choosers instanceof HTMLFormElement)) return;
    const options = displayOptions(choosers);
    await loadPalette(options.palette); // so that what follows checks which figures are near by now
    for (const { name, maps, blockRange } of layers) {
      const figure = this.#byLayer.get(name);
      if (!figure) continue;
      this.#painted.add(figure);
      const sharedRanges = { network: networkRange, block: blockRange };
      void paintFigure(figure, maps, { ...options, sharedRanges });
    }
  }

  restore() {
    this.#painted.forEach(restoreFigure);
    this.#painted.clear();
  }

  disconnect() {
    this.#observer.disconnect();
    this.#byLayer.clear();
    this.restore();
  }
}
