// @ts-check
/**
 * Finds which value of which map is at a point of the window, where it is on screen, and what there
 * is to say about it.
 * @module
 */

import { number } from "../format.js";
import { SIDE, loadMaps } from "./activations.js";
import { layoutGrid, layoutSingle, layoutTable, positionAt } from "./layout.js";

/** @typedef {import("./activations.js").FeatureMaps} FeatureMaps */
/**
 * An image of the server, and the filters in it.
 * @typedef {{ original: HTMLImageElement | SVGSVGElement, filters: number[],
 *   layout: import("./layout.js").GridLayout }} MapImage
 */
/**
 * A layer whose maps are shown. A block's table has several, each with a symbol.
 * @typedef {{ layer: string, symbol: string, tone: string, mapsAddress: string, filterHref: string,
 *   maps: FeatureMaps }} ShownLayer
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

/** @type {WeakMap<HTMLElement, Promise<HitTarget>>} */
let hitTargets = new WeakMap();

/** The maps of an element, found once. @param {HTMLElement} element */
export function cachedHitTarget(element) {
  const known = hitTargets.get(element) ?? hitTargetOf(element);
  hitTargets.set(element, known);
  known.catch(() => hitTargets.delete(element));
  return known;
}

/** Forgets where the maps are: the page, or the size of its pictures, has changed. */
export function forgetHitTargets() {
  hitTargets = new WeakMap();
}

/**
 * The maps of an element.
 * @param {HTMLElement} element
 * @returns {Promise<HitTarget>}
 */
async function hitTargetOf(element) {
  if (element.matches("[data-block-table]")) return blockTableOf(element);
  const layer = await shownLayer(element);
  const cells = mapImages(element, layer.maps).flatMap((image) =>
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
  const layers = await Promise.all([...rows].map(shownLayer));
  const [first] = layers;
  const original = element.querySelector(".map-panel img");
  if (!first || !(original instanceof HTMLImageElement)) throw new TypeError("The table is empty.");
  const { filters, height, width, isSequence } = first.maps;
  const order = filterOrder(element, filters);
  const { length } = order;
  const layout = layoutTable(layers.length, length, height, width, gridZoom(element), isSequence);
  const image = { original, layout, filters: layers.flatMap(() => order) };
  const cells = image.filters.map((filter, map) =>
    ({ image, map, filter, layer: Math.floor(map / length) }));
  return { element, layers, cells };
}

/**
 * @param {HTMLElement} element
 * @returns {Promise<ShownLayer>}
 */
async function shownLayer(element) {
  const mapsAddress = element.dataset["values"] ?? "";
  return {
    layer: element.dataset["layer"] ?? "",
    symbol: element.dataset["symbol"] ?? "",
    tone: element.dataset["tone"] ?? "",
    mapsAddress,
    filterHref: element.dataset["filterHref"] ?? "",
    maps: await loadMaps(mapsAddress),
  };
}

/**
 * The images of a figure: one grid, or single maps.
 * @param {HTMLElement} figure
 * @param {FeatureMaps} shape
 * @returns {MapImage[]}
 */
function mapImages(figure, { height, width, filters, isSequence }) {
  const grid = figure.querySelector("picture img");
  if (grid instanceof HTMLImageElement) {
    const options = {
      columns: Number(figure.dataset["columns"]), zoom: gridZoom(figure), isSequence,
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

/** The image's source for other windows, if it is used. @param {HTMLElement} figure */
function usedSource(figure) {
  const sources = /** @type {NodeListOf<HTMLSourceElement>} */ (
    figure.querySelectorAll("picture source")
  );
  return [...sources].find((source) => matchMedia(source.media).matches);
}

/** Pixels along a side of one value in the image of a figure. @param {HTMLElement} figure */
export function gridZoom(figure) {
  return Number((usedSource(figure) ?? figure).dataset["zoom"]);
}

/** How many maps are in the first row on screen. @param {HitTarget} target */
export function cellsPerRow({ cells }) {
  const tops = cells.map((cell) => Math.round(cellBox(cell).top));
  const nextRow = tops.findIndex((top) => top > /** @type {number} */ (tops[0]));
  return nextRow < 0 ? cells.length : nextRow;
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
    const { left, top, width, height } = image.original.getBoundingClientRect();
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
  const { left, top, width } = image.original.getBoundingClientRect();
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
 * @param {Pick<FeatureMaps, "isSequence" | "height">} maps
 * @param {number} filter
 * @param {number} row
 * @param {number} column
 */
export function positionText({ isSequence, height }, filter, row, column) {
  const hasDigit = !globalThis.document?.querySelector("form[data-picture]");
  if (isSequence) return `unit ${filter}, ${height === SIDE && hasDigit ? "row" : "step"} ${row}`;
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
  const layer = target.layers[cell.layer];
  const [down, across] = layer?.maps.isSequence ? [column, row] : [row, column];
  return filterHref(layer?.filterHref ?? "", cell.filter, down, across);
}

/** Go to an address as a link does: out of a frame of another site. @param {string} address */
export function follow(address) {
  const link = Object.assign(document.createElement("a"), { href: address });
  document.body.append(link);
  link.click();
  link.remove();
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
