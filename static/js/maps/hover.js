// @ts-check
/**
 * Says the value under the mouse, or under a finger that rests on a map and then moves.
 * @module
 */

import { HOSTS, pageOf, sceneOf, spotAt } from "./hit-testing.js";
import { readout } from "./tooltip.js";

/** @typedef {import("./hit-testing.js").Scene} Scene */
/** @typedef {import("./hit-testing.js").Spot} Spot */

const LONG_PRESS = 450; // milliseconds
const STILL = 10; // pixels that a resting finger may move

/** @type {WeakMap<HTMLElement, Promise<Scene>>} */
let scenes = new WeakMap();
/** The link that a place is written into; where it led before is in an attribute of it. */
const LED = "data-home";
/** @type {{ x: number, y: number, timer: number } | undefined} */
let pressed;
let exploring = false;
/** Counts movements, so that one that was waited for is not shown after a later one. */
let turn = 0;

/** @param {EventTarget | null} target */
function hostOf(target) {
  const map = target instanceof Element ? target.closest("picture.plate, svg.plate, .sheet, [data-strip] .plate") : null;
  const host = map?.closest(HOSTS);
  return host instanceof HTMLElement ? host : undefined;
}

/** @param {HTMLElement} host */
export function sceneFor(host) {
  const known = scenes.get(host) ?? sceneOf(host);
  scenes.set(host, known);
  known.catch(() => scenes.delete(host));
  return known;
}

/**
 * Show what is at a point of the window.
 * @param {HTMLElement | undefined} host
 * @param {number} x
 * @param {number} y
 * @returns {Promise<Spot | undefined>}
 */
async function pointAt(host, x, y) {
  const mine = turn += 1;
  const scene = host && (await sceneFor(host).catch(() => undefined));
  if (mine !== turn) return undefined;
  const spot = scene && spotAt(scene, x, y);
  if (spot) readout.show(spot);
  else if (!exploring) readout.hide(); // a finger keeps the last value over a gap
  return spot;
}

/** A click leads to the place that is pointed at. @param {Element} target @param {Spot | undefined} spot */
function lead(target, spot) {
  const link = target.closest("a");
  for (const led of document.querySelectorAll(`a[${LED}]`)) {
    if (led === link && spot) continue;
    led.setAttribute("href", led.getAttribute(LED) ?? "");
    led.removeAttribute(LED);
  }
  if (!spot || !link) return;
  if (!link.hasAttribute(LED)) link.setAttribute(LED, link.getAttribute("href") ?? "");
  link.setAttribute("href", hrefOf(spot));
}

/** @param {Spot} spot */
export function hrefOf({ scene, cell, row, column }) {
  return pageOf(scene.parts[cell.part]?.filterHref ?? "", cell.filter, row, column);
}

/** @param {PointerEvent} event */
async function move(event) {
  if (pressed && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > STILL) release();
  if (event.pointerType === "touch" && !exploring) return;
  const under = exploring ? document.elementFromPoint(event.clientX, event.clientY) : event.target;
  const host = hostOf(under);
  if (!host && !readout.spot) return;
  const spot = await pointAt(host, event.clientX, event.clientY);
  if (under instanceof Element && !exploring) lead(under, spot);
}

/** @param {PointerEvent} event */
function press(event) {
  release();
  exploring = false;
  if (event.pointerType !== "touch") return;
  readout.hide();
  const host = hostOf(event.target);
  if (!host) return;
  const { clientX: x, clientY: y } = event;
  const timer = window.setTimeout(() => {
    exploring = true;
    void pointAt(host, x, y);
  }, LONG_PRESS);
  pressed = { x, y, timer };
}

function release() {
  clearTimeout(pressed?.timer);
  pressed = undefined;
}

/** While a finger reads values it neither scrolls, nor opens a menu, nor follows a link. @param {Event} event */
function hold(event) {
  if (exploring) event.preventDefault();
}

/**
 * Where no link stands around a map a click on it leads to the place as well; on the page of the
 * filter the section below follows it.
 * @param {MouseEvent} event
 */
function follow(event) {
  const host = hostOf(event.target);
  const led = event.target instanceof Element && event.target.closest("a, .one-filter");
  if (host && readout.spot && !led) location.assign(hrefOf(readout.spot));
}

/**
 * Watch every map of the page.
 * @param {Event | undefined} first what is under way already
 */
export function watch(first) {
  document.addEventListener("pointermove", (event) => void move(event));
  document.addEventListener("pointerdown", press);
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, release);
  document.documentElement.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") void pointAt(undefined, 0, 0); // a lifted finger shows it
  });
  for (const name of ["touchmove", "contextmenu", "click", "dragstart"]) {
    document.addEventListener(name, hold, { capture: true, passive: false });
  }
  document.addEventListener("click", follow);
  matchMedia("(max-width: 719px)").addEventListener("change", () => {
    scenes = new WeakMap(); // grids have another zoom now
  });
  if (!(first instanceof PointerEvent)) return;
  if (first.pointerType === "touch") press(first);
  else void move(first);
}
