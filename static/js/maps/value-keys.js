// @ts-check
/**
 * Reads the values of maps by keyboard: every group of maps can be focused, Enter goes in, arrows
 * move from value to value, Escape leaves.
 * @module
 */

import {
  TARGETS, cachedHitTarget, cellBox, cellsPerRow, follow, hrefOf, positionText, valueText,
} from "./hit-testing.js";
import { CHANGED, announce } from "../swap.js";
import { neighbourPosition } from "./layout.js";
import { setBox, tooltip } from "./tooltip.js";

/** @typedef {import("./hit-testing.js").HitTarget} HitTarget */
/** @typedef {import("./hit-testing.js").ValuePosition} ValuePosition */
/** @typedef {import("./layout.js").MapPosition} MapPosition */

const MAPS = "picture, .tiles, .filter-map, .map-panel";
const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
const MOVES = [...ARROWS, "Home", "End", "PageUp", "PageDown"];
const ANNOUNCE_DELAY_MS = 400; // after the last move, so that held keys do not announce every value

/** The value that the keyboard is on. @type {ValuePosition | undefined} */
let position;
/** The element whose maps the keyboard is in, or goes into. @type {HTMLElement | undefined} */
let entered;
/** Where each element was left. @type {WeakMap<Element, MapPosition>} */
const lastPositions = new WeakMap();
let timer = 0;

/** Add an element that takes the focus to every group of maps. */
export function addFocusTargets() {
  document.addEventListener(CHANGED, () => {
    addToMaps();
    if (!entered?.isConnected) leave();
    else void enter(entered, false); // its maps may be others now
  });
  addToMaps();
}

function addToMaps() {
  for (const element of document.querySelectorAll(TARGETS)) {
    const maps = element.querySelector(MAPS);
    const hasTarget = element.querySelector(":scope > .map-focus") !== null;
    if (element instanceof HTMLElement && maps && !hasTarget) {
      element.append(focusTarget(element, maps));
    }
  }
}

/**
 * @param {HTMLElement} element
 * @param {Element} maps
 */
function focusTarget(element, maps) {
  const target = document.createElement("div");
  target.className = "map-focus";
  target.setAttribute("data-added", "");
  target.tabIndex = 0;
  target.setAttribute("role", "application"); // or a screen reader would keep the arrows to itself
  target.setAttribute("aria-label", `Values of ${element.dataset["layer"] ?? "the table"}: `
    + "Enter reads them, arrows move, Escape leaves");
  target.addEventListener("focus", () => {
    const [outer, inner] = [element.getBoundingClientRect(), maps.getBoundingClientRect()];
    setBox(target, {
      left: inner.left - outer.left + element.scrollLeft,
      top: inner.top - outer.top + element.scrollTop,
      width: inner.width,
      height: inner.height,
    });
  });
  target.addEventListener("keydown", (event) => void handleKey(event, element));
  target.addEventListener("blur", leave);
  return target;
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} element
 */
async function handleKey(event, element) {
  const { key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isHandled = key === "Enter" || (position && (key === "Escape" || MOVES.includes(key)));
  if (!isHandled) return;
  event.preventDefault();
  event.stopPropagation();
  if (key === "Escape") leave();
  else if (!position) await enter(element);
  else if (key === "Enter") follow(hrefOf(position));
  else move(position, key);
}

/**
 * Go to where the element was left, or to the middle of its first map.
 * @param {HTMLElement} element
 * @param {boolean} [scrolls] into view
 */
async function enter(element, scrolls = true) {
  entered = element;
  const target = await cachedHitTarget(element).catch(() => undefined);
  if (entered !== element) return;
  if (!target?.cells.length) {
    leave();
    announce("The values could not be loaded.");
    return;
  }
  const { height, width } = mapSize(target);
  const last = lastPositions.get(element);
  const isThere = last && last.map < target.cells.length && last.row < height && last.column < width;
  show(target, isThere ? last : { map: 0, row: height >> 1, column: width >> 1 }, scrolls);
}

/**
 * @param {ValuePosition} from
 * @param {string} key
 */
function move({ target, cell, row, column }, key) {
  const cells = target.cells;
  const sizes = { maps: cells.length, perRow: cellsPerRow(target), ...mapSize(target) };
  const to = neighbourPosition({ map: cells.indexOf(cell), row, column }, key, sizes);
  show(target, to);
}

/** @param {HitTarget} target @returns {{ height: number, width: number }} */
function mapSize({ layers: [layer] }) {
  if (!layer) throw new TypeError("There are no maps to read.");
  return layer.maps;
}

/**
 * @param {HitTarget} target
 * @param {MapPosition} to
 * @param {boolean} [scrolls] into view
 */
function show(target, to, scrolls = true) {
  const { map, row, column } = to;
  const cell = target.cells[map];
  if (!cell) return;
  const shown = position = { target, cell, row, column };
  lastPositions.set(target.element, to);
  const { top, height } = cellBox(cell);
  if (scrolls && (top < 0 || top + height > innerHeight)) scrollBy({ top: top - innerHeight / 3 });
  tooltip.show(shown);
  clearTimeout(timer);
  timer = window.setTimeout(() => announce(describe(shown)), ANNOUNCE_DELAY_MS);
}

/** @param {ValuePosition} shown */
function describe({ target, cell, row, column }) {
  const values = target.layers.map(({ symbol, maps }) =>
    `${symbol} ${valueText(maps, cell.filter, row, column)}`.trim());
  const layer = target.layers[cell.layer];
  const where = layer ? positionText(layer.maps, cell.filter, row, column) : "";
  return `${where}: ${values.join(", ")}`;
}

function leave() {
  entered = undefined;
  if (!position) return;
  position = undefined;
  clearTimeout(timer);
  announce("");
  tooltip.hide();
}
