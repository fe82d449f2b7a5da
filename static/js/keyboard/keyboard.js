// @ts-check
/**
 * Carries out keyboard shortcuts, and leaves keys alone that something else on the page uses.
 * @module
 */

import { ROOT } from "../address.js";
import { blockToggle, moveFocus, moveToLayer, siblingLink } from "./focus.js";
import { actionOf, areShortcutsEnabled, showShortcuts } from "./shortcuts.js";
import { zoom } from "./zoom.js";

/**
 * A page of one digit: `rest` is what follows the digit in its path.
 * @typedef {{ network: string, digit: string, rest: string }} DigitPath
 * @typedef {{ name: string, shape: number[] }} Layer
 */

const INPUTS = "input, textarea, select, [contenteditable], dialog";
const USES_ARROWS = ".scroll[tabindex], canvas[tabindex], [role=slider]";
const GROUPS = ".samples, .tiles, .maps-section, .parts";
const STATUS_ID = "keyboard-status";
const PAGE_SCROLL = 0.9; // of the window's height, as browsers scroll by Page Up and Page Down

/**
 * @param {KeyboardEvent} event
 * @param {{ stoppedScrolling?: boolean }} [options] whether the page already prevented the default
 */
export function handleKey(event, { stoppedScrolling = false } = {}) {
  const isHandled = event.defaultPrevented && !stoppedScrolling;
  if (isHandled || event.isComposing || !areShortcutsEnabled()) return;
  const target = event.target instanceof Element ? event.target : undefined;
  if (target?.closest(INPUTS) || document.querySelector("dialog[open]")) return;
  const action = actionOf(event);
  if (action?.name === "move" && target?.closest(USES_ARROWS)) return;
  if (action && perform(action)) event.preventDefault();
  else if (stoppedScrolling) {
    scrollBy(0, (event.key === "PageUp" ? -PAGE_SCROLL : PAGE_SCROLL) * innerHeight);
  }
}

/**
 * @param {import("./shortcuts.js").Action} action
 * @returns {boolean} whether it did anything
 */
function perform(action) {
  switch (action.name) {
    case "move":
      return move(action.direction);
    case "layer":
      return changeLayer(action.by);
    case "digit":
      void changeDigit(action.by);
      return true;
    case "mistake":
      return click(siblingLink(action.by, ".mistakes"));
    case "normalize":
    case "palette":
      return chooseNext(action.name);
    case "block":
      return click(blockToggle());
    case "zoom":
      zoom();
      return true;
    case "help":
      showShortcuts();
      return true;
  }
}

/** @param {import("./shortcuts.js").Direction} direction */
function move(direction) {
  if (moveFocus(direction)) return true;
  if (document.activeElement?.closest(GROUPS)) return false;
  if (direction === "left") return click(siblingLink(-1));
  return direction === "right" && click(siblingLink(1));
}

/** @param {1 | -1} by */
function changeLayer(by) {
  if (moveToLayer(by)) return true;
  const page = currentPage();
  if (page?.rest.includes("/filters/")) {
    const layers = `${ROOT}/api/v1/networks/${page.network}/layers`;
    void fetchOnce(layers).then((all) => openPath(filterInNextLayer(page, all, by)));
    return true;
  }
  return click(siblingLink(by));
}

/** @param {1 | -1} by */
async function changeDigit(by) {
  const page = currentPage();
  const form = /** @type {HTMLElement | null} */ (document.querySelector("form[data-draw]"));
  if (!page && !form) return;
  /** @type {{ id: string }[]} */
  const samples = await fetchOnce(`${ROOT}/api/v1/samples`);
  if (page) {
    openPath(pathOfNextSample(page, samples, by));
    return;
  }
  const { digit = "", page: address = "" } = form?.dataset ?? {};
  const ids = samples.map((sample) => sample.id);
  const next = cycle(ids, ids.indexOf(digit), by);
  if (next) location.assign(address.replace(`digit=${digit}`, `digit=${next}`));
}

