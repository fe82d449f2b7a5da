// @ts-check
/**
 * Shows the value under the mouse, or under a finger that rests on a map and then moves.
 * @module
 */

import {
  TARGETS, cachedHitTarget, follow, forgetHitTargets, hrefOf, valueAtPoint,
} from "./hit-testing.js";
import { CHANGED } from "../swap.js";
import { tooltip } from "./tooltip.js";

/** @typedef {import("./hit-testing.js").ValuePosition} ValuePosition */

const MAPS = "picture, svg.map-panel, [data-block-table] .map-panel";
const LONG_PRESS_MS = 450;
const LONG_PRESS_TOLERANCE_PX = 10;
/** Attribute of a link that leads to a value: its own address. */
const ORIGINAL_HREF = "data-home";

/**
 * A finger that may become a long press.
 * @type {{ x: number, y: number, timer: number } | undefined}
 */
let pressed;
/** Whether a finger reads values, after a long press. */
let isExploring = false;
/**
 * What was read last at a point of the window.
 * @type {{ position: ValuePosition, x: number, y: number } | undefined}
 */
let reading;
/** Number of the newest movement; what an older one was waiting for is not shown. */
let newest = 0;

/** @param {EventTarget | null} eventTarget */
function mapsElement(eventTarget) {
  const map = eventTarget instanceof Element ? eventTarget.closest(MAPS) : null;
  const element = map?.closest(TARGETS);
  return element instanceof HTMLElement ? element : undefined;
}

/**
 * Show the value at a point of the window.
 * @param {HTMLElement | undefined} element with maps
 * @param {number} x
 * @param {number} y
 * @returns {Promise<ValuePosition | undefined>}
 */
async function showAt(element, x, y) {
  const number = newest += 1;
  const target = element && (await cachedHitTarget(element).catch(() => undefined));
  if (number !== newest) return undefined;
  const position = target && valueAtPoint(target, x, y);
  if (position) {
    tooltip.show(position);
    reading = { position, x, y };
  } else if (!isExploring) tooltip.hide(); // a finger keeps the last value while it crosses a gap
  return position;
}

/**
 * Let the link under the pointer lead to a value, and every other link to its own address.
 * @param {Element} element under the pointer
 * @param {ValuePosition | undefined} position
 */
function setClickTarget(element, position) {
  const link = element.closest("a");
  for (const changed of document.querySelectorAll(`a[${ORIGINAL_HREF}]`)) {
    if (changed === link && position) continue;
    changed.setAttribute("href", changed.getAttribute(ORIGINAL_HREF) ?? "");
    changed.removeAttribute(ORIGINAL_HREF);
  }
  if (!position || !link) return;
  if (!link.hasAttribute(ORIGINAL_HREF)) {
    link.setAttribute(ORIGINAL_HREF, link.getAttribute("href") ?? "");
  }
  link.setAttribute("href", hrefOf(position));
}

/** @param {PointerEvent} event */
async function handleMove(event) {
  const { clientX: x, clientY: y } = event;
  if (pressed && Math.hypot(x - pressed.x, y - pressed.y) > LONG_PRESS_TOLERANCE_PX) cancelPress();
  if (event.pointerType === "touch" && !isExploring) return;
  await showUnder(isExploring ? document.elementFromPoint(x, y) : event.target, x, y);
}

/**
 * Show the value at a point of the window, and let a click lead to it.
 * @param {EventTarget | null} under what is at the point
 * @param {number} x
 * @param {number} y
 */
async function showUnder(under, x, y) {
  const element = mapsElement(under);
  if (!element && !tooltip.position) {
    newest += 1; // values that are on their way come too late
    return;
  }
  const position = await showAt(element, x, y);
  if (under instanceof Element && !isExploring) setClickTarget(under, position);
}

/** Read the maps that are there now, unless something else than a pointer reads them. */
function readAgain() {
  forgetHitTargets();
  if (!reading || tooltip.position !== reading.position) return;
  const { x, y } = reading;
  void showUnder(document.elementFromPoint(x, y), x, y);
}

/** @param {PointerEvent} event */
function handlePress(event) {
  cancelPress();
  isExploring = false;
  if (event.pointerType !== "touch") return;
  tooltip.hide();
  const element = mapsElement(event.target);
  if (!element) return;
  const { clientX: x, clientY: y } = event;
  const timer = window.setTimeout(() => {
    isExploring = true;
    void showAt(element, x, y);
  }, LONG_PRESS_MS);
  pressed = { x, y, timer };
}

function cancelPress() {
  clearTimeout(pressed?.timer);
  pressed = undefined;
}

/**
 * A finger that reads values must not scroll, open a menu or follow a link.
 * @param {Event} event
 */
function suppressWhileExploring(event) {
  if (isExploring) event.preventDefault();
}

/** Open the page of the clicked value; links do so themselves. @param {Event} event */
function openClickedValue(event) {
  const { position } = tooltip;
  const isLink = event.target instanceof Element && event.target.closest("a");
  if (!mapsElement(event.target) || isLink || isExplainedInPlace(event)) return;
  if (position) follow(hrefOf(position));
}

/** @param {Event} event */
function isTap(event) {
  return event instanceof PointerEvent && event.type === "click" && event.pointerType === "touch";
}

/** On a filter's page unit.js explains the value. @param {Event} event */
function isExplainedInPlace({ target }) {
  return target instanceof Element && target.closest(".filter-figure") !== null;
}

/** Let a tap on a map lead where a click does: to the value under it. @param {Event} event */
function handleTap(event) {
  if (!isTap(event) || event.defaultPrevented || !mapsElement(event.target)) return;
  if (isExplainedInPlace(event)) return;
  event.preventDefault();
  void followTap(/** @type {PointerEvent} */ (event));
}

/** @param {PointerEvent} tap whose link is not followed by the browser */
async function followTap({ target, clientX, clientY }) {
  const element = mapsElement(target);
  if (!element || !(target instanceof Element)) return;
  const hit = await cachedHitTarget(element).catch(() => undefined);
  const position = hit && valueAtPoint(hit, clientX, clientY);
  setClickTarget(target, position);
  const link = target.closest("a");
  if (link instanceof HTMLElement) link.click();
  else if (position) follow(hrefOf(position));
}

/**
 * Watch every map of the page.
 * @param {Event | undefined} first the event that this module was loaded for
 */
export function watchMaps(first) {
  document.addEventListener("pointermove", (event) => void handleMove(event));
  document.addEventListener("pointerdown", handlePress);
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, cancelPress);
  document.documentElement.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") void showAt(undefined, 0, 0); // a lifted finger leaves too
  });
  for (const name of ["touchmove", "contextmenu", "click", "dragstart"]) {
    document.addEventListener(name, suppressWhileExploring, { capture: true, passive: false });
  }
  document.addEventListener("click", handleTap, { capture: true });
  document.addEventListener("click", openClickedValue);
  document.addEventListener(CHANGED, readAgain);
  addEventListener("resize", forgetHitTargets); // grids may have another zoom now
  if (first instanceof PointerEvent) void handleFirst(first);
}

/** @param {PointerEvent} event */
async function handleFirst(event) {
  if (isTap(event)) {
    if (!isExplainedInPlace(event)) await followTap(event);
    return;
  }
  if (event.pointerType === "touch") {
    handlePress(event);
    return;
  }
  await handleMove(event);
  if (event.type === "click") openClickedValue(event);
}
