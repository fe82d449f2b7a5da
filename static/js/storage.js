// @ts-check
/**
 * What the browser keeps of the site: undefined where it does not let pages keep anything.
 * @module
 */

/** @param {"sessionStorage" | "localStorage"} name */
function storage(name) {
  try {
    return globalThis[name];
  } catch {
    return undefined;
  }
}

/** Kept for this tab. */
export const session = storage("sessionStorage");
/** Kept for every tab. */
export const local = storage("localStorage");
