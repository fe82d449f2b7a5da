// @ts-check
/**
 * Does what a key asks for. Loaded on the first press; keys that someone else has a use for stay
 * theirs.
 * @module
 */

import { besideLink, blockSwitch, move, movePicture } from "./focus.js";
import { actionOf, enabled, help } from "./shortcuts.js";
import { zoom } from "./zoom.js";

const DRAWING = "form[data-draw]:not([hidden])"; // a key must not lead away from it
const TYPED = "input, textarea, select, [contenteditable], dialog";
const ROLLED = ".scroll[tabindex], canvas[tabindex], [role=slider]"; // arrows are theirs
const LEADING = new Set(["layer", "digit", "block"]);
const STATUS = "keyboard-status";

/** @param {string} text */
function say(text) {
  let line = document.getElementById(STATUS);
  if (!line) {
    line = Object.assign(document.createElement("p"), { id: STATUS, className: "visually-hidden" });
    line.setAttribute("role", "status");
    document.body.append(line);
  }
  line.textContent = text;
}

/** @param {string | undefined} path */
function go(path) {
  if (path) location.assign(path + location.search);
  return path !== undefined;
}

/** The page under way; the home page is that of the sample it shows. */
function here() {
  const current = /** @type {HTMLAnchorElement | null} */ (
    document.querySelector(".samples a[aria-current]")
  );
  return placeOf(location.pathname) ?? (current ? placeOf(current.pathname) : undefined);
}

/** @param {1 | -1} by */
async function changeDigit(by) {
  const place = here();
  if (place) go(besideDigit(place, await ask("/api/v1/samples"), by));
}

/** @param {1 | -1} by */
function changeLayer(by) {
  if (movePicture(by)) return true;
  const place = here();
  if (place?.rest.includes("/filters/")) {
    const layers = `/api/v1/networks/${place.network}/layers`;
    void ask(layers).then((all) => go(besideFilter(place, all, by)));
    return true;
  }
  return follow(besideLink(by));
}

/** @param {HTMLAnchorElement | null | undefined} link */
function follow(link) {
  link?.click();
  return Boolean(link);
}

/** @param {"normalize" | "palette"} name */
function choose(name) {
  const select = document.querySelector(`[data-choosers] select[name=${name}]`);
  if (!(select instanceof HTMLSelectElement)) return false;
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  const words = select.labels[0]?.firstChild?.textContent?.trim() ?? name;
  say(`${words}: ${select.selectedOptions[0]?.text ?? ""}`);
  select.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

/**
 * @param {import("./shortcuts.js").Action} action
 * @returns {boolean} whether anything was done
 */
function act(action) {
  switch (action.does) {
    case "move":
      if (move(action.to)) return true;
      if (document.activeElement?.closest(".samples, .tiles, .maps-section, .parts")) return false;
      if (action.to === "left") return follow(besideLink(-1));
      return action.to === "right" && follow(besideLink(1));
    case "layer":
      return changeLayer(action.by);
    case "digit":
      void changeDigit(action.by);
      return true;
    case "normalize":
    case "palette":
      return choose(action.does);
    case "block":
      return follow(blockSwitch());
    case "zoom":
      void zoom();
      return true;
    case "help":
      help();
      return true;
  }
}

/**
 * @param {KeyboardEvent} event
 * @param {{ held?: boolean }} [how] `held`: the page kept the key from scrolling
 */
export function press(event, { held = false } = {}) {
  if ((event.defaultPrevented && !held) || event.isComposing || !enabled()) return;
  const target = event.target instanceof Element ? event.target : undefined;
  if (target?.closest(TYPED) || document.querySelector("dialog[open]")) return;
  const action = actionOf(event);
  if (action?.does === "move" && target?.closest(ROLLED)) return;
  if (action && LEADING.has(action.does) && document.querySelector(DRAWING)) return;
  if (action && act(action)) event.preventDefault();
  else if (held) scrollBy(0, (event.key === "PageUp" ? -0.9 : 0.9) * innerHeight);
}

/**
 * @typedef {{ network: string, digit: string, rest: string }} Place
 * @typedef {{ name: string, shape: number[] }} Layer
 */

/**
 * @param {string} path
 * @returns {Place | undefined}
 */
export function placeOf(path) {
  const found = /^\/networks\/([^/]+)\/digits\/([^/]+)(.*)$/.exec(path);
  const [, network, digit, rest] = found ?? [];
  return network && digit ? { network, digit, rest: rest ?? "" } : undefined;
}

/**
 * The one that many steps on, round and round; the first or last where the current is not listed.
 * @template T
 * @param {readonly T[]} all
 * @param {number} current place of the current one, -1 for none
 * @param {1 | -1} by
 * @returns {T | undefined}
 */
export function step(all, current, by) {
  if (current < 0) return all.at(by > 0 ? 0 : -1);
  return all[(current + by + all.length) % all.length];
}

/**
 * The same page of the next sample.
 * @param {Place} place
 * @param {readonly { id: string }[]} samples
 * @param {1 | -1} by
 */
export function besideDigit(place, samples, by) {
  const ids = samples.map((sample) => sample.id);
  const next = step(ids, ids.indexOf(place.digit), by);
  return next && `/networks/${place.network}/digits/${next}${place.rest}`;
}

/**
 * The filter of the same index in the layer before or after, or its last one.
 * @param {Place} place of a filter's page
 * @param {readonly Layer[]} layers in forward order
 * @param {1 | -1} by
 */
export function besideFilter(place, layers, by) {
  const [, name, index] = /^\/layers\/([^/]+)\/filters\/(\d+)$/.exec(place.rest) ?? [];
  const next = layers[layers.findIndex((layer) => layer.name === name) + by];
  if (!name || !next) return undefined;
  const filter = Math.min(Number(index), (next.shape.at(-1) ?? 1) - 1);
  const base = `/networks/${place.network}/digits/${place.digit}`;
  return `${base}/layers/${next.name}/filters/${filter}`;
}

/** @type {Map<string, Promise<any>>} */
const asked = new Map();

/** @param {string} address of the API */
export function ask(address) {
  const answer = asked.get(address) ?? fetch(address).then((response) => response.json());
  asked.set(address, answer);
  answer.catch(() => asked.delete(address));
  return answer;
}
