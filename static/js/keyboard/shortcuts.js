// @ts-check
/**
 * Which key does what, the list of them, and whether they are wanted.
 * @module
 */

import { open } from "../dialog.js";

/**
 * @typedef {"left" | "right" | "up" | "down"} Direction
 * @typedef {{ does: "move", to: Direction } | { does: "layer" | "digit", by: 1 | -1 }
 *   | { does: "zoom" | "normalize" | "palette" | "block" | "help" }} Action
 * @typedef {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean }} Press
 */

const SETTING = "shortcuts";

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

/** Whether shortcuts of one key are wanted; they can be turned off in the list. */
export function enabled() {
  return localStorage.getItem(SETTING) !== "off";
}

/**
 * @param {string} name
 * @param {string} text
 */
const make = (name, text) =>
  Object.assign(document.createElement(name), { textContent: text });

/** Show the list. */
export function help() {
  const title = make("h2", "Keyboard");
  const list = document.createElement("dl");
  for (const [keys, does] of HELP) {
    const row = document.createElement("div");
    const names = document.createElement("dt");
    names.append(...keys.map((key) => make("kbd", key)));
    row.append(names, make("dd", does));
    list.append(row);
  }
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = enabled();
  box.addEventListener("change", () => localStorage.setItem(SETTING, box.checked ? "on" : "off"));
  label.append(box, " Use these keys");
  open("keys", "Keyboard", title, list, label);
}
