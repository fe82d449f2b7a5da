// @ts-check
/**
 * Reads maps by keyboard: each figure has a place for the focus, Enter goes into its maps, arrows
 * move over their values, Escape leaves.
 * @module
 */

import { HOSTS, boxOf, inRow, stepped, valueAt, where } from "./hit-testing.js";
import { hrefOf, sceneFor } from "./hover.js";
import { place, readout } from "./tooltip.js";

/** @typedef {import("./hit-testing.js").Scene} Scene */
/** @typedef {import("./hit-testing.js").Spot} Spot */

const MAPS = "picture.plate, .tiles, .one-map, .plate";
const STEPS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];
const QUIET = 400; // milliseconds without a step, after which the place is said

/** The place under the keyboard, for as long as it is in a map. @type {Spot | undefined} */
let spot;
/** Where each host was left. @type {WeakMap<Element, Spot>} */
const left = new WeakMap();
let saying = 0;
const said = Object.assign(document.createElement("p"), { className: "visually-hidden" });
said.setAttribute("role", "status");

/** Give every host on the page a place for the focus. */
export function prepare() {
  document.body.append(said);
  for (const host of document.querySelectorAll(HOSTS)) {
    const maps = host.querySelector(MAPS);
    if (host instanceof HTMLElement && maps) host.append(explorer(host, maps));
  }
}

/**
 * @param {HTMLElement} host
 * @param {Element} maps
 */
function explorer(host, maps) {
  const element = document.createElement("div");
  element.className = "explorer";
  element.tabIndex = 0;
  element.setAttribute("role", "application"); // so that arrows reach it past a screen reader
  element.setAttribute("aria-label", `Values of ${host.dataset["layer"] ?? "the strip"}: `
    + "Enter reads them, arrows move, Escape leaves");
  element.addEventListener("focus", () => {
    const [around, box] = [host.getBoundingClientRect(), maps.getBoundingClientRect()];
    const [x, y] = [box.left - around.left + host.scrollLeft, box.top - around.top + host.scrollTop];
    place(element, x, y, box.width, box.height);
  });
  element.addEventListener("keydown", (event) => void press(event, host));
  element.addEventListener("blur", leave);
  return element;
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} host
 */
async function press(event, host) {
  const { key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const mine = key === "Enter" || (spot && (key === "Escape" || STEPS.includes(key)));
  if (!mine) return;
  event.preventDefault();
  event.stopPropagation();
  if (key === "Escape") leave();
  else if (!spot) await enter(host);
  else if (key === "Enter") location.assign(hrefOf(spot));
  else step(key);
}

/** @param {HTMLElement} host */
async function enter(host) {
  const scene = await sceneFor(host);
  const before = left.get(host);
  const cell = before?.cell ?? scene.cells[0];
  if (!cell) return;
  const { height, width } = sizeOf(scene);
  go(before ?? { scene, cell, row: height >> 1, column: width >> 1 });
}

/** @param {string} key */
function step(key) {
  if (!spot) return;
  const { scene, cell, row, column } = spot;
  const across = inRow(scene);
  const sizes = { cells: scene.cells.length, across, ...sizeOf(scene) };
  const to = stepped({ cell: scene.cells.indexOf(cell), row, column }, key, sizes);
  const next = scene.cells[to.cell];
  if (next) go({ scene, cell: next, row: to.row, column: to.column });
}

/** @param {Scene} scene */
function sizeOf(scene) {
  return /** @type {import("./hit-testing.js").Part} */ (scene.parts[0]).maps();
}

/** @param {Spot} to */
function go(to) {
  spot = to;
  left.set(to.scene.host, to);
  const { top, height } = boxOf(to.cell);
  if (top < 0 || top + height > innerHeight) scrollBy({ top: top - innerHeight / 3 });
  readout.show(to);
  clearTimeout(saying);
  saying = window.setTimeout(() => {
    said.textContent = inWords(to);
  }, QUIET);
}

/** @param {Spot} to */
function inWords({ scene, cell, row, column }) {
  const values = scene.parts.map(({ symbol, maps }) =>
    `${symbol} ${valueAt(maps(), cell.filter, row, column)}`.trim());
  return `${where(cell.filter, row, column)}: ${values.join(", ")}`;
}

function leave() {
  if (!spot) return;
  spot = undefined;
  clearTimeout(saying);
  said.textContent = "";
  readout.hide();
}
