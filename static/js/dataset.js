// @ts-check
/**
 * The test set's page: digits are chosen in place, and an index is followed while it is built.
 * @module
 */

/**
 * The names of a form's fields that were left open.
 * @param {Iterable<[string, unknown]>} fields
 * @returns {string[]}
 */
export function leftOpen(fields) {
  return [...fields].filter(([, value]) => value === "").map(([name]) => name);
}

/** @param {HTMLFormElement} form */
export function choose(form) {
  for (const button of form.querySelectorAll("button")) button.hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
  form.addEventListener("formdata", ({ formData }) => {
    for (const name of leftOpen(formData.entries())) formData.delete(name);
  });
}

/** Milliseconds between two questions. */
export const PAUSE = 700;

/**
 * @typedef {{ state: "indexing" | "ready" | "failed", done: number, digits: number }} State
 */

/**
 * A count with commas, as the server writes it.
 * @param {number} count
 * @returns {string}
 */
function thousands(count) {
  return count.toLocaleString("en-GB");
}

/**
 * The bar, the words beside it, and whether the page has more to show now.
 * @param {State} state
 * @returns {{ value: number, text: string, over: boolean }}
 */
export function describe({ state, done, digits }) {
  return {
    value: done,
    text: `${thousands(done)} of ${thousands(digits)} digits`,
    over: state !== "indexing",
  };
}

const OFFLINE = "The server cannot be reached; trying again.";

/**
 * @param {string} address
 * @returns {Promise<State | undefined>}
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
