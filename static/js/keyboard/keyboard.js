// @ts-check
/**
 * Carries out keyboard shortcuts, and leaves keys alone that something else on the page uses.
 * @module
 */

import { ROOT } from "../address.js";
import { cached } from "../maps/activations.js";
import { announce } from "../swap.js";
import { GROUPS, blockToggle, moveFocus, moveToLayer, siblingLink } from "./focus.js";
import { actionOf, areShortcutsEnabled, showShortcuts } from "./shortcuts.js";
import { zoom } from "./zoom.js";

const INPUTS = "input, textarea, select, [contenteditable], dialog";
const USES_ARROWS = ".scroll[tabindex], canvas[tabindex], [role=slider]";
/** Holds the links to a filter in the layers before and after. */
const LAYERS_OF_FILTER = "[data-layers]";
const PAGE_SCROLL = 0.9; // of the window's height, as browsers scroll by Page Up and Page Down

/**
 * @param {KeyboardEvent} event
 * @param {{ stoppedScrolling?: boolean }} [options] whether the page already prevented the default
 */
export function handleKey(event, { stoppedScrolling = false } = {}) {
  const isHandled = event.defaultPrevented && !stoppedScrolling;
  if (isHandled || event.isComposing) return;
  const target = event.target instanceof Element ? event.target : undefined;
  if (target?.closest(INPUTS) || document.querySelector("dialog[open]")) return;
  const action = actionOf(event);
  if (action?.name === "move" && target?.closest(USES_ARROWS)) return;
  // The samples are one tab stop: without the arrows only one of them could be reached.
  const isAllowed = areShortcutsEnabled() || (action?.name === "move" && target?.closest(".samples"));
  if (isAllowed && action && perform(action)) event.preventDefault();
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
  const isOfFilter = document.querySelector(LAYERS_OF_FILTER) !== null;
  return isOfFilter ? click(siblingLink(by, LAYERS_OF_FILTER)) : click(siblingLink(by));
}

/** @param {1 | -1} by */
async function changeDigit(by) {
  if (!digitOnPage().digit) return;
  const picker = document.querySelector("form[data-picture]")?.parentElement;
  if (picker) {
    const pictures = [...picker.querySelectorAll(".pictures a")];
    click(cycle(pictures, pictures.findIndex((link) => link.hasAttribute("aria-current")), by));
    return;
  }
  /** @type {{ id: string }[] | undefined} */
  const samples = await ask(`${ROOT}/api/v1/samples`);
  const ids = samples?.map((sample) => sample.id) ?? [];
  const { digit, address } = digitOnPage();
  const next = cycle(ids, ids.indexOf(digit), by);
  if (next) location.assign(address.replaceAll(digit, next));
}

/** The digit that the page is about, and the address of the page; a figure in a frame has no form. */
function digitOnPage() {
  const form = document.querySelector("form[data-draw]");
  const { digit, page } = form instanceof HTMLElement ? form.dataset : {};
  return {
    digit: digit ?? /\/networks\/[^/]+\/digits\/([^/]+)/.exec(location.pathname)?.[1] ?? "",
    address: page ?? location.href,
  };
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

/** @param {string} address */
async function fetchJson(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.json();
}

/** Answers of the API by address. @type {Map<string, Promise<any>>} */
const answers = new Map();

/**
 * Ask the API once; if it does not answer, say so.
 * @param {string} address
 * @returns {Promise<any>} undefined without an answer
 */
async function ask(address) {
  try {
    return await cached(answers, address, fetchJson);
  } catch (error) {
    const isAnswer = error instanceof Error && !(error instanceof TypeError);
    announce(isAnswer ? error.message : "The server cannot be reached.");
    return undefined;
  }
}
