// @ts-check
/**
 * Moves the focus over a page: from picture to picture, from filter to filter.
 * @module
 */

/** @typedef {import("./shortcuts.js").Direction} Direction */
/** @typedef {{ left: number, top: number, width: number, height: number }} Box */

/** What arrows walk over, the innermost first. */
const GROUPS = ".samples, .tiles, .parts, .filter-bars, .maps-section";
const STOPS = "a[href]:not(.branch)";
const PICTURES = ".layer-link";

/**
 * @param {ParentNode} group
 * @param {string} selector
 */
function stops(group, selector) {
  const all = /** @type {NodeListOf<HTMLElement>} */ (group.querySelectorAll(selector));
  return [...all].filter((stop) => stop.checkVisibility());
}

/** @param {HTMLElement} stop */
function arrive(stop) {
  stop.focus({ preventScroll: true });
  stop.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** @param {Element} element */
function inView(element) {
  const box = element.getBoundingClientRect();
  return box.bottom > 0 && box.top < window.innerHeight;
}

/**
 * Move within what holds the focus; without one, sideways goes to the first picture in view.
 * @param {Direction} direction
 * @returns {boolean} whether there was somewhere to go
 */
export function move(direction) {
  const active = document.activeElement;
  const group = active?.closest(GROUPS);
  if (!group || !(active instanceof HTMLElement)) {
    if (direction === "up" || direction === "down") return false;
    return enter();
  }
  const all = stops(group, group.matches(".maps-section") ? PICTURES : STOPS);
  const from = all.indexOf(active);
  if (from < 0) return false;
  const boxes = all.map((stop) => stop.getBoundingClientRect());
  const to = all[neighbour(boxes, from, direction)];
  if (!to || to === active) return false;
  arrive(to);
  return true;
}

function enter() {
  const active = document.activeElement;
  if (active !== document.body && active?.id !== "main") return false;
  const group = document.querySelector(".maps-section, .tiles");
  const all = group ? stops(group, group.matches(".maps-section") ? PICTURES : STOPS) : [];
  const first = all.find(inView) ?? all[0];
  if (first) arrive(first);
  return first !== undefined;
}

/**
 * To the picture of the layer before or after, on a page with all of them.
 * @param {1 | -1} by
 * @returns {boolean} whether there was one
 */
export function movePicture(by) {
  const group = document.querySelector(".maps-section");
  if (!group) return false;
  const all = stops(group, PICTURES);
  const active = /** @type {HTMLElement | null} */ (document.activeElement?.closest(PICTURES));
  const below = all.findIndex((stop) => stop.getBoundingClientRect().bottom > 0);
  const from = active ? all.indexOf(active) : (below < 0 ? all.length : below) - (by > 0 ? 1 : 0);
  const to = all[from + by];
  if (to) arrive(to);
  return to !== undefined;
}

/**
 * The link to the page before or after.
 * @param {1 | -1} by
 */
export function besideLink(by) {
  const rel = by > 0 ? "next" : "prev";
  return /** @type {HTMLAnchorElement | null} */ (document.querySelector(`.beside a[rel=${rel}]`));
}

/** The switch of the block that has the focus, is pointed at, or is what the page is about. */
export function blockSwitch() {
  const stage =
    document.activeElement?.closest(".stage") ?? document.querySelector(".stage:hover");
  const link = stage?.querySelector(".branch[href]") ?? document.querySelector(".switch-line a");
  return link instanceof HTMLAnchorElement ? link : undefined;
}

/** @param {Box} box */
const centre = (box) => ({ x: box.left + box.width / 2, y: box.top + box.height / 2 });

/**
 * Where an arrow leads: left and right in reading order, up and down to the nearest in the next
 * row that way.
 * @param {readonly Box[]} boxes in reading order
 * @param {number} from
 * @param {Direction} direction
 * @returns {number} place of the neighbour; `from` itself at the edge
 */
export function neighbour(boxes, from, direction) {
  if (direction === "left") return Math.max(from - 1, 0);
  if (direction === "right") return Math.min(from + 1, boxes.length - 1);
  const start = boxes[from];
  if (!start) return from;
  const here = centre(start);
  const sign = direction === "down" ? 1 : -1;
  /** @param {Box} box whether it lies in another row, that way */
  const beyond = (box) =>
    sign > 0 ? box.top >= here.y && centre(box).y > here.y : box.top + box.height <= here.y;
  /** @param {Box} box */
  const distance = (box) => {
    const there = centre(box);
    return Math.abs(there.y - here.y) * 2 + Math.abs(there.x - here.x);
  };
  const nearest = boxes
    .map((box, place) => ({ place, box }))
    .filter(({ box, place }) => place !== from && beyond(box))
    .sort((a, b) => distance(a.box) - distance(b.box))[0];
  return nearest?.place ?? from;
}
