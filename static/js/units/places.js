// @ts-check
/**
 * Finds the place of a map under a point. Knows no elements.
 * @module
 */

/**
 * The row and column at a point, as an address has them; nothing beyond the map.
 * @param {number} x share of the map's width, 0 to 1
 * @param {number} y share of its height
 * @param {number} rows
 * @param {number} columns
 * @returns {string | undefined}
 */
export function placeAt(x, y, rows, columns) {
  const [row, column] = [Math.floor(y * rows), Math.floor(x * columns)];
  const inside = row >= 0 && row < rows && column >= 0 && column < columns;
  return inside ? `${row},${column}` : undefined;
}

/**
 * The address of the same page about another place.
 * @param {string} address
 * @param {string} place
 * @returns {string}
 */
export function addressOf(address, place) {
  const there = new URL(address);
  const kept = [...there.searchParams].filter(([name]) => name !== "at" && name !== "channel");
  const query = [...kept, ["at", place]].map(([name, value]) => `${name}=${value}`).join("&");
  return `${there.origin}${there.pathname}?${query}`;
}