/** @param {"normalize" | "palette"} name */
function chooseNext(name) {
  const select = document.querySelector(`[data-options] select[name=${name}]`);
  if (!(select instanceof HTMLSelectElement)) return false;
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  const label = select.labels[0]?.firstChild?.textContent?.trim() ?? name;
  announce(`${label}: ${select.selectedOptions[0]?.text ?? ""}`);
  select.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

/** @param {Element | null | undefined} link */
function click(link) {
  link?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
  return Boolean(link);
}

/** @param {string | undefined} path */
function openPath(path) {
  if (path) location.assign(ROOT + path + location.search);
}

/** @param {string} text */
function announce(text) {
  let status = document.getElementById(STATUS_ID);
  if (!status) {
    const attributes = { id: STATUS_ID, className: "visually-hidden" };
    status = Object.assign(document.createElement("p"), attributes);
    status.setAttribute("role", "status");
    document.body.append(status);
  }
  status.textContent = text;
}

/** The current page; the home page counts as that of the sample it shows. */
function currentPage() {
  const sample = /** @type {HTMLAnchorElement | null} */ (
    document.querySelector(".samples a[aria-current]")
  );
  const page = parsePath(location.pathname.slice(ROOT.length));
  return page ?? (sample ? parsePath(sample.pathname.slice(ROOT.length)) : undefined);
}

/**
 * @param {string} path
 * @returns {DigitPath | undefined} undefined for a page of no single digit
 */
export function parsePath(path) {
  const match = /^\/networks\/([^/]+)\/digits\/([^/]+)(.*)$/.exec(path);
  const [, network, digit, rest] = match ?? [];
  return network && digit ? { network, digit, rest: rest ?? "" } : undefined;
}

/**
 * The item so many steps from the current one, cyclically; the first or last without a current one.
 * @template T
 * @param {readonly T[]} items
 * @param {number} current index, -1 for none
 * @param {1 | -1} by
 * @returns {T | undefined}
 */
export function cycle(items, current, by) {
  if (current < 0) return items.at(by > 0 ? 0 : -1);
  return items[(current + by + items.length) % items.length];
}

/**
 * The same page for the next or previous sample.
 * @param {DigitPath} page
 * @param {readonly { id: string }[]} samples
 * @param {1 | -1} by
 */
export function pathOfNextSample(page, samples, by) {
  const ids = samples.map((sample) => sample.id);
  const next = cycle(ids, ids.indexOf(page.digit), by);
  return next && `/networks/${page.network}/digits/${next}${page.rest}`;
}

/**
 * The filter of the same index in the next or previous layer, or that layer's last filter.
 * @param {DigitPath} page of a filter
 * @param {readonly Layer[]} layers in forward order
 * @param {1 | -1} by
 */
export function filterInNextLayer(page, layers, by) {
  const [, name, index] = /^\/layers\/([^/]+)\/filters\/(\d+)$/.exec(page.rest) ?? [];
  if (!name) return undefined;
  const next = layers[layers.findIndex((layer) => layer.name === decodeURIComponent(name)) + by];
  if (!next) return undefined;
  const filter = Math.min(Number(index), (next.shape.at(-1) ?? 1) - 1);
  const base = `/networks/${page.network}/digits/${page.digit}`;
  return `${base}/layers/${encodeURIComponent(next.name)}/filters/${filter}`;
}

/** @param {string} address */
async function fetchJson(address) {
  const response = await fetch(address);
  if (!response.ok) throw new TypeError(`The server answered ${response.status}.`);
  return response.json();
}

/** Answers of the API by address. @type {Map<string, Promise<any>>} */
const answers = new Map();

/** @param {string} address of the API */
function fetchOnce(address) {
  const answer = answers.get(address) ?? fetchJson(address);
  answers.set(address, answer);
  answer.catch(() => answers.delete(address));
  return answer;
}
