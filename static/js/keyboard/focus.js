// @ts-check
/**
 * Moves the focus between the links of a group by arrow keys, and finds the links that keys press.
 * @module
 */

/** @typedef {import("./shortcuts.js").Direction} Direction */
/** @typedef {{ left: number, top: number, width: number, height: number }} Box */

/** Groups of links, inner ones first. */
export const GROUPS = ".samples, .tiles, .parts, .maps-section";
const LINKS = "a[href]";
const LAYER_LINKS = ".layer-link";
const ROW_DISTANCE_WEIGHT = 2; // a link below beats one that is as far to the side

/**
 * The links of a group that are shown.
 * @param {Element} group
 */
function linksOf(group) {
  const selector = group.matches(".maps-section") ? LAYER_LINKS : LINKS;
  const links = /** @type {NodeListOf<HTMLElement>} */ (group.querySelectorAll(selector));
  return [...links].filter((link) => link.checkVisibility());
}

/** @param {HTMLElement} link */
function focusOn(link) {
  link.focus({ preventScroll: true });
  link.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** @param {Element} element */
function isInView(element) {
  const box = element.getBoundingClientRect();
  return box.bottom > 0 && box.top < window.innerHeight;
}

/**
 * Move the focus within its group; without a group, left and right go to the first link in view.
 * @param {Direction} direction
 * @returns {boolean} whether the focus moved
 */
export function moveFocus(direction) {
  const active = document.activeElement;
  const group = active?.closest(GROUPS);
  if (!group || !(active instanceof HTMLElement)) {
    return direction === "up" || direction === "down" ? false : focusFirst();
  }
  const links = linksOf(group);
  const from = links.indexOf(active);
  if (from < 0) return false;
  const boxes = links.map((link) => link.getBoundingClientRect());
  const to = links[neighbour(boxes, from, direction)];
  if (!to || to === active) return false;
  focusOn(to);
  return true;
}

function focusFirst() {
  const active = document.activeElement;
  if (active !== document.body && active?.id !== "main") return false;
  const group = document.querySelector(".maps-section, .tiles");
  const links = group ? linksOf(group) : [];
  const first = links.find(isInView) ?? links[0];
  if (first) focusOn(first);
  return first !== undefined;
}

/**
 * Focus the previous or next layer on a page with all layers.
 * @param {1 | -1} by
 * @returns {boolean} whether there was one
 */
export function moveToLayer(by) {
  const group = document.querySelector(".maps-section");
  if (!group) return false;
  const links = linksOf(group);
  const active = /** @type {HTMLElement | null} */ (document.activeElement?.closest(LAYER_LINKS));
  const to = links[(active ? links.indexOf(active) : indexBeforeView(links, by)) + by];
  if (to) focusOn(to);
  return to !== undefined;
}

/**
 * The index from which one step leads into the window.
 * @param {readonly HTMLElement[]} links
 * @param {1 | -1} by
 */
function indexBeforeView(links, by) {
  const inView = links.findIndex((link) => link.getBoundingClientRect().bottom > 0);
  return (inView < 0 ? links.length : inView) - (by > 0 ? 1 : 0);
}

/**
 * The link to the previous or next page.
 * @param {1 | -1} by
 * @param {string} [holder] selector of the links' holder
 */
export function siblingLink(by, holder = ".prev-next") {
  const rel = by > 0 ? "next" : "prev";
  const link = document.querySelector(`${holder} a[rel=${rel}]`);
  return /** @type {HTMLAnchorElement | null} */ (link);
}

/** The link that switches the branch of the block with the focus, under the mouse, or of the page. */
export function blockToggle() {
  const section = document.activeElement?.closest(".network-section")
    ?? document.querySelector(".network-section:hover");
  const name = section?.id ?? document.querySelector(".network-map .is-current")?.id.slice(4);
  const toggle = document.querySelector(`#map-${CSS.escape(name ?? "")} .map-toggle`);
  return /** @type {HTMLAnchorElement | null} */ (toggle) ?? undefined;
}

/** @param {Box} box */
const centreOf = (box) => ({ x: box.left + box.width / 2, y: box.top + box.height / 2 });

/**
 * Left and right lead on in reading order, up and down to the nearest box in another row.
 * @param {readonly Box[]} boxes in reading order
 * @param {number} from
 * @param {Direction} direction
 * @returns {number} index of the neighbour; `from` itself at the edge
 */
export function neighbour(boxes, from, direction) {
  if (direction === "left") return Math.max(from - 1, 0);
  if (direction === "right") return Math.min(from + 1, boxes.length - 1);
  const start = boxes[from];
  if (!start) return from;
  const origin = centreOf(start);
  /** @param {Box} box */
  const isBeyond = (box) => direction === "down"
    ? box.top >= origin.y && centreOf(box).y > origin.y
    : box.top + box.height <= origin.y;
  /** @param {Box} box */
  const distanceTo = (box) => {
    const centre = centreOf(box);
    const [dx, dy] = [Math.abs(centre.x - origin.x), Math.abs(centre.y - origin.y)];
    return dy * ROW_DISTANCE_WEIGHT + dx;
  };
  const nearest = boxes
    .map((box, index) => ({ index, box }))
    .filter(({ box, index }) => index !== from && isBeyond(box))
    .sort((a, b) => distanceTo(a.box) - distanceTo(b.box))[0];
  return nearest?.index ?? from;
}
