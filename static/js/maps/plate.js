// @ts-check
/**
 * Paints raw maps over a figure's pictures, with legend, and takes them away again.
 * @module
 */

import { inscribe, inscribed } from "./inscription.js";
import { legendOf, silence } from "./legend.js";
import { palettes } from "./palettes.js";
import { extents, isDead, ranges, roomFor, whole } from "./scaling.js";
import { paintSheet, picturesOf, remove, sheetOver } from "./sheets.js";

/** @typedef {import("./scaling.js").Maps} Maps */
/** @typedef {import("./scaling.js").Range} Range */
/**
 * How maps are painted; the block's scope matters only where the layer is one of a block's parts.
 * @typedef {{ normalize: string, palette: string,
 *   scopes: { network: Range, block: Range | null } }} Look
 */
/**
 * @typedef {{ sheets: import("./sheets.js").Sheet[], found: import("./scaling.js").Extents,
 *   levels: Uint8ClampedArray, maps: Maps, look: Look, paint?: import("./painting.js").Paint }} Painted
 */

/** @type {Map<HTMLElement, Painted>} */
const painted = new Map();
/** @type {WeakMap<HTMLElement, ReturnType<typeof inscribed>>} */
const served = new WeakMap();
/** @type {WeakMap<HTMLElement, () => void>} */
const homes = new WeakMap();

/**
 * Paint maps over a figure's pictures, in the same geometry, and bring its legend up to date.
 * @param {HTMLElement} figure
 * @param {Maps} maps
 * @param {Look} look
 */
export async function show(figure, maps, look) {
  const known = await palettes();
  const palette = known.get(look.palette);
  if (!palette) throw new RangeError(`There is no palette of that name.`);
  const plate = plateOf(figure, maps);
  const { found, levels } = plate;
  extents(maps, found);
  const signed = "signed" in figure.dataset;
  const normalize = sharedBy(figure, look);
  const scales = ranges(found, normalize, signed, scopeOf(normalize, look, whole(found)));
  const centred = signed || normalize === "symmetric";
  const table = centred ? palette.diverging : palette.sequential;
  const paint = { maps, found, scales, table, centred, levels };
  Object.assign(plate, { maps, look, paint });
  for (const sheet of plate.sheets) paintSheet(sheet, paint);
  const shown = plate.sheets.flatMap(({ filters }) => filters);
  const ranged = shown.map((filter) => /** @type {Range} */ (scales[filter]));
  const dead = shown.filter((filter) => isDead(found, filter)).length;
  const legend = legendOf(ranged, normalize === "filter", centred, wordsFor(normalize));
  const off = figure.dataset["switch"] === "off";
  inscribe(figure, legend, silence(dead, shown.length, off));
}

/**
 * The server's picture again, or what has been made the figure's home since.
 * @param {HTMLElement} figure
 */
export function restore(figure) {
  const home = homes.get(figure);
  if (home) {
    home();
    return;
  }
  painted.get(figure)?.sheets.forEach(remove);
  painted.delete(figure);
  const first = served.get(figure);
  if (first) inscribe(figure, first.legend, first.note);
}

/**
 * Say what restoring a figure is to do from now on, where the server's picture is out of date.
 * @param {HTMLElement} figure
 * @param {() => void} home
 */
export function settle(figure, home) {
  homes.set(figure, home);
}

/** What a figure shows in place of the server's picture, if anything. @param {HTMLElement} figure */
export function shownOn(figure) {
  return painted.get(figure);
}

/**
 * What is kept between two paintings of a figure; made anew where the maps have another shape.
 * @param {HTMLElement} figure
 * @param {Maps} maps
 * @returns {Painted}
 */
function plateOf(figure, maps) {
  const before = painted.get(figure);
  const { height, width, filters } = maps;
  if (before && before.maps.height === height && before.maps.width === width
    && before.maps.filters === filters) return before;
  before?.sheets.forEach(remove);
  if (!served.has(figure)) served.set(figure, inscribed(figure));
  const plate = {
    sheets: picturesOf(figure, maps).map(sheetOver),
    found: roomFor(maps),
    levels: new Uint8ClampedArray(height * width),
    maps,
    look: /** @type {Look} */ ({}),
  };
  painted.set(figure, plate);
  return plate;
}

/** Outside of a block's parts a block's scale comes to the layer's. @param {HTMLElement} figure @param {Look} look */
function sharedBy(figure, { normalize }) {
  return normalize === "block" && !("blockRange" in figure.dataset) ? "layer" : normalize;
}

/**
 * @param {string} normalize
 * @param {Look} look
 * @param {Range} layer
 * @returns {Range}
 */
function scopeOf(normalize, { scopes }, layer) {
  if (normalize === "network") return scopes.network;
  return normalize === "block" ? scopes.block ?? layer : layer;
}

/** What shares a scale, in words, as the chooser has them. @param {string} normalize */
function wordsFor(normalize) {
  const option = document.querySelector(`[name="normalize"] option[value="${normalize}"]`);
  return option instanceof HTMLOptionElement ? option.dataset["said"] ?? "" : "";
}

// The window's width decides between two zooms of a grid.
matchMedia("(max-width: 719px)").addEventListener("change", () => {
  for (const [figure, { sheets, maps, look }] of painted) {
    sheets.forEach(remove);
    painted.delete(figure);
    void show(figure, maps, look);
  }
});
