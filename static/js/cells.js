// @ts-check
/**
 * Finds the map under a point of a grid. Knows no elements.
 * @module
 */

/**
 * @typedef {{ filter: number, box: [number, number, number, number], range: [number, number],
 *   dead: boolean, constant: boolean }} Cell
 * @typedef {{ width: number, height: number, zoom: number, cells: Cell[] }} Grid
 */

/**
 * The cell at a point, and the row and column of the value there; nothing in the gaps.
 * @param {Grid} grid
 * @param {number} x share of the picture's width, 0 to 1
 * @param {number} y share of its height
 * @returns {{ cell: Cell, row: number, column: number } | undefined}
 */
export function cellAt(grid, x, y) {
  const [across, down] = [x * grid.width, y * grid.height];
  const cell = grid.cells.find(({ box: [left, top, width, height] }) =>
    across >= left && across < left + width && down >= top && down < top + height);
  if (!cell) return undefined;
  const [left, top] = cell.box;
  return {
    cell,
    row: Math.floor((down - top) / grid.zoom),
    column: Math.floor((across - left) / grid.zoom),
  };
}

/**
 * What to say of a place in a grid.
 * @param {{ cell: Cell, row: number, column: number }} place
 * @returns {string}
 */
export function describe({ cell, row, column }) {
  const remark = cell.dead ? ", silent" : cell.constant ? ", constant" : "";
  return `filter ${cell.filter}, row ${row}, column ${column}${remark}`;
}
