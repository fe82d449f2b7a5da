// @ts-check
/**
 * Which key does what, and where an arrow leads. Pure: no page is touched.
 * @module
 */

/**
 * @typedef {"left" | "right" | "up" | "down"} Direction
 * @typedef {{ does: "move", to: Direction } | { does: "layer" | "digit", by: 1 | -1 }
 *   | { does: "zoom" | "normalize" | "palette" | "block" | "help" }} Action
 * @typedef {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean }} Press
 * @typedef {{ left: number, top: number, width: number, height: number }} Box
 */

/** @type {Readonly<Record<string, Action>>} */
const ACTIONS = {
  ArrowLeft: { does: "move", to: "left" },
  ArrowRight: { does: "move", to: "right" },
  ArrowUp: { does: "move", to: "up" },
  ArrowDown: { does: "move", to: "down" },
  PageUp: { does: "layer", by: -1 },
  PageDown: { does: "layer", by: 1 },
  e: { does: "digit", by: 1 },
  w: { does: "digit", by: -1 },
  z: { does: "zoom" },
  n: { does: "normalize" },
  p: { does: "palette" },
  o: { does: "block" },
  "?": { does: "help" },
};

/** What the help lists: the keys, and what they do. */
export const HELP = /** @type {const} */ ([
  [["←", "→", "↑", "↓"], "from filter to filter, or from picture to picture"],
  [["Enter"], "opens what has the focus; on the frame of maps it reads their values, arrows then move"],
  [["Page Up", "Page Down"], "to the layer before or after"],
  [["e", "w"], "to the next sample, and back"],
  [["z"], "shows the picture under the focus large, with hard pixels"],
  [["n"], "changes what shares a scale"],
  [["p"], "changes the palette"],
  [["o"], "switches the block under the focus off and on"],
  [["?"], "opens this list"],
  [["Esc"], "closes what is open"],
]);

/**
 * @param {Press} press
 * @returns {Action | undefined}
 */
export function actionOf(press) {
  if (press.ctrlKey || press.metaKey || press.altKey) return undefined;
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  return Object.hasOwn(ACTIONS, key) ? ACTIONS[key] : undefined;
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
