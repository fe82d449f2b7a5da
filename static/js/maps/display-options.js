// @ts-check
/**
 * Applies the chosen scale and palette to a page: repaints its maps, and updates links, colours and
 * its address.
 * @module
 */

import { loadMaps, sharedRangesOf } from "./activations.js";
import { replaceGrid } from "./map-canvas.js";
import {
  displayOptions, optionSelect, paintFigure, paintedState, setRestore,
} from "./painted-figure.js";
import { cssColour, isBright, loadPalette } from "./palettes.js";
import { TOP_LEVEL } from "./value-range.js";

/** @typedef {import("./painted-figure.js").DisplayOptions} DisplayOptions */
/** @typedef {import("./palettes.js").Palette} Palette */

/** Distance from the window at which a figure is painted. */
const MARGIN = "400px";
/** Attributes that hold an address with display options. */
const ADDRESSES = [
  ["a[href]", "href"],
  ["form[data-upload], form[data-draw]", "action"],
  ["[data-filter-href]", "data-filter-href"],
  ["a[data-home]", "data-home"],
  ["img[src*='/kernel']", "src"],
  [".parts image", "href"],
];
/** Images with a fixed range, which take the palette alone. */
const PALETTE_IMAGES = ".input-window image";

/** Parameters that come before the display options in an address. */
const LEADING_PARAMETERS = ["network", "scale", "a", "b", "scale_a", "scale_b"];
const PATHS_WITH_BOTH = [
  /^\/$/, /^\/networks\//, /^\/digits$/, /\/layers\/[^/]+\/grid\.(png|json)$/,
];
const PATHS_WITH_PALETTE = [/^\/compare$/, /\/maps\.(png|json)$/, /\/kernels?\.png$/];

/** Feature maps of the page's digit. @type {WeakSet<import("./value-range.js").FeatureMaps>} */
const pageMaps = new WeakSet();
/** @type {IntersectionObserver | undefined} */
let observer;

/**
 * Repaint every map with the options of a form, each when it comes near the window. Rejects if the
 * page has no maps that can be painted, or the palettes cannot be loaded.
 * @param {HTMLFormElement} form
 */
export async function repaintMaps(form) {
  const palette = await loadPalette(displayOptions(form).palette);
  const figures = document.querySelectorAll("figure[data-layer]");
  if (figures.length === 0) throw new TypeError("There are no maps here that can be painted.");
  applyDisplayOptions(form, palette);
  observer?.disconnect();
  observer = new IntersectionObserver((entries, current) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || !(target instanceof HTMLElement)) continue;
      current.unobserve(target);
      repaintFigure(target, form).catch(() => form.requestSubmit());
    }
  }, { rootMargin: MARGIN });
  for (const figure of figures) {
    if (!(figure instanceof HTMLElement)) continue;
    setRestore(figure, () => void paintPageMaps(figure, form));
    replaceGrid(figure); // so that the browser does not load an image that is about to be replaced
    observer.observe(figure);
  }
}

/**
 * Repaint what a figure shows: the maps of the page's digit, or of a drawing.
 * @param {HTMLElement} figure
 * @param {HTMLFormElement} form
 */
async function repaintFigure(figure, form) {
  const state = paintedState(figure);
  if (!state || pageMaps.has(state.maps)) {
    await paintPageMaps(figure, form);
    return;
  }
  const { sharedRanges } = state.options;
  await paintFigure(figure, state.maps, { ...displayOptions(form), sharedRanges });
}

/**
 * @param {HTMLElement} figure
 * @param {HTMLFormElement} form
 */
async function paintPageMaps(figure, form) {
  const maps = await loadMaps(figure.dataset["values"] ?? "");
  pageMaps.add(maps);
  const sharedRanges = sharedRangesOf(figure);
  await paintFigure(figure, maps, { ...displayOptions(form), sharedRanges });
}

/** The options that addresses leave out. @param {HTMLFormElement} form @returns {DisplayOptions} */
function defaultOptions(form) {
  /** @param {keyof DisplayOptions} name */
  const valueOf = (name) =>
    optionSelect(form, name).querySelector("option[data-default]")?.getAttribute("value") ?? "";
  return { normalize: valueOf("normalize"), palette: valueOf("palette") };
}

