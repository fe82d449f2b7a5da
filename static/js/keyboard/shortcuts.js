// @ts-check
/**
 * The table of keyboard shortcuts, the dialog that lists them, and the setting that disables them.
 * @module
 */

import { openDialog } from "../dialog.js";
import { local } from "../storage.js";

/**
 * @typedef {"left" | "right" | "up" | "down"} Direction
 * @typedef {{ name: "move", direction: Direction } | { name: "layer" | "digit" | "mistake", by: 1 | -1 }
 *   | { name: "zoom" | "normalize" | "palette" | "block" | "help" }} Action
 * @typedef {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean }} Key
 */

const SETTING = "shortcuts";

/** @type {Readonly<Record<string, Action>>} */
const ACTIONS = {
  ArrowLeft: { name: "move", direction: "left" },
  ArrowRight: { name: "move", direction: "right" },
  ArrowUp: { name: "move", direction: "up" },
  ArrowDown: { name: "move", direction: "down" },
  PageUp: { name: "layer", by: -1 },
  PageDown: { name: "layer", by: 1 },
  e: { name: "digit", by: 1 },
  w: { name: "digit", by: -1 },
  "]": { name: "mistake", by: 1 },
  "[": { name: "mistake", by: -1 },
  z: { name: "zoom" },
  n: { name: "normalize" },
  p: { name: "palette" },
  o: { name: "block" },
  "?": { name: "help" },
};

/** Keys and their descriptions, for the dialog. */
export const SHORTCUTS = /** @type {const} */ ([
  [["←", "→", "↑", "↓"], "move the focus between filters, or between layers; in a presentation, the figure"],
  [["Enter"], "opens what has the focus; around maps it lets the arrows read their values"],
  [["Page Up", "Page Down"], "previous and next layer, or step of the story"],
  [["e", "w"], "next and previous sample"],
  [["]", "["], "next and previous mistake, from a test digit"],
  [["z"], "enlarges the picture with the focus"],
  [["n"], "next value range"],
  [["p"], "next colours"],
  [["o"], "disables or enables the block with the focus"],
  [["?"], "opens this list"],
  [["Esc"], "closes what is open"],
]);

/**
 * @param {Key} key
 * @returns {Action | undefined}
 */
export function actionOf({ key, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) return undefined;
  const name = key.length === 1 ? key.toLowerCase() : key;
  return Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
}

/** The dialog can disable single-key shortcuts, which speech input and some screen readers need. */
export function areShortcutsEnabled() {
  return local?.getItem(SETTING) !== "off";
}

/**
 * @param {string} tag
 * @param {string} textContent
 */
const create = (tag, textContent) => Object.assign(document.createElement(tag), { textContent });

export function showShortcuts() {
  const title = create("h2", "Keyboard");
  const list = document.createElement("dl");
  for (const [keys, description] of SHORTCUTS) {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    term.append(...keys.map((key) => create("kbd", key)));
    row.append(term, create("dd", description));
    list.append(row);
  }
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = areShortcutsEnabled();
  box.addEventListener("change", () => local?.setItem(SETTING, box.checked ? "on" : "off"));
  label.append(box, " Use these keys");
  openDialog("keyboard-help", "Keyboard", title, list, label);
}
