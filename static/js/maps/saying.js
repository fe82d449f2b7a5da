// @ts-check
/**
 * Says what is at a place of a map, in words and numbers. Knows no elements.
 * @module
 */

import { number } from "./numbers.js";

/** @typedef {import("./scaling.js").Maps} Maps */

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
