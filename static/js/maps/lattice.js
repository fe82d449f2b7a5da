// @ts-check
/**
 * Says where each map of a grid lies, in pixels, as the server lays grids out.
 * @module
 */

/** @typedef {readonly [x: number, y: number, width: number, height: number]} Box */
/**
 * Boxes of maps in a picture; around each there is room for a frame, or there is not.
 * @typedef {{ width: number, height: number, zoom: number, labels: boolean, framed: boolean,
 *   boxes: Box[] }} Geometry
 */
/** @typedef {{ at: number, row: number, column: number }} Place */

const GAP = 2;
const MOST_ZOOM = 16; // that the server draws a grid at
const NUMERAL_WIDTH = 3;

/** Pixels above a map for its index. */
export const LABEL_HEIGHT = 7;

/**
 * Lay maps out in rows, the first top left, with a gap between and around them.
 * @param {number} count
 * @param {number} height of a map, in values
 * @param {number} width of a map, in values
 * @param {{ columns: number, zoom: number, labels: boolean }} options
 * @returns {Geometry}
 */
export function layOut(count, height, width, { columns, zoom, labels }) {
  const across = Math.min(columns, count);
  const above = labels ? LABEL_HEIGHT : 0;
  const [mapWidth, mapHeight] = [width * zoom, height * zoom];
  const cell = labels ? Math.max(mapWidth, 2 * (NUMERAL_WIDTH + 1)) : mapWidth;
  const line = mapHeight + above + GAP;
  const boxes = Array.from({ length: count }, (_, at) => /** @type {Box} */ ([
    GAP + (at % across) * (cell + GAP),
    GAP + Math.floor(at / across) * line + above,
    mapWidth,
    mapHeight,
  ]));
  return {
    width: GAP + across * (cell + GAP),
    height: GAP + Math.ceil(count / across) * line,
    zoom,
    labels,
    framed: true,
    boxes,
  };
}

/**
 * The grid of maps at the largest zoom at which it fits, or at the least if none does.
 * @param {{ height: number, width: number, filters: number }} shape
 * @param {number} columns
 * @param {{ width: number, height: number }} room in pixels
 * @param {number} least
 * @returns {Geometry}
 */
export function largest({ height, width, filters }, columns, room, least) {
  for (let zoom = MOST_ZOOM; ; zoom -= 1) {
    const geometry = layOut(filters, height, width, { columns, zoom, labels: true });
    if (zoom <= least) return geometry;
    if (geometry.width <= room.width && geometry.height <= room.height) return geometry;
  }
}

/**
 * Lay rows of maps out, with room for indices above the first row alone: a column is one filter.
 * @param {number} rows
 * @param {number} columns
 * @param {number} height of a map, in values
 * @param {number} width of a map, in values
 * @param {number} zoom
 * @returns {Geometry}
 */
export function layOutRows(rows, columns, height, width, zoom) {
  const cell = Math.max(width * zoom, 2 * (NUMERAL_WIDTH + 1));
  const line = height * zoom + GAP;
  const top = LABEL_HEIGHT + GAP;
  const boxes = Array.from({ length: rows * columns }, (_, at) => /** @type {Box} */ ([
    GAP + (at % columns) * (cell + GAP),
    top + Math.floor(at / columns) * line,
    width * zoom,
    height * zoom,
  ]));
  const [across, down] = [GAP + columns * (cell + GAP), top + rows * line];
  return { width: across, height: down, zoom, labels: true, framed: true, boxes };
}

/**
 * One map by itself, a pixel a value.
 * @param {number} height
 * @param {number} width
 * @returns {Geometry}
 */
export function alone(height, width) {
  return { width, height, zoom: 1, labels: false, framed: false, boxes: [[0, 0, width, height]] };
}

/**
 * Which map is at a point, and the row and column of the value there; nothing in the gaps.
 * @param {Geometry} geometry
 * @param {number} x share of the picture's width, 0 to 1
 * @param {number} y share of its height
 * @returns {Place | undefined}
 */
export function placeAt(geometry, x, y) {
  const [across, down] = [x * geometry.width, y * geometry.height];
  const at = geometry.boxes.findIndex(([left, top, width, height]) =>
    across >= left && across < left + width && down >= top && down < top + height);
  const box = geometry.boxes[at];
  if (!box) return undefined;
  return {
    at,
    row: Math.floor((down - box[1]) / geometry.zoom),
    column: Math.floor((across - box[0]) / geometry.zoom),
  };
}
