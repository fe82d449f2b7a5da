// @ts-check
/**
 * Finds a step of a sequence in every picture of a sequence of as many steps in the window, and on the
 * digit where each of its rows is one step.
 * @module
 */

import { SIDE, isSequenceOf } from "./activations.js";
import { gridZoom } from "./hit-testing.js";
import { layoutTable } from "./layout.js";

/** @typedef {import("./hit-testing.js").Rectangle} Rectangle */

const MAPS = "figure[data-shape], [data-block-table]";
const PICTURES = "figure[data-shape] picture img, [data-block-table] picture img, "
  + "[data-step-rows] img, .draw-surface:not(.has-strokes) img";

/**
 * The step in every picture, in pixels of the window.
 * @param {number} step
 * @param {number} count of all steps
 * @returns {Rectangle[]}
 */
export function stepBoxes(step, count) {
  const images = /** @type {NodeListOf<HTMLImageElement>} */ (document.querySelectorAll(PICTURES));
  return [...images].flatMap((image) => {
    const box = image.getBoundingClientRect();
    const isInView = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
    return isInView ? rowsOf(image, box, step, count) : [];
  });
}

/**
 * @param {HTMLImageElement} image
 * @param {DOMRect} box
 * @param {number} step
 * @param {number} count of all steps
 * @returns {Rectangle[]}
 */
function rowsOf(image, { left, top, width, height }, step, count) {
  const maps = image.closest(MAPS);
  if (!(maps instanceof HTMLElement)) {
    if (count !== SIDE) return [];
    return [{ left, top: top + (step * height) / SIDE, width, height: height / SIDE }];
  }
  const [before = 1, steps = 1] = (maps.dataset["shape"] ?? "").split(" ").map(Number);
  if (!isSequenceOf(before, steps) || steps !== count) return [];
  const zoom = gridZoom(maps);
  const layers = Math.max(1, maps.querySelectorAll("li[data-values]").length);
  const layout = layoutTable(layers, 1, steps, 1, zoom, true);
  const scale = height / layout.height;
  return layout.boxes.map(([x, y]) => ({
    left: left + x * scale,
    top: top + scale * (y + step * zoom),
    width: width - 2 * x * scale,
    height: zoom * scale,
  }));
}
