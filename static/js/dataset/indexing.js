// @ts-check
/**
 * Follows an index while it is built, and opens the page anew when it is there.
 * @module
 */

import { PAUSE, describe } from "./progress.js";

const OFFLINE = "The server cannot be reached; trying again.";

/**
 * @param {string} address
 * @returns {Promise<import("./progress.js").State | undefined>}
 */
async function ask(address) {
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {HTMLElement} section
 * @returns {Promise<void>}
 */
export async function follow(section) {
  const bar = section.querySelector("progress");
  const line = section.querySelector("[data-indexing-text]");
  const state = await ask(section.dataset["indexing"] ?? "");
  const shown = state && describe(state);
  if (shown?.over) {
    location.reload();
    return;
  }
  if (bar && shown) bar.value = shown.value;
  if (line) line.textContent = shown?.text ?? OFFLINE;
  setTimeout(() => void follow(section), PAUSE);
}
