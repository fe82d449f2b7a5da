// @ts-check
/**
 * The page of the test set while it is indexed: shows the progress.
 * @module
 */

const POLL_INTERVAL_MS = 700;
const OFFLINE = "The server cannot be reached; trying again.";

/**
 * An index as the API describes it.
 * @typedef {{ state: "indexing" | "ready" | "failed", done: number, digits: number }} IndexState
 */

/** @param {number} count */
const thousands = (count) => count.toLocaleString("en-GB");

/**
 * The value of the progress bar, its text, and whether indexing has ended.
 * @param {IndexState} index
 * @returns {{ value: number, text: string, hasEnded: boolean }}
 */
export function progressOf({ state, done, digits }) {
  return {
    value: done,
    text: `${thousands(done)} of ${thousands(digits)} digits`,
    hasEnded: state !== "indexing",
  };
}

/**
 * @param {string} address
 * @returns {Promise<IndexState | undefined>}
 */
async function fetchState(address) {
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Update the progress bar until indexing has ended, then reload the page.
 * @param {HTMLElement} section
 * @returns {Promise<void>}
 */
export async function pollIndexing(section) {
  const bar = section.querySelector("progress");
  const line = section.querySelector("[data-indexing-text]");
  const state = await fetchState(section.dataset["indexing"] ?? "");
  const progress = state && progressOf(state);
  if (progress?.hasEnded) {
    location.reload();
    return;
  }
  if (bar && progress) bar.value = progress.value;
  if (line) line.textContent = progress?.text ?? OFFLINE;
  setTimeout(() => void pollIndexing(section), POLL_INTERVAL_MS);
}
