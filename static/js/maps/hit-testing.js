// @ts-check
/**
 * Finds which value of which map is at a point of the window, where it is on screen, and what there
 * is to say about it.
 * @module
 */

import { number } from "../format.js";
import { loadMaps } from "./activations.js";
import { layoutTable, positionAt } from "./lattice.js";
import { mapImages } from "./map-canvas.js";
import { paintedState } from "./painted-figure.js";

/** @typedef {import("./value-range.js").FeatureMaps} FeatureMaps */
/** @typedef {import("./map-canvas.js").MapImage} MapImage */
/**
 * A layer whose maps are shown. A block's table has several, each with a symbol.
 * @typedef {{ layer: string, symbol: string, tone: string, mapsAddress: string, filterHref: string,
 *   maps: () => FeatureMaps }} ShownLayer
 */
/**
 * One map: its image, its index there, its filter, and the index of its layer.
 * @typedef {{ image: MapImage, map: number, filter: number, layer: number }} Cell
 */
/**
 * Maps that can be pointed at.
 * @typedef {{ element: HTMLElement, layers: ShownLayer[], cells: Cell[] }} HitTarget
 */
/** @typedef {{ target: HitTarget, cell: Cell, row: number, column: number }} ValuePosition */
/**
 * In pixels of the window.
 * @typedef {{ left: number, top: number, width: number, height: number }} Rectangle
 */

const DIGITS = 4;

/** Elements that hold maps. */
export const TARGETS = "figure[data-layer], [data-block-table]";

/**
 * The maps of an element; fetched, unless others are painted over it.
 * @param {HTMLElement} element
 * @returns {Promise<HitTarget>}
 */
export async function hitTargetOf(element) {
  if (element.matches("[data-block-table]")) return blockTableOf(element);
  const layer = await shownLayer(element, () => paintedState(element)?.maps);
  const cells = mapImages(element, layer.maps()).flatMap((image) =>
    image.filters.map((filter, map) => ({ image, map, filter, layer: 0 })));
  return { element, layers: [layer], cells };
}

/**
 * A block's table is one image with a row per layer.
 * @param {HTMLElement} element
 * @returns {Promise<HitTarget>}
 */
async function blockTableOf(element) {
  const rows = /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("li[data-values]"));
  const layers = await Promise.all([...rows].map((row) => shownLayer(row)));
  const [first] = layers;
  const original = element.querySelector(".map-panel img");
  if (!first || !(original instanceof HTMLImageElement)) throw new TypeError("The table is empty.");
  const { filters, height, width } = first.maps();
  const zoom = Number(element.dataset["zoom"]);
  const layout = layoutTable(layers.length, filters, height, width, zoom);
  const image = { original, layout, filters: layout.boxes.map((_, map) => map % filters) };
  const cells = image.filters.map((filter, map) =>
    ({ image, map, filter, layer: Math.floor(map / filters) }));
  return { element, layers, cells };
}

/**
 * @param {HTMLElement} element
 * @param {() => FeatureMaps | undefined} [painted] what is painted over it at the moment
 * @returns {Promise<ShownLayer>}
 */
async function shownLayer(element, painted = () => undefined) {
  const mapsAddress = element.dataset["values"] ?? "";
  const loaded = painted() ?? (await loadMaps(mapsAddress));
  return {
    layer: element.dataset["layer"] ?? "",
    symbol: element.dataset["symbol"] ?? "",
    tone: element.dataset["tone"] ?? "",
    mapsAddress,
    filterHref: element.dataset["filterHref"] ?? "",
    maps: () => painted() ?? loaded,
  };
}

/** How many maps are in the first row on screen. @param {HitTarget} target */
export function cellsPerRow({ cells }) {
  const tops = cells.map((cell) => Math.round(cellBox(cell).top));
  const nextRow = tops.findIndex((top) => top > /** @type {number} */ (tops[0]));
  return nextRow < 0 ? cells.length : nextRow;
}

/** The server's image on screen, or the canvas in its place. @param {MapImage} image */
function imageBox({ original }) {
  const canvas = original.classList.contains("is-replaced") && original.nextElementSibling;
  return (canvas || original).getBoundingClientRect();
}

/**
 * The value at a point of the window, if a map is there.
 * @param {HitTarget} target
 * @param {number} x
 * @param {number} y
 * @returns {ValuePosition | undefined}
 */
export function valueAtPoint(target, x, y) {
  for (const image of new Set(target.cells.map((cell) => cell.image))) {
    const { left, top, width, height } = imageBox(image);
    const position = positionAt(image.layout, (x - left) / width, (y - top) / height);
    if (!position) continue;
    const { map, row, column } = position;
    const cell = target.cells.find((other) => other.image === image && other.map === map);
    if (cell) return { target, cell, row, column };
  }
  return undefined;
}

/** Where a map is on screen. @param {Cell} cell @returns {Rectangle} */
export function cellBox({ image, map }) {
  const { left, top, width } = imageBox(image);
  const scale = width / image.layout.width;
  const [x, y, boxWidth, boxHeight] = image.layout.boxes[map] ?? [0, 0, 0, 0];
  return {
    left: left + x * scale,
    top: top + y * scale,
    width: boxWidth * scale,
    height: boxHeight * scale,
  };
}

/** Where one value is on screen. @param {ValuePosition} position @returns {Rectangle} */
export function valueBox({ cell, row, column }) {
  const { left, top, width } = cellBox(cell);
  const { zoom, boxes } = cell.image.layout;
  const side = (width * zoom) / (boxes[cell.map]?.[2] ?? 1);
  return { left: left + column * side, top: top + row * side, width: side, height: side };
}

/**
 * @param {number} filter
 * @param {number} row
 * @param {number} column
 */
export function positionText(filter, row, column) {
  return `filter ${filter}, row ${row}, column ${column}`;
}

/**
 * One value to four significant digits.
 * @param {FeatureMaps} maps
 * @param {number} filter
 * @param {number} row
 * @param {number} column
 */
export function valueText({ values, width, filters }, filter, row, column) {
  return number(values[(row * width + column) * filters + filter] ?? 0, DIGITS);
}

/**
 * The address of the filter's page at a value.
 * @param {ValuePosition} position
 */
export function hrefOf({ target, cell, row, column }) {
  return filterHref(target.layers[cell.layer]?.filterHref ?? "", cell.filter, row, column);
}

/**
 * @param {string} template with a placeholder `{filter}`
 * @param {number} filter
 * @param {number} row
 * @param {number} column
 */
export function filterHref(template, filter, row, column) {
  const page = template.replace("{filter}", String(filter));
  return `${page}${page.includes("?") ? "&" : "?"}at=${row},${column}#unit`;
}
