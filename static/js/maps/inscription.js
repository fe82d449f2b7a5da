// @ts-check
/**
 * Writes a legend into a figure, touching nothing that already says the same.
 * @module
 */

/** @typedef {import("./legend.js").Legend} Legend */

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
