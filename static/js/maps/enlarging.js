// @ts-check
/**
 * Draws a figure's grid anew as large as there is room for, with pixels as hard as before.
 * @module
 */

import { largest } from "./geometry.js";
import { paintGrid } from "./painting.js";
import { shownOn } from "./plate.js";
import { zoomOf } from "./sheets.js";

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
