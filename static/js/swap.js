// @ts-check
/**
 * Fetches a page to take parts of it over.
 * @module
 */

/**
 * The page at an address; rejects where there is none.
 * @param {string} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<Document>}
 */
export async function pageAt(address, signal) {
  const response = await fetch(address, signal ? { signal } : {});
  if (!response.ok) throw new TypeError(`The server answered ${response.status}.`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}
