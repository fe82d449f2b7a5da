// @ts-check
/**
 * Paints pictures of a drawing over those of the page's digit, wherever they are in view.
 * @module
 */

import { loadPalette } from "./palettes.js";

/** @typedef {import("../draw/live-client.js").LivePicture} LivePicture */
/** @typedef {import("../draw/live-client.js").Legend} Legend */
/** @typedef {HTMLImageElement | SVGImageElement} Original */

/** Pictures of a digit's activations, and of comparisons with it. */
const ORIGINALS = "img[src*='/digits/'][src*='.png'], svg image[href*='/digits/'], "
  + "svg image[href*='/compare/']";
const FOLLOWS = /\/(grid|maps)\.png(\?|$)/;
const MARGIN = "200px"; // around the window, so that pictures follow before they scroll in
const MAX_PICTURES = 24; // per request, on the server

/** The pictures of the page that follow a drawing. */
export class LivePictures {
  /** @type {Set<Original>} */
  #inView = new Set();
  /** @type {Map<Original, HTMLCanvasElement>} */
  #canvases = new Map();
  #observer;

  /** @param {() => void} onNewPictures called when more pictures come into view */
  constructor(onNewPictures) {
    this.#observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const original = /** @type {Original} */ (target);
        if (isIntersecting) this.#inView.add(original);
        else this.#inView.delete(original);
      }
      if (entries.some((entry) => entry.isIntersecting)) onNewPictures();
    }, { rootMargin: MARGIN });
    addEventListener("resize", () => this.#canvases.forEach(place));
  }

  /** Watch the pictures that the page has now. */
  observe() {
    this.#observer.disconnect();
    this.#inView.clear();
    for (const original of document.querySelectorAll(ORIGINALS)) {
      if (FOLLOWS.test(addressOf(/** @type {Original} */ (original)))) {
        this.#observer.observe(original);
      }
    }
  }

  /** The addresses of the pictures in view, each once. */
  get addresses() {
    const addresses = [...this.#inView].filter((original) => original.isConnected).map(addressOf);
    return [...new Set(addresses)].slice(0, MAX_PICTURES);
  }

  /**
   * Paint the pictures of a frame.
   * @param {readonly LivePicture[]} pictures
   */
  async paint(pictures) {
    const name = document.querySelector("[data-palette]")?.getAttribute("data-palette") ?? "dark";
    const palette = await loadPalette(name);
    const byAddress = new Map(pictures.map((picture) => [picture.address, picture]));
    /** @type {Map<LivePicture, HTMLCanvasElement>} */
    const painted = new Map();
    for (const original of this.#inView) {
      const picture = byAddress.get(addressOf(original));
      if (!picture) continue;
      const table = picture.ramp === "signed" ? palette.diverging : palette.sequential;
      const whole = painted.get(picture) ?? paintWhole(picture, table);
      painted.set(picture, whole);
      this.#show(original, whole);
      if (picture.legend) writeLegend(original, picture.legend);
    }
  }

  /**
   * @param {Original} original
   * @param {HTMLCanvasElement} whole
   */
  #show(original, whole) {
    const canvas = this.#canvases.get(original) ?? createOver(original);
    this.#canvases.set(original, canvas);
    const [left, top, width, height] = cropOf(original, whole);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    canvas.getContext("2d")?.drawImage(whole, left, top, width, height, 0, 0, width, height);
  }

  /** Show the page's own pictures again, as soon as each is there. */
  clear() {
    for (const [original, canvas] of this.#canvases) {
      const isThere = original instanceof HTMLImageElement
        ? original.decode().catch(() => undefined)
        : Promise.resolve();
      void isThere.then(() => canvas.remove());
    }
    this.#canvases.clear();
  }
}

/** Path and query of what the browser shows. @param {Original} original */
function addressOf(original) {
  const shown = original instanceof HTMLImageElement
    ? original.currentSrc || original.src
    : original.href.baseVal;
  const { pathname, search } = new URL(shown, location.href);
  return pathname + search;
}

/**
 * @param {LivePicture} picture
 * @param {Uint32Array} table
 */
function paintWhole({ width, height, levels }, table) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  if (!context) throw new Error("The browser cannot draw on a canvas.");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let index = 0; index < pixels.length; index += 1) {
    pixels[index] = table[levels[index] ?? 0] ?? 0;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * The part of a picture that an element shows: all, or what the `viewBox` around it cuts out.
 * @param {Original} original
 * @param {HTMLCanvasElement} whole
 * @returns {[number, number, number, number]}
 */
function cropOf(original, whole) {
  const box = original instanceof SVGImageElement && original.ownerSVGElement?.viewBox.baseVal;
  return box ? [box.x, box.y, box.width, box.height] : [0, 0, whole.width, whole.height];
}

/** @param {Original} original */
function createOver(original) {
  const canvas = document.createElement("canvas");
  canvas.className = "live-canvas";
  canvas.setAttribute("aria-hidden", "true"); // the picture under it keeps its name
  canvas.setAttribute("data-added", "");
  const shown = frameOf(original);
  shown.after(canvas);
  place(canvas, original);
  return canvas;
}

/** @param {Original} original @returns {Element} */
function frameOf(original) {
  return original instanceof SVGImageElement ? original.ownerSVGElement ?? original : original;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Original} original
 */
function place(canvas, original) {
  const shown = frameOf(original);
  const parent = shown.parentElement;
  if (!parent) return;
  const [outer, inner] = [parent.getBoundingClientRect(), shown.getBoundingClientRect()];
  Object.assign(canvas.style, {
    left: `${inner.left - outer.left - parent.clientLeft + parent.scrollLeft}px`,
    top: `${inner.top - outer.top - parent.clientTop + parent.scrollTop}px`,
    width: `${inner.width}px`,
    height: `${inner.height}px`,
  });
}

/**
 * @param {Original} original
 * @param {Legend} legend
 */
function writeLegend(original, { ramp, note, ...texts }) {
  const figure = original.closest("figure");
  for (const [name, text] of Object.entries(texts)) {
    const line = figure?.querySelector(`.legend .${name}`);
    if (line && line.textContent !== text) line.textContent = text;
  }
  const bar = figure?.querySelector(".color-bar rect");
  if (bar && bar.getAttribute("fill") !== ramp) bar.setAttribute("fill", ramp);
  const line = figure?.querySelector(".note");
  if (line && line.textContent !== note) line.textContent = note;
}
