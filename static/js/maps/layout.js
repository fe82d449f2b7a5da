// @ts-check
/**
 * Computes where each map of a grid lies, in pixels, with the layout of the server's images.
 * @module
 */

/** @typedef {readonly [x: number, y: number, width: number, height: number]} Box */
/**
 * The boxes of the maps in an image.
 * @typedef {{ width: number, height: number, zoom: number, boxes: Box[] }} GridLayout
 */
/** One value of one map. @typedef {{ map: number, row: number, column: number }} MapPosition */

const GAP = 2;
const GLYPH_WIDTH = 3;
const MIN_LABELLED_WIDTH = 2 * (GLYPH_WIDTH + 1); // two digits of an index

/** Pixels above a map for its index. */
const LABEL_HEIGHT = 7;

/**
 * Lay maps out row by row, with a gap around them, and between them unless they are the units of a
 * sequence.
 * @param {number} count
 * @param {number} height of a map, in values
 * @param {number} width of a map, in values
 * @param {{ columns: number, zoom: number, isSequence?: boolean }} options
 * @returns {GridLayout}
 */
export function layoutGrid(count, height, width, { columns, zoom, isSequence = false }) {
  const gap = isSequence ? 0 : GAP;
  const perRow = Math.min(columns, count);
  const [mapWidth, mapHeight] = [width * zoom, height * zoom];
  const cellWidth = isSequence ? mapWidth : Math.max(mapWidth, MIN_LABELLED_WIDTH);
  const rowHeight = mapHeight + LABEL_HEIGHT + GAP;
  const boxes = Array.from({ length: count }, (_, index) => /** @type {Box} */ ([
    GAP + (index % perRow) * (cellWidth + gap),
    GAP + Math.floor(index / perRow) * rowHeight + LABEL_HEIGHT,
    mapWidth,
    mapHeight,
  ]));
  return {
    width: GAP + perRow * (cellWidth + gap) + GAP - gap,
    height: GAP + Math.ceil(count / perRow) * rowHeight,
    zoom,
    boxes,
  };
}

/**
 * Lay out a table of maps with one column per filter. Only the first row has room for indices.
 * @param {number} rows
 * @param {number} columns
 * @param {number} height of a map, in values
 * @param {number} width of a map, in values
 * @param {number} zoom
 * @param {boolean} [isSequence] whether columns are the units of a sequence, without gaps
 * @returns {GridLayout}
 */
export function layoutTable(rows, columns, height, width, zoom, isSequence = false) {
  const gap = isSequence ? 0 : GAP;
  const cellWidth = isSequence ? width * zoom : Math.max(width * zoom, MIN_LABELLED_WIDTH);
  const rowHeight = height * zoom + GAP;
  const top = LABEL_HEIGHT + GAP;
  const boxes = Array.from({ length: rows * columns }, (_, index) => /** @type {Box} */ ([
    GAP + (index % columns) * (cellWidth + gap),
    top + Math.floor(index / columns) * rowHeight,
    width * zoom,
    height * zoom,
  ]));
  return {
    width: GAP + columns * (cellWidth + gap) + GAP - gap,
    height: top + rows * rowHeight,
    zoom,
    boxes,
  };
}

/**
 * A single map, one pixel a value.
 * @param {number} height
 * @param {number} width
 * @returns {GridLayout}
 */
export function layoutSingle(height, width) {
  const boxes = [/** @type {Box} */ ([0, 0, width, height])];
  return { width, height, zoom: 1, boxes };
}

/**
 * The value at a point of the image.
 * @param {GridLayout} layout
 * @param {number} x share of the image's width, 0 to 1
 * @param {number} y share of its height
 * @returns {MapPosition | undefined} undefined in gaps and labels
 */
export function positionAt(layout, x, y) {
  const [pixelX, pixelY] = [x * layout.width, y * layout.height];
  const map = layout.boxes.findIndex(([left, top, width, height]) =>
    pixelX >= left && pixelX < left + width && pixelY >= top && pixelY < top + height);
  const box = layout.boxes[map];
  if (!box) return undefined;
  return {
    map,
    row: Math.floor((pixelY - box[1]) / layout.zoom),
    column: Math.floor((pixelX - box[0]) / layout.zoom),
  };
}

/**
 * The position that a key leads to. Beyond a map's edge is the map beside it.
 * @param {MapPosition} from
 * @param {string} key an arrow, Home, End, PageUp or PageDown
 * @param {{ maps: number, perRow: number, height: number, width: number }} sizes number of maps,
 *   maps in a row, and size of each
 * @returns {MapPosition} `from` itself at the first and the last map
 */
export function neighbourPosition(from, key, { maps, perRow, height, width }) {
  const to = { ...from };
  if (key === "ArrowLeft") to.column -= 1;
  if (key === "ArrowRight") to.column += 1;
  if (key === "ArrowUp") to.row -= 1;
  if (key === "ArrowDown") to.row += 1;
  if (key === "Home") to.column = 0;
  if (key === "End") to.column = width - 1;
  if (key === "PageUp") to.map -= 1;
  if (key === "PageDown") to.map += 1;
  if (to.column < 0) [to.map, to.column] = [from.map - 1, width - 1];
  if (to.column >= width) [to.map, to.column] = [from.map + 1, 0];
  if (to.row < 0) [to.map, to.row] = [from.map - perRow, height - 1];
  if (to.row >= height) [to.map, to.row] = [from.map + perRow, 0];
  return to.map < 0 || to.map >= maps ? from : to;
}
