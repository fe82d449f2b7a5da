// @ts-check
/**
 * The canvases that stand in for a figure's pictures: one for a grid, one for each map of a page.
 * @module
 */

import { paintGrid } from "./grid-image.js";
import { alone, layOut } from "./lattice.js";

/** @typedef {import("./lattice.js").Geometry} Geometry */
/** @typedef {import("./value-range.js").Maps} Maps */

/**
 * One picture of a figure: what the server drew, and which filters are in it.
 * @typedef {{ original: HTMLImageElement | SVGSVGElement, filters: number[], geometry: Geometry }}
 *   Picture
 */
/**
 * @typedef {Picture & { canvas: HTMLCanvasElement, context: CanvasRenderingContext2D,
 *   image: ImageData, pixels: Uint32Array }} Sheet
 */

/**
 * The pictures of a figure: a grid in the gallery, single maps on the other pages.
 * @param {HTMLElement} figure
 * @param {{ height: number, width: number, filters: number }} shape
 * @returns {Picture[]}
 */
export function picturesOf(figure, { height, width, filters }) {
  const grid = figure.querySelector("picture img");
  if (grid instanceof HTMLImageElement) {
    const columns = Number(figure.dataset["columns"]);
    const geometry = layOut(filters, height, width, { columns, zoom: zoomOf(figure), labels: true });
    return [{ original: grid, filters: orderOf(figure, filters), geometry }];
  }
  const geometry = alone(height, width);
  return [...figure.querySelectorAll("svg.plate")].flatMap((svg) => {
    const holder = svg.closest("[data-filter]");
    if (!(svg instanceof SVGSVGElement) || !(holder instanceof HTMLElement)) return [];
    return [{ original: svg, filters: [Number(holder.dataset["filter"])], geometry }];
  });
}

/** The filters of a grid as the server sorted them. @param {HTMLElement} figure @param {number} count */
function orderOf(figure, count) {
  const order = figure.dataset["order"];
  return order ? order.split(",").map(Number) : Array.from({ length: count }, (_, at) => at);
}

/** The grid for narrow windows, if the window is narrow. @param {HTMLElement} figure */
function slimOf(figure) {
  const slim = figure.querySelector("picture source");
  return slim instanceof HTMLSourceElement && matchMedia(slim.media).matches ? slim : undefined;
}

/** Pixels along a side of one value in a figure's grid. @param {HTMLElement} figure */
export function zoomOf(figure) {
  return Number((slimOf(figure) ?? figure).dataset["zoom"]);
}

/** Put an empty canvas in the place of a figure's grid, if it has one. @param {HTMLElement} figure */
export function coverGrid(figure) {
  const grid = figure.querySelector("picture img");
  if (!(grid instanceof HTMLImageElement)) return;
  const sized = slimOf(figure) ?? grid;
  cover(grid, Number(sized.getAttribute("width")), Number(sized.getAttribute("height")));
}

/**
 * A canvas in the place of a picture, which says the same to a screen reader.
 * @param {Picture["original"]} original
 * @param {number} width
 * @param {number} height
 * @returns {HTMLCanvasElement}
 */
function cover(original, width, height) {
  const before = original.nextElementSibling;
  if (before instanceof HTMLCanvasElement) return before;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.className = "sheet";
  const text = original.getAttribute("alt") ?? original.getAttribute("aria-label");
  if (text === null) canvas.setAttribute("aria-hidden", "true");
  else {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", text);
  }
  original.after(canvas);
  original.classList.add("covered");
  return canvas;
}

/**
 * Something to paint on in the place of a picture.
 * @param {Picture} picture
 * @returns {Sheet}
 */
export function sheetOver(picture) {
  const { original, geometry } = picture;
  const canvas = cover(original, geometry.width, geometry.height);
  canvas.width = geometry.width;
  canvas.height = geometry.height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("The browser gives no canvas to paint on.");
  const image = context.createImageData(geometry.width, geometry.height);
  return { ...picture, canvas, context, image, pixels: new Uint32Array(image.data.buffer) };
}

/**
 * Paint a sheet.
 * @param {Sheet} sheet
 * @param {import("./grid-image.js").Paint} paint
 */
export function paintSheet({ context, image, pixels, geometry, filters }, paint) {
  paintGrid(pixels, geometry, filters, paint);
  context.putImageData(image, 0, 0);
}

/** The server's picture again. @param {Sheet} sheet */
export function remove({ canvas, original }) {
  canvas.remove();
  original.classList.remove("covered");
}
