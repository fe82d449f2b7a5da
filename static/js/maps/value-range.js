// @ts-check
/**
 * Chooses the display range of each map and quantises values to palette levels, as the server does.
 * @module
 */

/**
 * A layer's feature maps in the order (H, W, C).
 * @typedef {{ height: number, width: number, filters: number, values: Float32Array }} FeatureMaps
 */
/** @typedef {readonly [low: number, high: number]} ValueRange */
/**
 * Smallest and largest value per filter.
 * @typedef {{ low: Float64Array, high: Float64Array }} Extents
 */

/** The highest level of a value; zero is at half of it in a diverging palette. */
export const TOP_LEVEL = 252;

/** @param {FeatureMaps} maps @returns {Extents} */
export function emptyExtents({ filters }) {
  return { low: new Float64Array(filters), high: new Float64Array(filters) };
}

/**
 * The smallest and the largest value of each filter.
 * @param {FeatureMaps} maps
 * @param {Extents} [into] overwritten and returned
 * @returns {Extents}
 */
export function extentsOf(maps, into = emptyExtents(maps)) {
  const { values, filters } = maps;
  const { low, high } = into;
  low.fill(Infinity);
  high.fill(-Infinity);
  for (let index = 0, filter = 0; index < values.length; index += 1) {
    const value = /** @type {number} */ (values[index]);
    if (value < /** @type {number} */ (low[filter])) low[filter] = value;
    if (value > /** @type {number} */ (high[filter])) high[filter] = value;
    filter = filter + 1 === filters ? 0 : filter + 1;
  }
  return into;
}

/** The range of all filters together. @param {Extents} extents @returns {ValueRange} */
export function layerRange({ low, high }) {
  return [Math.min(...low), Math.max(...high)];
}

/** Whether every value of a filter is zero. @param {Extents} extents @param {number} filter */
export function isDead({ low, high }, filter) {
  return low[filter] === 0 && high[filter] === 0;
}

/**
 * Whether a filter is dead, or has the same value at several positions.
 * @param {FeatureMaps} maps
 * @param {Extents} extents
 * @param {number} filter
 */
export function isFlat(maps, extents, filter) {
  const isConstant = extents.low[filter] === extents.high[filter];
  return isDead(extents, filter) || (isConstant && maps.height * maps.width > 1);
}

/**
 * The display range of each filter: from zero to the largest value, or symmetric around zero if
 * values may be negative.
 * @param {Extents} extents
 * @param {string} normalize `filter`, or anything that shares one range
 * @param {boolean} isSigned whether the layer can have negative values
 * @param {ValueRange} shared smallest and largest value of everything that shares the range
 * @returns {ValueRange[]} [0, 0] where everything is zero
 */
export function displayRanges(extents, normalize, isSigned, shared) {
  const isCentred = isSigned || normalize === "symmetric";
  if (normalize !== "filter") {
    const range = rangeFromZero(shared[0], shared[1], isCentred);
    return Array.from(extents.low, () => range);
  }
  return Array.from(extents.low, (low, filter) =>
    rangeFromZero(low, /** @type {number} */ (extents.high[filter]), isCentred || low < 0));
}

/**
 * @param {number} low
 * @param {number} high
 * @param {boolean} isCentred
 * @returns {ValueRange}
 */
function rangeFromZero(low, high, isCentred) {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  return isCentred ? [-largest, largest] : [0, largest];
}

/**
 * One filter's values as palette levels: clipped to the range, and rounded half to even, which is
 * how a Uint8ClampedArray stores them.
 * @param {FeatureMaps} maps
 * @param {number} filter
 * @param {ValueRange} range
 * @param {boolean} isCentred whether the palette has zero in its middle
 * @param {Uint8ClampedArray} into one level a value, row by row
 */
export function quantise({ values, filters }, filter, [low, high], isCentred, into) {
  const span = high - low;
  if (!(span > 0)) {
    into.fill(isCentred ? TOP_LEVEL / 2 : 0);
    return;
  }
  const factor = TOP_LEVEL / span;
  for (let target = 0, source = filter; target < into.length; target += 1, source += filters) {
    const level = (/** @type {number} */ (values[source]) - low) * factor;
    into[target] = level > TOP_LEVEL ? TOP_LEVEL : level;
  }
}
