// @ts-check
/**
 * Shows the value under the mouse, or under a finger that rests on a map and then moves.
 * @module
 */

import { TARGETS, cachedHitTarget, forgetHitTargets, hrefOf, valueAtPoint } from "./hit-testing.js";
import { CHANGED } from "../swap.js";
import { tooltip } from "./tooltip.js";

/** @typedef {import("./hit-testing.js").ValuePosition} ValuePosition */

const MAPS = "picture, svg.map-panel, [data-block-table] .map-panel";
const LONG_PRESS_MS = 450;
const LONG_PRESS_TOLERANCE_PX = 10;
const WIDE_WINDOW = "(min-width: 1900px)";
/** Attribute of a link that leads to a value: its own address. */
const ORIGINAL_HREF = "data-home";

/**
 * A finger that may become a long press.
 * @type {{ x: number, y: number, timer: number } | undefined}
 */
let pressed;
/** Whether a finger reads values, after a long press. */
let isExploring = false;
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
  if (position) tooltip.show(position);
  else if (!isExploring) tooltip.hide(); // a finger keeps the last value while it crosses a gap
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
  const under = isExploring ? document.elementFromPoint(x, y) : event.target;
  const element = mapsElement(under);
  if (!element && !tooltip.position) return;
  const position = await showAt(element, x, y);
  if (under instanceof Element && !isExploring) setClickTarget(under, position);
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

/**
 * Open the page of the clicked value. Links do so themselves, and on a filter's page unit.js
 * explains the value in place.
 * @param {Event} event
 */
function openClickedValue({ target }) {
  const { position } = tooltip;
  const isHandled = target instanceof Element && target.closest("a, .filter-figure");
  if (mapsElement(target) && position && !isHandled) location.assign(hrefOf(position));
}

/** @param {Event} event */
function isTap(event) {
  return event instanceof PointerEvent && event.type === "click" && event.pointerType === "touch";
}

/** Let a tap on a map lead where a click does: to the value under it. @param {Event} event */
function handleTap(event) {
  if (!isTap(event) || event.defaultPrevented || !mapsElement(event.target)) return;
  if (event.target instanceof Element && event.target.closest(".filter-figure")) return;
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
  else if (position) location.assign(hrefOf(position));
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
  document.addEventListener(CHANGED, forgetHitTargets);
  matchMedia(WIDE_WINDOW).addEventListener("change", () => {
    forgetHitTargets(); // grids have another zoom now
  });
  if (first instanceof PointerEvent) void handleFirst(first);
}

/** @param {PointerEvent} event */
async function handleFirst(event) {
  if (isTap(event)) {
    await followTap(event);
    return;
  }
  if (event.pointerType === "touch") {
    handlePress(event);
    return;
  }
  await handleMove(event);
  if (event.type === "click") openClickedValue(event);
}
