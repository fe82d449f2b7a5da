// @ts-check
/**
 * Shows the computation of another value of the map without leaving the page.
 * @module
 */

import { fetchPage, replaceRegions } from "./swap.js";

const SECTION = "#unit";
const MARKER = ".filter-map .marker";

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
 * @param {string} address
 * @param {string} position
 * @returns {string}
 */
export function addressWithPosition(address, position) {
  const url = new URL(address);
  const others = [...url.searchParams].filter(([name]) => name !== "at" && name !== "channel");
  const query = [...others, ["at", position]].map(([name, value]) => `${name}=${value}`).join("&");
  return `${url.origin}${url.pathname}?${query}`;
}

/** @type {AbortController | undefined} */
let running;
/** Announces the result to screen readers. @type {HTMLElement | undefined} */
let announcement;

/** Handle links, forms and invalid fields of the section. */
export function watchSection() {
  announcement = Object.assign(document.createElement("p"), { className: "visually-hidden" });
  announcement.setAttribute("role", "status");
  document.querySelector(".page")?.append(announcement);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest(`${SECTION} a`) : null;
    if (!(link instanceof HTMLAnchorElement) || !isPlainClick(event)) return;
    if (link.pathname !== location.pathname) return;
    event.preventDefault();
    void showUnit(link.href);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.closest(SECTION)) return;
    event.preventDefault();
    void showUnit(addressWithPosition(location.href, String(new FormData(form).get("at"))));
  });
  document.addEventListener("invalid", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || !field.closest(SECTION)) return;
    event.preventDefault();
    showInvalid(field);
  }, { capture: true });
}

/** Explain the value under the pointer. @param {MouseEvent} event a click on the map */
export function explainClicked({ clientX, clientY }) {
  const marker = document.querySelector(MARKER);
  if (!(marker instanceof SVGSVGElement)) return;
  const box = marker.getBoundingClientRect();
  const { width, height } = marker.viewBox.baseVal;
  const [x, y] = [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  const position = positionAt(x, y, height, width);
  if (position) void showUnit(addressWithPosition(location.href, position));
}

/** Say beside the field which positions exist, and focus it. @param {HTMLInputElement} field */
function showInvalid(field) {
  const line = document.querySelector(`${SECTION} .field-error`);
  if (line) line.textContent = `There is no such position on this map. ${field.title}`;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

/** @param {MouseEvent} event */
function isPlainClick(event) {
  return event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
}

/**
 * Show the section of the page at an address; open that page if this fails.
 * @param {string} address
 */
async function showUnit(address) {
  running?.abort();
  const { signal } = (running = new AbortController());
  document.querySelector(SECTION)?.setAttribute("aria-busy", "true");
  try {
    replaceRegions(await fetchPage(address, signal), [SECTION, MARKER]);
    history.replaceState(history.state, "", address.replace(/#.*/, ""));
    const result = document.querySelector(`${SECTION} .unit-value`)?.textContent ?? "";
    if (announcement) announcement.textContent = result;
  } catch {
    if (!signal.aborted) location.assign(address);
  }
}
