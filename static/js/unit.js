// @ts-check
/**
 * Shows the computation of another value of the map without leaving the page.
 * @module
 */

import { queryWithoutPosition } from "./address.js";
import { announce, isPlainClick, showPage } from "./swap.js";

const SECTION = "#unit";
const MARKER = ".filter-map .marker";
/** What else shows a value in passing. */
const PARTS = "[data-unit-part]";

/**
 * The row and column at a point, as the address has them.
 * @param {number} x share of the map's width, 0 to 1
 * @param {number} y share of its height
 * @param {number} rows
 * @param {number} columns
 * @returns {string | undefined} undefined outside of the map
 */
export function positionAt(x, y, rows, columns) {
  const [row, column] = [Math.floor(y * rows), Math.floor(x * columns)];
  const isInside = row >= 0 && row < rows && column >= 0 && column < columns;
  return isInside ? `${row},${column}` : undefined;
}

/**
 * The address of the same page for another position.
 * @param {string} position
 * @param {string} [address] of the page
 * @returns {string}
 */
export function addressWithPosition(position, address = location.href) {
  const url = new URL(address);
  const query = queryWithoutPosition(url.search);
  return `${url.origin}${url.pathname}?${query && `${query}&`}at=${position}`;
}

/** Handle links, forms and invalid fields of the section. */
export function watchSection() {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest(`${SECTION} a`) : null;
    if (!(link instanceof HTMLAnchorElement) || !isPlainClick(event)) return;
    if (link.pathname !== location.pathname) return;
    event.preventDefault();
    void showUnit(link.href.replace(/#.*/, ""));
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.closest(SECTION)) return;
    event.preventDefault();
    void showUnit(addressWithPosition(String(new FormData(form).get("at"))));
  });
  document.addEventListener("invalid", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || !field.closest(SECTION)) return;
    event.preventDefault();
    showInvalid(field);
  }, { capture: true });
}

/**
 * The position under the pointer, as the address has it.
 * @param {MouseEvent} event
 */
function positionUnder({ clientX, clientY, target }) {
  const map = target instanceof Element && target.closest(".filter-map");
  const marker = map && map.querySelector(".marker");
  if (!(marker instanceof SVGSVGElement)) return undefined;
  const box = marker.getBoundingClientRect();
  const { width, height } = marker.viewBox.baseVal;
  const at = positionAt((clientX - box.left) / box.width, (clientY - box.top) / box.height,
    height, width);
  return marker.dataset["steps"] === undefined ? at : at?.split(",").reverse().join(",");
}

/** Explain the value under the pointer. @param {MouseEvent} event a click on the map */
export function explainClicked(event) {
  const position = positionUnder(event);
  if (position) void showUnit(addressWithPosition(position));
}

let shown = "";
let isPlaying = false;

/** Follow the pointer over the map; the address stays until one clicks. @param {PointerEvent} event */
export function followPointer(event) {
  const position = event.pointerType === "touch" ? undefined : positionUnder(event);
  if (!position || position === shown || isPlaying) return;
  shown = position;
  showPassing(() => addressWithPosition(position));
}

/** Go back to the value of the address. */
export function leaveMap() {
  if (!shown || isPlaying) return;
  shown = "";
  showPassing(() => location.href.replace(/#.*/, ""));
}

const CELLS_A_SECOND = 90;

/**
 * Slide the kernel over its input: the map fills up to the value whose window and numbers are shown,
 * all three in one change. A second press stops there.
 * @param {HTMLButtonElement} button
 */
export async function play(button) {
  const marker = document.querySelector(MARKER);
  const isPressed = () => button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!isPressed()));
  if (isPlaying || !(marker instanceof SVGSVGElement)) return;
  isPlaying = true;
  const { width, height } = marker.viewBox.baseVal;
  const cover = coverOf(marker);
  const position = (/** @type {number} */ at) => `${Math.floor(at / width)},${at % width}`;
  const { href } = location;
  const from = performance.now();
  const last = width * height - 1;
  let [current, filled] = [-1, -1];
  while (isPressed() && current < last && location.href === href) {
    const elapsed = (performance.now() - from) / 1000;
    current = Math.min(Math.floor(elapsed * CELLS_A_SECOND), last);
    const at = position(current);
    if (current === filled || !(await showUnit(() => addressWithPosition(at), "none"))) {
      await new Promise(requestAnimationFrame);
      continue;
    }
    for (; filled < current; filled += 1) {
      cover.getContext("2d")?.clearRect((filled + 1) % width, Math.floor((filled + 1) / width), 1, 1);
    }
  }
  isPlaying = false;
  cover.remove();
  const isStopped = !isPressed() && location.href === href; // another choice stops it, too
  button.setAttribute("aria-pressed", "false");
  if (isStopped && filled >= 0) void showUnit(addressWithPosition(position(filled)), "replace");
  else showPassing(() => location.href.replace(/#.*/, "")); // nobody chose the last value
}

/** What hides the values that the kernel has not come to. @param {SVGSVGElement} marker */
function coverOf(marker) {
  const { width, height } = marker.viewBox.baseVal;
  const cover = Object.assign(document.createElement("canvas"), { width, height });
  cover.className = "slide-cover";
  cover.setAttribute("data-added", "");
  marker.before(cover);
  cover.style.color = "var(--map-background)"; // as a colour that a canvas understands
  const context = cover.getContext("2d");
  if (context) context.fillStyle = getComputedStyle(cover).color;
  context?.fillRect(0, 0, width, height);
  return cover;
}

/** Say beside the field which positions exist, and focus it. @param {HTMLInputElement} field */
function showInvalid(field) {
  const line = document.querySelector(`${SECTION} .field-error`);
  if (line) line.textContent = `There is no such position on this map. ${field.title}`;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

let fetching = 0;
/** The newest passing value that waits for another. @type {(() => string) | undefined} */
let waiting;

/**
 * Show a value in passing: the address of the page stays. While one is on its way, the newest waits.
 * @param {() => string} addressOf gives it once it is asked for: the page's may have changed
 */
function showPassing(addressOf) {
  waiting = fetching ? addressOf : undefined;
  if (!waiting) void showUnit(addressOf, "none");
}

/**
 * Show the section of the page at an address.
 * @param {string | (() => string)} address
 * @param {"push" | "replace" | "none"} [history]
 * @returns {Promise<boolean>} whether it is shown
 */
async function showUnit(address, history = "push") {
  waiting = undefined;
  fetching += 1;
  const passing = { history, regions: [SECTION, MARKER, PARTS] };
  const isShown = await showPage(address, history === "none" ? passing : { history });
  fetching -= 1;
  if (!fetching && waiting) void showUnit(waiting, "none");
  if (!isShown || history === "none") return isShown;
  announce(document.querySelector(`${SECTION} .unit-value`)?.textContent ?? "");
  return isShown;
}
