// @ts-check
/**
 * Finds the value at a point of the window: which map, row and column, and what to say of it.
 * @module
 */

import { number } from "../format.js";
import { rawMaps } from "./activations.js";
import { layOutRows, placeAt } from "./lattice.js";
import { picturesOf } from "./map-canvas.js";
import { shownOn } from "./painted-figure.js";

/** @typedef {import("./value-range.js").Maps} Maps */
/** @typedef {import("./map-canvas.js").Picture} Picture */
/**
 * A layer that is shown; of a strip one of several, each with its symbol.
 * @typedef {{ layer: string, symbol: string, tone: string, values: string, filterHref: string,
 *   maps: () => Maps }} Part
 */
/** @typedef {{ picture: Picture, at: number, filter: number, part: number }} Cell */
/** @typedef {{ host: HTMLElement, parts: Part[], cells: Cell[] }} Scene */
/** @typedef {{ scene: Scene, cell: Cell, row: number, column: number }} Spot */
/** @typedef {{ left: number, top: number, width: number, height: number }} Rectangle */

/** What holds maps that can be pointed at. */
export const HOSTS = "figure[data-layer], [data-strip]";

/**
 * The scene of a host; its maps are fetched unless it shows others already.
 * @param {HTMLElement} host
 * @returns {Promise<Scene>}
 */
export async function sceneOf(host) {
  if (host.matches("[data-strip]")) return stripOf(host);
  const part = await partOf(host, () => shownOn(host)?.maps);
  const cells = picturesOf(host, part.maps()).flatMap((picture) =>
    picture.filters.map((filter, at) => ({ picture, at, filter, part: 0 })));
  return { host, parts: [part], cells };
}

/** @param {HTMLElement} host @returns {Promise<Scene>} */
async function stripOf(host) {
  const rows = /** @type {NodeListOf<HTMLElement>} */ (host.querySelectorAll("li[data-values]"));
  const parts = await Promise.all([...rows].map((row) => partOf(row)));
  const [first] = parts;
  const original = host.querySelector(".plate img");
  if (!first || !(original instanceof HTMLImageElement)) throw new TypeError("The strip is empty.");
  const { filters, height, width } = first.maps();
  const zoom = Number(host.dataset["zoom"]);
  const geometry = layOutRows(parts.length, filters, height, width, zoom);
  const picture = { original, geometry, filters: geometry.boxes.map((_, at) => at % filters) };
  const cells = picture.filters.map((filter, at) =>
    ({ picture, at, filter, part: Math.floor(at / filters) }));
  return { host, parts, cells };
}

/**
 * @param {HTMLElement} element
 * @param {() => Maps | undefined} [shown] what it shows at the moment in place of its own maps
 * @returns {Promise<Part>}
 */
async function partOf(element, shown = () => undefined) {
  const values = element.dataset["values"] ?? "";
  const own = shown() ?? (await rawMaps(values));
  return {
    layer: element.dataset["layer"] ?? "",
    symbol: element.dataset["symbol"] ?? "",
    tone: element.dataset["tone"] ?? "",
    values,
    filterHref: element.dataset["filterHref"] ?? "",
    maps: () => shown() ?? own,
  };
}

/** How many maps stand in the first row, as they are on screen. @param {Scene} scene */
export function inRow({ cells }) {
  const tops = cells.map((cell) => Math.round(boxOf(cell).top));
  const below = tops.findIndex((top) => top > /** @type {number} */ (tops[0]));
  return below < 0 ? cells.length : below;
}

/** A picture as it is seen: the server's, or the canvas in its place. @param {Picture} picture */
function visible({ original }) {
  const covered = original.classList.contains("covered") && original.nextElementSibling;
  return (covered || original).getBoundingClientRect();
}

/**
 * The place at a point of the window, if a map is there.
 * @param {Scene} scene
 * @param {number} x
 * @param {number} y
 * @returns {Spot | undefined}
 */
export function spotAt(scene, x, y) {
  for (const picture of new Set(scene.cells.map((cell) => cell.picture))) {
    const { left, top, width, height } = visible(picture);
    const place = placeAt(picture.geometry, (x - left) / width, (y - top) / height);
    const cell = place && scene.cells.find((one) => one.picture === picture && one.at === place.at);
    if (place && cell) return { scene, cell, row: place.row, column: place.column };
  }
  return undefined;
}

/** Where a map is on screen. @param {Cell} cell @returns {Rectangle} */
export function boxOf({ picture, at }) {
  const { left, top, width } = visible(picture);
  const scale = width / picture.geometry.width;
  const [x, y, across, down] = picture.geometry.boxes[at] ?? [0, 0, 0, 0];
  return { left: left + x * scale, top: top + y * scale, width: across * scale, height: down * scale };
}

/** Where one value is on screen. @param {Spot} spot @returns {Rectangle} */
export function valueBox({ cell, row, column }) {
  const { left, top, width } = boxOf(cell);
  const side = (width * cell.picture.geometry.zoom) / (cell.picture.geometry.boxes[cell.at]?.[2] ?? 1);
  return { left: left + column * side, top: top + row * side, width: side, height: side };
}

const DIGITS = 4;

/**
 * @param {number} filter
 * @param {number} row
 * @param {number} column
 */
export function where(filter, row, column) {
  return `filter ${filter}, row ${row}, column ${column}`;
}

/**
 * The value at a place, to four significant digits.
 * @param {Maps} maps
 * @param {number} filter
 * @param {number} row
 * @param {number} column
 */
export function valueAt({ values, width, filters }, filter, row, column) {
  return number(values[(row * width + column) * filters + filter] ?? 0, DIGITS);
}

/**
 * A filter's page, at a place of its map.
 * @param {string} href with `{filter}` to be filled in
 * @param {number} filter
 * @param {number} row
 * @param {number} column
 */
export function pageOf(href, filter, row, column) {
  const page = href.replace("{filter}", String(filter));
  return `${page}${page.includes("?") ? "&" : "?"}at=${row},${column}#unit`;
}

/**
 * A step from one place to another: beyond a map's edge lies the map beside it.
 * @param {{ cell: number, row: number, column: number }} from
 * @param {string} key an arrow, Home, End, PageUp or PageDown
 * @param {{ cells: number, across: number, height: number, width: number }} maps how many there
 *   are, how many in a row, and how large each is
 */
export function stepped(from, key, { cells, across, height, width }) {
  const to = { ...from };
  if (key === "ArrowLeft") to.column -= 1;
  if (key === "ArrowRight") to.column += 1;
  if (key === "ArrowUp") to.row -= 1;
  if (key === "ArrowDown") to.row += 1;
  if (key === "Home") to.column = 0;
  if (key === "End") to.column = width - 1;
  if (key === "PageUp") to.cell -= 1;
  if (key === "PageDown") to.cell += 1;
  if (to.column < 0) [to.cell, to.column] = [from.cell - 1, width - 1];
  if (to.column >= width) [to.cell, to.column] = [from.cell + 1, 0];
  if (to.row < 0) [to.cell, to.row] = [from.cell - across, height - 1];
  if (to.row >= height) [to.cell, to.row] = [from.cell + across, 0];
  return to.cell < 0 || to.cell >= cells ? from : to;
}
