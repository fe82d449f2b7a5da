// @ts-check
/**
 * Replaces a figure's images with canvases: one for a grid, or one for each single map.
 * @module
 */

import { drawGrid } from "./grid-image.js";
import { layoutGrid, layoutSingle } from "./lattice.js";

/** @typedef {import("./lattice.js").GridLayout} GridLayout */

/**
 * An image of the server, and the filters in it.
 * @typedef {{ original: HTMLImageElement | SVGSVGElement, filters: number[], layout: GridLayout }}
 *   MapImage
 */
/**
 * A canvas in the place of an image.
 * @typedef {MapImage & { canvas: HTMLCanvasElement, context: CanvasRenderingContext2D,
 *   image: ImageData, pixels: Uint32Array }} MapCanvas
 */

/**
 * The images of a figure: one grid, or single maps.
 * @param {HTMLElement} figure
 * @param {{ height: number, width: number, filters: number }} shape
 * @returns {MapImage[]}
 */
export function mapImages(figure, { height, width, filters }) {
  const grid = figure.querySelector("picture img");
  if (grid instanceof HTMLImageElement) {
    const options = {
      columns: Number(figure.dataset["columns"]), zoom: gridZoom(figure), hasLabels: true,
    };
    const layout = layoutGrid(filters, height, width, options);
    return [{ original: grid, filters: filterOrder(figure, filters), layout }];
  }
  const layout = layoutSingle(height, width);
  return [...figure.querySelectorAll("svg.map-panel")].flatMap((svg) => {
    const holder = svg.closest("[data-filter]");
    if (!(svg instanceof SVGSVGElement) || !(holder instanceof HTMLElement)) return [];
    return [{ original: svg, filters: [Number(holder.dataset["filter"])], layout }];
  });
}

/**
 * The filters in the order of the server's grid.
 * @param {HTMLElement} figure
 * @param {number} count
 */
function filterOrder(figure, count) {
  const order = figure.dataset["order"];
  return order ? order.split(",").map(Number) : [...Array(count).keys()];
}

/** The grid's source for narrow windows, if the window is narrow. @param {HTMLElement} figure */
function narrowSource(figure) {
  const source = figure.querySelector("picture source");
  const isUsed = source instanceof HTMLSourceElement && matchMedia(source.media).matches;
  return isUsed ? source : undefined;
}

/** Pixels along a side of one value in a figure's grid. @param {HTMLElement} figure */
export function gridZoom(figure) {
  return Number((narrowSource(figure) ?? figure).dataset["zoom"]);
}

/** Replace a figure's grid, if it has one, with an empty canvas. @param {HTMLElement} figure */
export function replaceGrid(figure) {
  const grid = figure.querySelector("picture img");
  if (!(grid instanceof HTMLImageElement)) return;
  const shown = narrowSource(figure) ?? grid;
  const [width, height] = [shown.getAttribute("width"), shown.getAttribute("height")];
  replaceWithCanvas(grid, Number(width), Number(height));
}

/**
 * Hide an image behind a canvas with the same accessible name; once.
 * @param {MapImage["original"]} original
 * @param {number} width
 * @param {number} height
 * @returns {HTMLCanvasElement}
 */
function replaceWithCanvas(original, width, height) {
  const existing = original.nextElementSibling;
  if (existing instanceof HTMLCanvasElement) return existing;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.className = "map-canvas";
  const name = original.getAttribute("alt") ?? original.getAttribute("aria-label");
  if (name === null) canvas.setAttribute("aria-hidden", "true");
  else {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", name);
  }
  original.after(canvas);
  original.classList.add("is-replaced");
  return canvas;
}

/**
 * @param {MapImage} mapImage
 * @returns {MapCanvas}
 */
export function createCanvas(mapImage) {
  const { original, layout } = mapImage;
  const canvas = replaceWithCanvas(original, layout.width, layout.height);
  canvas.width = layout.width;
  canvas.height = layout.height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("The browser cannot draw on a canvas.");
  const image = context.createImageData(layout.width, layout.height);
  return { ...mapImage, canvas, context, image, pixels: new Uint32Array(image.data.buffer) };
}

/**
 * @param {MapCanvas} mapCanvas
 * @param {import("./grid-image.js").GridContent} content
 */
export function drawCanvas({ context, image, pixels, layout, filters }, content) {
  drawGrid(pixels, layout, filters, content);
  context.putImageData(image, 0, 0);
}

/** Show the server's image again. @param {MapCanvas} mapCanvas */
export function removeCanvas({ canvas, original }) {
  canvas.remove();
  original.classList.remove("is-replaced");
}
