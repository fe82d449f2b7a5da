// @ts-check
/**
 * Paints feature maps over a figure's images, updates its legend, and restores the figure.
 * @module
 */

import { drawGrid } from "./grid-image.js";
import { largestGrid } from "./lattice.js";
import { deadFiltersNote, legendOf, readLegend, writeLegend } from "./legend.js";
import { createCanvas, drawCanvas, gridZoom, mapImages, removeCanvas } from "./map-canvas.js";
import { loadPalette } from "./palettes.js";
import { displayRanges, emptyExtents, extentsOf, isDead, layerRange } from "./value-range.js";

/** @typedef {import("./value-range.js").FeatureMaps} FeatureMaps */
/** @typedef {import("./value-range.js").ValueRange} ValueRange */
/** @typedef {import("./palettes.js").Palette} Palette */
/**
 * What the choosers of a page say.
 * @typedef {{ normalize: string, palette: string }} DisplayOptions
 */
/**
 * `block` is null outside of blocks.
 * @typedef {{ network: ValueRange, block: ValueRange | null }} SharedRanges
 */
/** @typedef {DisplayOptions & { sharedRanges: SharedRanges }} PaintOptions */
/**
 * What is known of a painted figure between two paintings.
 * @typedef {{ canvases: import("./map-canvas.js").MapCanvas[],
 *   extents: import("./value-range.js").Extents, levels: Uint8ClampedArray, maps: FeatureMaps,
 *   options: PaintOptions, content?: import("./grid-image.js").GridContent }} PaintedState
 */
/** @typedef {HTMLImageElement | HTMLCanvasElement} Grid */
/** @typedef {{ width: number, height: number }} Size */

const NARROW_WINDOW = "(max-width: 719px)";

/** @type {Map<HTMLElement, PaintedState>} */
const paintedFigures = new Map();
/**
 * The legends as the server wrote them.
 * @type {WeakMap<HTMLElement, ReturnType<typeof readLegend>>}
 */
const originalLegends = new WeakMap();
/** @type {WeakMap<HTMLElement, () => void>} */
const restorers = new WeakMap();
let isWatchingWidth = false;

/**
 * @param {HTMLFormElement} form
 * @param {keyof DisplayOptions} name
 */
export function optionSelect(form, name) {
  const select = form.elements.namedItem(name);
  if (!(select instanceof HTMLSelectElement)) throw new TypeError(`There is no select "${name}".`);
  return select;
}

/** @param {HTMLFormElement} form @returns {DisplayOptions} */
export function displayOptions(form) {
  return {
    normalize: optionSelect(form, "normalize").value,
    palette: optionSelect(form, "palette").value,
  };
}

/**
 * Paint feature maps over a figure's images and update its legend.
 * @param {HTMLElement} figure
 * @param {FeatureMaps} maps
 * @param {PaintOptions} options
 */
export async function paintFigure(figure, maps, options) {
  const palette = await loadPalette(options.palette);
  const state = stateFor(figure, maps, options);
  extentsOf(maps, state.extents);
  const content = contentOf(figure, state, palette);
  state.content = content;
  for (const canvas of state.canvases) drawCanvas(canvas, content);
  updateLegend(figure, state, content);
}

/**
 * @param {HTMLElement} figure
 * @param {PaintedState} state
 * @param {Palette} palette
 * @returns {import("./grid-image.js").GridContent}
 */
function contentOf(figure, { maps, extents, levels, options }, palette) {
  const isSigned = "signed" in figure.dataset;
  const normalize = normalizationOf(figure, options);
  const shared = sharedRange(normalize, options.sharedRanges, layerRange(extents));
  const ranges = displayRanges(extents, normalize, isSigned, shared);
  const isCentred = isSigned || normalize === "symmetric";
  const table = isCentred ? palette.diverging : palette.sequential;
  return { maps, extents, ranges, table, isCentred, levels };
}

/**
 * @param {HTMLElement} figure
 * @param {PaintedState} state
 * @param {import("./grid-image.js").GridContent} content
 */
function updateLegend(figure, { canvases, extents, options }, { ranges, isCentred }) {
  const normalize = normalizationOf(figure, options);
  const shown = canvases.flatMap(({ filters }) => filters);
  const shownRanges = shown.map((filter) => /** @type {ValueRange} */ (ranges[filter]));
  const dead = shown.filter((filter) => isDead(extents, filter)).length;
  const sharing = sharingText(normalize);
  const legend = legendOf(shownRanges, normalize === "filter", isCentred, sharing);
  const isDisabled = figure.dataset["switch"] === "off";
  writeLegend(figure, legend, deadFiltersNote(dead, shown.length, isDisabled));
}

