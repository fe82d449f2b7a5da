// @ts-check
/**
 * Where the site lies on its server: below a path if a proxy serves it there.
 * @module
 */

/** The path, without a slash at its end: empty, or `/tools/skiplens`. */
export const ROOT = globalThis.document?.documentElement.dataset["root"] ?? "";
