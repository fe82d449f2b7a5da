// @ts-check
/**
 * The list of shortcuts, and whether they are wanted.
 * @module
 */

import { open } from "./dialog.js";
import { HELP } from "./shortcuts.js";

const SETTING = "shortcuts";

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
