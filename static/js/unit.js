// @ts-check
/**
 * Shows how another value of the map comes about without leaving the page.
 * @module
 */

import { pageAt } from "./swap.js";

const SECTION = "#unit";
const MARK = ".one-map .here";

/** Watch the map and the section that explains one of its values. */
export function watch() {
  const view = document.querySelector(".view");
  const said = document.createElement("p");
  said.className = "visually-hidden";
  said.setAttribute("role", "status");
  view?.append(said);
  /** @param {string} address */
  const show = (address) => void go(address, said);
  document.querySelector(".one-map")?.addEventListener("click", (event) => {
    const place = event instanceof MouseEvent ? pointed(event) : undefined;
    if (place) show(addressOf(location.href, place));
  });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest(`${SECTION} a`) : null;
    if (!(link instanceof HTMLAnchorElement) || !isPlain(event)) return;
    if (link.pathname !== location.pathname) return;
    event.preventDefault();
    show(link.href);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.closest(SECTION)) return;
    event.preventDefault();
    show(addressOf(location.href, String(new FormData(form).get("at"))));
  });
  document.addEventListener("invalid", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || !field.closest(SECTION)) return;
    event.preventDefault();
    refuse(field);
  }, { capture: true });
}

/** Say beside the field which places there are, and let it be mended. @param {HTMLInputElement} field */
function refuse(field) {
  const line = document.querySelector(`${SECTION} .refusal`);
  if (line) line.textContent = `There is no such place on this map. ${field.title}`;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

/** @param {MouseEvent} event */
function isPlain(event) {
  return event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
}

/**
 * The place of the map under the pointer.
 * @param {MouseEvent} event
 */
function pointed({ clientX, clientY }) {
  const mark = document.querySelector(MARK);
  if (!(mark instanceof SVGSVGElement)) return undefined;
  const box = mark.getBoundingClientRect();
  const { width, height } = mark.viewBox.baseVal;
  const [x, y] = [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  return placeAt(x, y, height, width);
}

/** @type {AbortController | undefined} */
let under;

/**
 * Take the section over from the page of an address; go there where that fails.
 * @param {string} address
 * @param {HTMLElement} said
 */
async function go(address, said) {
  under?.abort();
  const { signal } = (under = new AbortController());
  document.querySelector(SECTION)?.setAttribute("aria-busy", "true");
  try {
    takeOver(await pageAt(address, signal));
    history.replaceState(history.state, "", address.replace(/#.*/, ""));
    said.textContent = document.querySelector(`${SECTION} .worked-value`)?.textContent ?? "";
  } catch {
    if (!signal.aborted) location.assign(address);
  }
}

/**
 * What has the focus in the section keeps it.
 * @param {Document} page
 */
function takeOver(page) {
  const held = nameOf(document.activeElement);
  for (const part of [SECTION, MARK]) {
    const [old, fresh] = [document.querySelector(part), page.querySelector(part)];
    if (old && fresh) old.replaceWith(document.adoptNode(fresh));
  }
  if (!held) return;
  const alike = [...document.querySelectorAll(`${SECTION} :is(a, input, button)`)];
  const next = alike.find((element) => nameOf(element) === held);
  if (next instanceof HTMLElement) next.focus({ preventScroll: true });
}

/**
 * @param {Element | null} element
 * @returns {string | null | undefined}
 */
function nameOf(element) {
  if (!element?.closest(SECTION)) return undefined;
  return element.getAttribute("aria-label") ?? element.getAttribute("name") ?? element.textContent;
}

/**
 * The row and column at a point, as an address has them; nothing beyond the map.
 * @param {number} x share of the map's width, 0 to 1
 * @param {number} y share of its height
 * @param {number} rows
 * @param {number} columns
 * @returns {string | undefined}
 */
export function placeAt(x, y, rows, columns) {
  const [row, column] = [Math.floor(y * rows), Math.floor(x * columns)];
  const inside = row >= 0 && row < rows && column >= 0 && column < columns;
  return inside ? `${row},${column}` : undefined;
}

/**
 * The address of the same page about another place.
 * @param {string} address
 * @param {string} place
 * @returns {string}
 */
export function addressOf(address, place) {
  const there = new URL(address);
  const kept = [...there.searchParams].filter(([name]) => name !== "at" && name !== "channel");
  const query = [...kept, ["at", place]].map(([name, value]) => `${name}=${value}`).join("&");
  return `${there.origin}${there.pathname}?${query}`;
}
