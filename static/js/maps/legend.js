// @ts-check
/**
 * States what the colours of a figure's maps mean, in the words of the server.
 * @module
 */

import { number } from "../format.js";

/** @typedef {import("./value-range.js").ValueRange} ValueRange */
/** @typedef {{ low: string, zero: boolean, high: string, ramp: string, sharing: string }} Legend */

/** Keeps the line of an empty note, so that nothing below it moves. */
const EMPTY_LINE = "\u00a0";

/**
 * @param {readonly ValueRange[]} ranges of each map shown
 * @param {boolean} isPerFilter whether each map has a range of its own
 * @param {boolean} isCentred whether the palette is diverging
 * @param {string} sharing what shares a range
 * @returns {Legend}
 */
export function legendOf(ranges, isPerFilter, isCentred, sharing) {
  const low = Math.min(...ranges.map(([lowest]) => lowest));
  const high = Math.max(...ranges.map(([, highest]) => highest));
  const ramp = isCentred ? "signed" : "positive";
  if (low === high) return { low: "", zero: false, high: "", ramp, sharing: "zero everywhere" };
  return {
    low: isPerFilter && low < 0 ? "lowest" : number(low),
    zero: low < 0,
    high: isPerFilter ? "highest" : number(high),
    ramp,
    sharing: isPerFilter ? `${sharing}, at most ${number(high)}` : sharing,
  };
}

/**
 * A note on filters whose maps are zero everywhere; empty if there are none.
 * @param {number} dead how many
 * @param {number} filters
 * @param {boolean} isDisabled whether the layer belongs to a disabled residual branch
 */
export function deadFiltersNote(dead, filters, isDisabled) {
  if (dead === 0) return "";
  if (isDisabled && dead === filters) return "Switched off, so every map is zero.";
  if (dead === filters) return "Every filter is inactive on this digit.";
  return dead === 1
    ? "1 filter is inactive on this digit."
    : `${dead} filters are inactive on this digit.`;
}

/**
 * Write a legend and a note into a figure.
 * @param {HTMLElement} figure
 * @param {Legend} legend
 * @param {string} note
 */
export function writeLegend(figure, legend, note) {
  const element = figure.querySelector(".legend");
  if (element) {
    writeText(element, ".low", legend.low);
    writeText(element, ".zero", legend.zero ? "0" : "");
    writeText(element, ".high", legend.high);
    writeText(element, ".range-scope", legend.sharing);
    const fill = `url(#ramp-${legend.ramp})`;
    const ramp = element.querySelector(".color-bar rect");
    if (ramp && ramp.getAttribute("fill") !== fill) ramp.setAttribute("fill", fill);
  }
  const line = figure.querySelector(".note");
  if (line && line.textContent !== note) line.textContent = note || EMPTY_LINE;
}

/**
 * Writing the same text again would cost a layout on every frame of a drawing.
 * @param {Element} parent
 * @param {string} selector
 * @param {string} text
 */
function writeText(parent, selector, text) {
  const element = parent.querySelector(selector);
  if (element && element.textContent !== text) element.textContent = text;
}

/**
 * The legend and the note that a figure shows.
 * @param {HTMLElement} figure
 * @returns {{ legend: Legend, note: string }}
 */
export function readLegend(figure) {
  /** @param {string} name */
  const text = (name) => figure.querySelector(`.legend .${name}`)?.textContent ?? "";
  const fill = figure.querySelector(".color-bar rect")?.getAttribute("fill") ?? "";
  return {
    legend: {
      low: text("low"),
      zero: text("zero") === "0",
      high: text("high"),
      ramp: fill.includes("signed") ? "signed" : "positive",
      sharing: text("range-scope"),
    },
    note: figure.querySelector(".note")?.textContent ?? "",
  };
}
