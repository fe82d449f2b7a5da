// @ts-check
/**
 * Reads the look of maps from the choosers, and keeps page and address true to it.
 * @module
 */

import { withLook } from "./address.js";
import { colourOf, isBright } from "./palettes.js";
import { TOP_LEVEL } from "./scaling.js";

/** @typedef {{ normalize: string, palette: string }} Look */
/** @typedef {"normalize" | "palette"} Name */

/** What holds an address that carries the look. */
const ADDRESSES = [["a[href]", "href"], ["form[data-upload], form[data-draw]", "action"],
  ["[data-filter-href]", "data-filter-href"], ["a[data-home]", "data-home"], ["img[src*='/kernel']", "src"],
  [".parts image", "href"]];
/** What has a palette, and a scale of its own. */
const SCALED = ".lookout image";

/** @param {HTMLFormElement} form @param {Name} name */
function chooser(form, name) {
  const select = form.elements.namedItem(name);
  if (!(select instanceof HTMLSelectElement)) throw new TypeError(`There is no chooser ${name}.`);
  return select;
}

/** What a form's choosers say. @param {HTMLFormElement} form @returns {Look} */
export function chosen(form) {
  return { normalize: chooser(form, "normalize").value, palette: chooser(form, "palette").value };
}

/** What goes without saying. @param {HTMLFormElement} form @returns {Look} */
function usual(form) {
  /** @param {Name} name */
  const of = (name) =>
    chooser(form, name).querySelector("option[data-usual]")?.getAttribute("value") ?? "";
  return { normalize: of("normalize"), palette: of("palette") };
}

/**
 * Make the page say what it now looks like: its own address, links, ramps, plate and words.
 * @param {HTMLFormElement} form whose choosers were used
 * @param {import("./palettes.js").Palette} palette
 */
export function settleLook(form, palette) {
  const [look, unsaid] = [chosen(form), usual(form)];
  const here = location.pathname + location.search + location.hash;
  history.replaceState(history.state, "", withLook(here, look, unsaid));
  for (const [selector = "", name = ""] of ADDRESSES) {
    for (const element of document.querySelectorAll(selector)) {
      const before = element.getAttribute(name) ?? "";
      const after = withLook(before, look, unsaid);
      if (after !== before) element.setAttribute(name, after);
    }
  }
  for (const image of document.querySelectorAll(SCALED)) {
    const before = image.getAttribute("href") ?? "";
    image.setAttribute("href", withLook(before, { palette: look.palette }, unsaid));
  }
  paintRamp("ramp-signed", palette.diverging);
  paintRamp("ramp-positive", palette.sequential);
  for (const square of document.querySelectorAll("svg [data-level]")) paintSquare(square, palette);
  const view = document.querySelector(".view");
  view?.classList.remove(...[...view.classList].filter((name) => name.startsWith("plate-")));
  view?.classList.add(`plate-${look.palette}`);
  const words = document.querySelector("[data-palette-words]");
  const option = chooser(form, "palette").selectedOptions[0];
  if (words && option) words.textContent = option.dataset["said"] ?? "";
}

/**
 * A number on a colour; the number dark where the colour is bright.
 * @param {Element} square
 * @param {import("./palettes.js").Palette} palette
 */
function paintSquare(square, palette) {
  const table = square.closest("[data-signed]") ? palette.diverging : palette.sequential;
  const level = Number(square.getAttribute("data-level"));
  square.setAttribute("fill", colourOf(table, level));
  const number = square.nextElementSibling;
  if (number instanceof SVGTextElement) {
    number.setAttribute("class", isBright(table, level) ? "on-bright" : "on-dark");
  }
}

/**
 * @param {string} id
 * @param {Uint32Array} table
 */
function paintRamp(id, table) {
  const stops = document.querySelectorAll(`#${id} stop`);
  stops.forEach((stop, at) => {
    const level = Math.round((at * TOP_LEVEL) / (stops.length - 1));
    stop.setAttribute("stop-color", colourOf(table, level));
  });
}
