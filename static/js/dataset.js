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
  const index = await fetchState(section.dataset["indexing"] ?? "");
  if (index && index.state !== "indexing") {
    location.reload();
    return;
  }
  if (bar && index) bar.value = index.done;
  if (line) {
    line.textContent = index ? `${thousands(index.done)} of ${thousands(index.digits)} digits` : OFFLINE;
  }
  setTimeout(() => void pollIndexing(section), POLL_INTERVAL_MS);
}
