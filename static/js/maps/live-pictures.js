// @ts-check
/**
 * Paints pictures of a drawing over those of the page's digit, wherever they are in view.
 * @module
 */

import { writeText } from "../swap.js";
import { loadPalette } from "./palettes.js";

/** @typedef {import("../draw/live-client.js").LivePicture} LivePicture */
/** @typedef {import("../draw/live-client.js").Legend} Legend */
/** @typedef {HTMLImageElement | SVGImageElement} Original */
/** @typedef {[left: number, top: number, width: number, height: number]} Box */
/** @typedef {{ canvas: HTMLCanvasElement, image: ImageData | undefined }} Over */

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
  /** The canvas over each picture, and its pixels. @type {Map<Original, Over>} */
  #over = new Map();
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
    addEventListener("resize", () => this.#over.forEach(({ canvas }, original) => place(canvas, original)));
  }

  /** Watch the pictures that the page has now. */
  observe() {
    this.#observer.disconnect();
    this.#inView.clear();
    const live = document.querySelector("form[data-live]")?.getAttribute("data-live") ?? "";
    const network = /\/networks\/[^/]+\//.exec(live)?.[0] ?? "";
    for (const original of document.querySelectorAll(ORIGINALS)) {
      const address = addressOf(/** @type {Original} */ (original));
      // A page may show another network beside its own.
      const isOwn = address.includes(network) || address.includes("/compare/");
      if (isOwn && FOLLOWS.test(address)) this.#observer.observe(original);
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
    const coloured = await Promise.all(pictures.map(async (picture) => {
      return { picture, palette: await loadPalette(paletteOf(picture.address)) };
    }));
    const byAddress = new Map(coloured.map((one) => [one.picture.address, one]));
    for (const original of this.#inView) {
      const found = byAddress.get(addressOf(original));
      if (!found) continue;
      const { picture, palette } = found;
      const table = picture.ramp === "signed" ? palette.diverging : palette.sequential;
      this.#show(original, picture, table);
      if (picture.legend) writeLegend(original, picture.legend);
    }
  }

  /**
   * @param {Original} original
   * @param {LivePicture} picture
   * @param {Uint32Array} table
   */
  #show(original, picture, table) {
    const box = cropOf(original, picture);
    const over = this.#over.get(original) ?? createOver(original);
    const [, , width, height] = box;
    if (over.image?.width !== width || over.image.height !== height) {
      Object.assign(over.canvas, { width, height });
      over.image = new ImageData(width, height);
    }
    this.#over.set(original, over);
    paintCrop(picture, box, table, over.image);
    over.canvas.getContext("2d")?.putImageData(over.image, 0, 0);
  }

  /** Show the page's own pictures again, as soon as each is there. */
  clear() {
    for (const [original, { canvas }] of this.#over) {
      void whenShown(original).then(() => canvas.remove());
    }
    this.#over.clear();
  }
}

/** Wait until the browser has the picture that the page shows there. @param {Original} original */
export async function whenShown(original) {
  const picture = original instanceof HTMLImageElement ? original : new Image();
  if (picture !== original) picture.src = addressOf(original);
  await picture.decode().catch(() => undefined);
}

/** Path and query of what the browser shows. @param {Original} original */
function addressOf(original) {
  const shown = original instanceof HTMLImageElement
    ? original.currentSrc || original.src
    : original.href.baseVal;
  const { pathname, search } = new URL(shown, location.href);
  return pathname + search;
}

/** @param {string} address of a picture on the server, which is dark by default */
function paletteOf(address) {
  return new URLSearchParams(address.split("?")[1]).get("palette") ?? "dark";
}

/**
 * @param {LivePicture} picture
 * @param {Box} crop of it
 * @param {Uint32Array} table
 * @param {ImageData} image as large as the crop
 */
function paintCrop({ width: across, levels }, [left, top, width, height], table, image) {
  const pixels = new Uint32Array(image.data.buffer);
  for (let row = 0, to = 0; row < height; row += 1) {
    let from = (top + row) * across + left;
    for (const end = to + width; to < end; to += 1, from += 1) {
      pixels[to] = table[levels[from] ?? 0] ?? 0;
    }
  }
}

/**
 * The part of a picture that an element shows: all, or what the `viewBox` around it cuts out.
 * @param {Original} original
 * @param {LivePicture} whole
 * @returns {Box}
 */
function cropOf(original, whole) {
  const box = original instanceof SVGImageElement && original.ownerSVGElement?.viewBox.baseVal;
  return box ? [box.x, box.y, box.width, box.height] : [0, 0, whole.width, whole.height];
}

/** @param {Original} original @returns {Over} */
function createOver(original) {
  const canvas = document.createElement("canvas");
  canvas.className = "live-canvas";
  canvas.setAttribute("aria-hidden", "true"); // the picture under it keeps its name
  canvas.setAttribute("data-added", "");
  const shown = frameOf(original);
  shown.after(canvas);
  place(canvas, original);
  return { canvas, image: undefined };
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
    if (line) writeText(line, text);
  }
  const bar = figure?.querySelector(".color-bar rect");
  if (bar && bar.getAttribute("fill") !== ramp) bar.setAttribute("fill", ramp);
  const line = figure?.querySelector(".note");
  if (line) writeText(line, note);
}
