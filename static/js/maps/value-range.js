// @ts-check
/**
 * Chooses the range that each map is drawn on and maps values to levels, as the server does.
 * @module
 */

/** @typedef {{ height: number, width: number, filters: number, values: Float32Array }} Maps */
/** @typedef {readonly [low: number, high: number]} Range */
/** @typedef {{ low: Float64Array, high: Float64Array }} Extents */

/** The highest level of a value; 126, half of it, is zero where zero is in the middle. */
export const TOP_LEVEL = 252;

/** @param {Maps} maps @returns {Extents} room for the extents of these maps */
export function roomFor({ filters }) {
  return { low: new Float64Array(filters), high: new Float64Array(filters) };
}

/**
 * The smallest and the largest value of each filter.
 * @param {Maps} maps
 * @param {Extents} [into] overwritten and returned
 * @returns {Extents}
 */
export function extents(maps, into = roomFor(maps)) {
  const { values, filters } = maps;
  const { low, high } = into;
  low.fill(Infinity);
  high.fill(-Infinity);
  for (let at = 0, filter = 0; at < values.length; at += 1) {
    const value = /** @type {number} */ (values[at]);
    if (value < /** @type {number} */ (low[filter])) low[filter] = value;
    if (value > /** @type {number} */ (high[filter])) high[filter] = value;
    filter = filter + 1 === filters ? 0 : filter + 1;
  }
  return into;
}

/** @param {Extents} found @returns {Range} of all filters together */
export function whole({ low, high }) {
  return [Math.min(...low), Math.max(...high)];
}

/** Whether every value of a filter is zero. @param {Extents} found @param {number} filter */
export function isDead({ low, high }, filter) {
  return low[filter] === 0 && high[filter] === 0;
}

/**
 * Whether a filter's map is drawn flat and flagged: dead, or the same value at several places.
 * @param {Maps} maps
 * @param {Extents} found
 * @param {number} filter
 */
export function isFlat(maps, found, filter) {
  const several = maps.height * maps.width > 1;
  return isDead(found, filter) || (several && found.low[filter] === found.high[filter]);
}

/**
 * The range of each filter: zero to the top, or centred on zero where values may be below it.
 * @param {Extents} found of each filter
 * @param {string} normalize `filter`, or anything that shares the scope
 * @param {boolean} signed whether values below zero can occur
 * @param {Range} scope smallest and largest value of all that shares the range
 * @returns {Range[]} both zero where everything in it is zero
 */
export function ranges(found, normalize, signed, scope) {
  const centred = signed || normalize === "symmetric";
  if (normalize !== "filter") {
    const shared = aroundZero(scope[0], scope[1], centred);
    return Array.from(found.low, () => shared);
  }
  return Array.from(found.low, (low, filter) =>
    aroundZero(low, /** @type {number} */ (found.high[filter]), centred || low < 0));
}

/**
 * @param {number} low
 * @param {number} high
 * @param {boolean} centred
 * @returns {Range}
 */
function aroundZero(low, high, centred) {
  const reach = Math.max(Math.abs(low), Math.abs(high));
  return centred ? [-reach, reach] : [0, reach];
}

/**
 * One filter's values as palette levels: clipped, and rounded half to even, as typed arrays do.
 * @param {Maps} maps
 * @param {number} filter
 * @param {Range} range
 * @param {boolean} centred whether the palette has zero in its middle
 * @param {Uint8ClampedArray} into as many levels as the map has values, row by row
 */
export function toLevels({ values, filters }, filter, [low, high], centred, into) {
  const span = high - low;
  if (!(span > 0)) {
    into.fill(centred ? TOP_LEVEL / 2 : 0);
    return;
  }
  const factor = TOP_LEVEL / span;
  for (let at = 0, from = filter; at < into.length; at += 1, from += filters) {
    const level = (/** @type {number} */ (values[from]) - low) * factor;
    into[at] = level > TOP_LEVEL ? TOP_LEVEL : level;
  }
}