/**
 * Show the server's images again, or do what was set with `setRestore`.
 * @param {HTMLElement} figure
 */
export function restoreFigure(figure) {
  const restore = restorers.get(figure);
  if (restore) {
    restore();
    return;
  }
  paintedFigures.get(figure)?.canvases.forEach(removeCanvas);
  paintedFigures.delete(figure);
  const original = originalLegends.get(figure);
  if (original) writeLegend(figure, original.legend, original.note);
}

/**
 * Say how to restore a figure whose server images no longer fit the chosen options.
 * @param {HTMLElement} figure
 * @param {() => void} restore
 */
export function setRestore(figure, restore) {
  restorers.set(figure, restore);
}

/** What is painted over a figure, if anything. @param {HTMLElement} figure */
export function paintedState(figure) {
  return paintedFigures.get(figure);
}

/**
 * The state of a figure, with new canvases if the shape of the maps has changed.
 * @param {HTMLElement} figure
 * @param {FeatureMaps} maps
 * @param {PaintOptions} options
 * @returns {PaintedState}
 */
function stateFor(figure, maps, options) {
  watchWidth();
  const existing = paintedFigures.get(figure);
  if (existing && hasSameShape(existing.maps, maps)) {
    return Object.assign(existing, { maps, options });
  }
  existing?.canvases.forEach(removeCanvas);
  if (!originalLegends.has(figure)) originalLegends.set(figure, readLegend(figure));
  const state = {
    canvases: mapImages(figure, maps).map(createCanvas),
    extents: emptyExtents(maps),
    levels: new Uint8ClampedArray(maps.height * maps.width),
    maps,
    options,
  };
  paintedFigures.set(figure, state);
  return state;
}

/** @param {FeatureMaps} a @param {FeatureMaps} b */
function hasSameShape(a, b) {
  return a.height === b.height && a.width === b.width && a.filters === b.filters;
}

/**
 * Outside of blocks `block` means the layer.
 * @param {HTMLElement} figure
 * @param {DisplayOptions} options
 */
function normalizationOf(figure, { normalize }) {
  return normalize === "block" && !("blockRange" in figure.dataset) ? "layer" : normalize;
}

/**
 * @param {string} normalize
 * @param {SharedRanges} sharedRanges
 * @param {ValueRange} layer
 * @returns {ValueRange}
 */
function sharedRange(normalize, { network, block }, layer) {
  if (normalize === "network") return network;
  return normalize === "block" ? block ?? layer : layer;
}

/** What shares a range, in the words of the chooser. @param {string} normalize */
function sharingText(normalize) {
  const option = document.querySelector(`[name="normalize"] option[value="${normalize}"]`);
  return option instanceof HTMLOptionElement ? option.dataset["explanation"] ?? "" : "";
}

/** A narrow window shows grids at another zoom, so they are painted again when it changes. */
function watchWidth() {
  if (isWatchingWidth) return;
  isWatchingWidth = true;
  matchMedia(NARROW_WINDOW).addEventListener("change", () => {
    for (const [figure, { canvases, maps, options }] of paintedFigures) {
      canvases.forEach(removeCanvas);
      paintedFigures.delete(figure);
      void paintFigure(figure, maps, options);
    }
  });
}

/**
 * A figure's grid at the largest zoom that fits: from the server, or painted if it is painted now.
 * @param {HTMLElement} figure
 * @param {Grid} shown
 * @param {Size} room in pixels
 * @returns {{ picture: Grid, size: Size } | undefined} undefined while the figure is being painted
 */
export function enlargedGrid(figure, shown, room) {
  const shape = (figure.dataset["shape"] ?? "").split(" ").map(Number);
  const [height = 1, width = 1, filters = 1] = shape;
  const columns = Number(figure.dataset["columns"]);
  const layout = largestGrid({ height, width, filters }, columns, room, gridZoom(figure));
  if (shown instanceof HTMLImageElement) {
    const address = new URL(shown.src);
    address.searchParams.set("zoom", String(layout.zoom));
    const picture = Object.assign(new Image(), { src: address.href, alt: shown.alt });
    return { picture, size: layout };
  }
  const [state, canvas] = [paintedState(figure), document.createElement("canvas")];
  const [context, mapCanvas] = [canvas.getContext("2d"), state?.canvases[0]];
  if (!context || !state?.content || !mapCanvas) return undefined;
  Object.assign(canvas, { width: layout.width, height: layout.height });
  const image = context.createImageData(layout.width, layout.height);
  drawGrid(new Uint32Array(image.data.buffer), layout, mapCanvas.filters, state.content);
  context.putImageData(image, 0, 0);
  return { picture: canvas, size: layout };
}