/**
 * Update everything on the page but its maps: addresses, colours and texts.
 * @param {HTMLFormElement} form
 * @param {Palette} palette
 */
function applyDisplayOptions(form, palette) {
  const options = displayOptions(form);
  updateAddresses(options, defaultOptions(form));
  colourLegend("ramp-signed", palette.diverging);
  colourLegend("ramp-positive", palette.sequential);
  for (const cell of document.querySelectorAll("svg [data-level]")) colourCell(cell, palette);
  const view = document.querySelector(".page");
  view?.classList.remove(...[...view.classList].filter((name) => name.startsWith("palette-")));
  view?.classList.add(`palette-${options.palette}`);
  const description = document.querySelector("[data-palette-text]");
  const selected = optionSelect(form, "palette").selectedOptions[0];
  if (description && selected) description.textContent = selected.dataset["explanation"] ?? "";
}

/**
 * @param {DisplayOptions} options
 * @param {DisplayOptions} defaults
 */
function updateAddresses(options, defaults) {
  const current = location.pathname + location.search + location.hash;
  history.replaceState(history.state, "", withDisplayOptions(current, options, defaults));
  for (const [selector = "", name = ""] of ADDRESSES) {
    for (const element of document.querySelectorAll(selector)) {
      const before = element.getAttribute(name) ?? "";
      const after = withDisplayOptions(before, options, defaults);
      if (after !== before) element.setAttribute(name, after);
    }
  }
  for (const image of document.querySelectorAll(PALETTE_IMAGES)) {
    const before = image.getAttribute("href") ?? "";
    const { palette } = options;
    image.setAttribute("href", withDisplayOptions(before, { palette }, defaults));
  }
}

/**
 * Colour a cell of a number grid, with dark text on bright colours.
 * @param {Element} cell
 * @param {Palette} palette
 */
function colourCell(cell, palette) {
  const table = cell.closest("[data-signed]") ? palette.diverging : palette.sequential;
  const level = Number(cell.getAttribute("data-level"));
  cell.setAttribute("fill", cssColour(table, level));
  const text = cell.nextElementSibling;
  if (text instanceof SVGTextElement) {
    text.setAttribute("class", isBright(table, level) ? "on-bright" : "on-dark");
  }
}

/**
 * @param {string} id of a gradient
 * @param {Uint32Array} table
 */
function colourLegend(id, table) {
  const stops = document.querySelectorAll(`#${id} stop`);
  stops.forEach((stop, index) => {
    const level = Math.round((index * TOP_LEVEL) / (stops.length - 1));
    stop.setAttribute("stop-color", cssColour(table, level));
  });
}

/**
 * An address of this site with other display options; unchanged if it takes none.
 * @param {string} address path, query and fragment; may hold a placeholder in braces
 * @param {Partial<DisplayOptions> & { palette: string }} options without `normalize`, the address
 *   keeps its own
 * @param {DisplayOptions} defaults left out of the address
 * @returns {string}
 */
export function withDisplayOptions(address, options, defaults) {
  const [, path = "", query = "", fragment = ""] = /^([^?#]*)\??([^#]*)(.*)$/.exec(address) ?? [];
  const takesBoth = PATHS_WITH_BOTH.some((pattern) => pattern.test(path));
  if (!takesBoth && !PATHS_WITH_PALETTE.some((pattern) => pattern.test(path))) return address;
  const pairs = query.split("&").filter((pair) => pair && nameOf(pair) !== "palette");
  const leading = pairs.filter((pair) => LEADING_PARAMETERS.includes(nameOf(pair)));
  const trailing = pairs.filter((pair) =>
    ![...LEADING_PARAMETERS, "normalize"].includes(nameOf(pair)));
  const chosen = [];
  const existing = pairs.find((pair) => nameOf(pair) === "normalize");
  if (options.normalize === undefined) chosen.push(...(existing ? [existing] : []));
  else if (takesBoth && options.normalize !== defaults.normalize) {
    chosen.push(`normalize=${options.normalize}`);
  }
  if (options.palette !== defaults.palette) chosen.push(`palette=${options.palette}`);
  const all = [...leading, ...chosen, ...trailing].join("&");
  return path + (all && `?${all}`) + fragment;
}

/** @param {string} pair */
function nameOf(pair) {
  return pair.split("=", 1)[0] ?? "";
}
