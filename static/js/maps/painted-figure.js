// @ts-check
/**
 * Paints raw maps over a figure's pictures, with legend, and takes them away again.
 * @module
 */

import { paintGrid } from "./grid-image.js";
import { largest } from "./lattice.js";
import { inscribe, inscribed, legendOf, silence } from "./legend.js";
import { paintSheet, picturesOf, remove, sheetOver, zoomOf } from "./map-canvas.js";
import { palettes } from "./palettes.js";
import { extents, isDead, ranges, roomFor, whole } from "./value-range.js";

/** @typedef {import("./value-range.js").Maps} Maps */
/** @typedef {import("./value-range.js").Range} Range */
/** What the choosers say. @typedef {{ normalize: string, palette: string }} Choice */
/**
 * How maps are painted; the block's scope matters only where the layer is one of a block's parts.
 * @typedef {Choice & { scopes: { network: Range, block: Range | null } }} Look
 */
/**
 * @typedef {{ sheets: import("./map-canvas.js").Sheet[], found: import("./value-range.js").Extents,
 *   levels: Uint8ClampedArray, maps: Maps, look: Look, paint?: import("./grid-image.js").Paint }} Painted
 */

/** @type {Map<HTMLElement, Painted>} */
const painted = new Map();
/** @type {WeakMap<HTMLElement, ReturnType<typeof inscribed>>} */
const served = new WeakMap();
/** @type {WeakMap<HTMLElement, () => void>} */
const homes = new WeakMap();

/** @param {HTMLFormElement} form @param {keyof Choice} name */
export function chooser(form, name) {
  const select = form.elements.namedItem(name);
  if (!(select instanceof HTMLSelectElement)) throw new TypeError(`There is no chooser ${name}.`);
  return select;
}

/** What a form's choosers say. @param {HTMLFormElement} form @returns {Choice} */
export function chosen(form) {
  return { normalize: chooser(form, "normalize").value, palette: chooser(form, "palette").value };
}

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
  watchWidth();
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

let watchesWidth = false;

/** The window's width decides between two zooms of a grid. */
function watchWidth() {
  if (watchesWidth) return;
  watchesWidth = true;
  matchMedia("(max-width: 719px)").addEventListener("change", () => {
    for (const [figure, { sheets, maps, look }] of painted) {
      sheets.forEach(remove);
      painted.delete(figure);
      void show(figure, maps, look);
    }
  });
}

/** @typedef {{ width: number, height: number }} Size */
/** @typedef {{ picture: HTMLImageElement | HTMLCanvasElement, size: Size }} Enlarged */

/**
 * The grid at a larger zoom, by the server or, where it is painted over, painted anew.
 * @param {HTMLElement} figure
 * @param {HTMLImageElement | HTMLCanvasElement} shown
 * @param {Size} room
 * @returns {Enlarged | undefined} nothing where what is shown is still on its way
 */
export function enlarged(figure, shown, room) {
  const [height = 1, width = 1, filters = 1] = (figure.dataset["shape"] ?? "").split(" ").map(Number);
  const columns = Number(figure.dataset["columns"]);
  const geometry = largest({ height, width, filters }, columns, room, zoomOf(figure));
  if (shown instanceof HTMLImageElement) {
    const address = new URL(shown.src);
    address.searchParams.set("zoom", String(geometry.zoom));
    const picture = Object.assign(new Image(), { src: address.href, alt: shown.alt });
    return { picture, size: geometry };
  }
  const [painted, canvas] = [shownOn(figure), document.createElement("canvas")];
  const [context, sheet] = [canvas.getContext("2d"), painted?.sheets[0]];
  if (!context || !painted?.paint || !sheet) return undefined;
  Object.assign(canvas, { width: geometry.width, height: geometry.height });
  const image = context.createImageData(geometry.width, geometry.height);
  paintGrid(new Uint32Array(image.data.buffer), geometry, sheet.filters, painted.paint);
  context.putImageData(image, 0, 0);
  return { picture: canvas, size: geometry };
}
