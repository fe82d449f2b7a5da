// @ts-check
/**
 * The legend of a figure: what the colours of its maps stand for, in the server's words.
 * @module
 */

import { number } from "../format.js";

/** @typedef {import("./value-range.js").Range} Range */
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

/** Keeps the line of a note that has nothing to say, so that nothing below it moves. */
const EMPTY_LINE = "\u00a0";

/**
 * @param {Element} parent
 * @param {string} name
 * @param {string} text
 */
function write(parent, name, text) {
  const line = parent.querySelector(`.${name}`);
  if (line && line.textContent !== text) line.textContent = text;
}

/**
 * Bring a figure's legend and note up to date.
 * @param {HTMLElement} figure
 * @param {Legend} legend
 * @param {string} note on silent filters
 */
export function inscribe(figure, legend, note) {
  const element = figure.querySelector(".legend");
  if (element) {
    write(element, "low", legend.low);
    write(element, "zero", legend.zero ? "0" : "");
    write(element, "high", legend.high);
    write(element, "sharing", legend.sharing);
    const fill = `url(#ramp-${legend.ramp})`;
    const ramp = element.querySelector(".ramp rect");
    if (ramp && ramp.getAttribute("fill") !== fill) ramp.setAttribute("fill", fill);
  }
  const line = figure.querySelector(".note");
  if (line && line.textContent !== note) line.textContent = note || EMPTY_LINE;
}

/**
 * What a figure's legend says now.
 * @param {HTMLElement} figure
 * @returns {{ legend: Legend, note: string }}
 */
export function inscribed(figure) {
  /** @param {string} name */
  const text = (name) => figure.querySelector(`.legend .${name}`)?.textContent ?? "";
  const fill = figure.querySelector(".ramp rect")?.getAttribute("fill") ?? "";
  return {
    legend: {
      low: text("low"),
      zero: text("zero") === "0",
      high: text("high"),
      ramp: fill.includes("signed") ? "signed" : "positive",
      sharing: text("sharing"),
    },
    note: figure.querySelector(".note")?.textContent ?? "",
  };
}
