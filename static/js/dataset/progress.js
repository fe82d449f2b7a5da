// @ts-check
/**
 * What to show of the state that the API gives of an index. Knows no elements.
 * @module
 */

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
