// @ts-check
/**
 * Says what the colours of a grid stand for, in the words of the server's legends.
 * @module
 */

import { number } from "./numbers.js";

/** @typedef {import("./scaling.js").Range} Range */
/** @typedef {{ low: string, zero: boolean, high: string, ramp: string, sharing: string }} Legend */

/**
 * The legend of maps on these ranges.
 * @param {readonly Range[]} scales of each map shown
 * @param {boolean} own whether each map has a range of its own
 * @param {boolean} centred whether the signed palette is used
 * @param {string} sharing what shares a range, in words
 * @returns {Legend}
 */
export function legendOf(scales, own, centred, sharing) {
  const low = Math.min(...scales.map(([one]) => one));
  const high = Math.max(...scales.map(([, one]) => one));
  const ramp = centred ? "signed" : "positive";
  if (low === high) return { low: "", zero: false, high: "", ramp, sharing: "zero everywhere" };
  return {
    low: own && low < 0 ? "lowest" : number(low),
    zero: low < 0,
    high: own ? "highest" : number(high),
    ramp,
    sharing: own ? `${sharing}, at most ${number(high)}` : sharing,
  };
}

/**
 * What to say of filters whose maps are zero everywhere; nothing where there are none.
 * @param {number} silent
 * @param {number} filters
 * @param {boolean} off whether their layer is switched off
 */
export function silence(silent, filters, off) {
  if (silent === 0) return "";
  if (off && silent === filters) return "Switched off, so every map is zero.";
  if (silent === filters) return "Every filter is silent on this digit.";
  return silent === 1
    ? "1 filter is silent on this digit."
    : `${silent} filters are silent on this digit.`;
}
