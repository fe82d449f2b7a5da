// @ts-check
/**
 * Addresses: where the site lies on its server, and what a page's own address keeps.
 * @module
 */

/** The path below which a proxy serves it, without a slash at its end: empty, or `/tools/skiplens`. */
export const ROOT = globalThis.document?.documentElement.dataset["root"] ?? "";

/**
 * The parameters of an address, without those that choose a value of a map.
 * @param {string} search `?palette=light&at=9,20`
 * @returns {string} `palette=light`
 */
export function queryWithoutPosition(search) {
  const all = search.replace(/^\?/, "").split("&");
  return all.filter((part) => part && !/^(at|channel)=/.test(part)).join("&");
}
