// @ts-check
/**
 * Fetches a page and replaces parts of the current page with its parts.
 * @module
 */

/**
 * @param {string} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<Document>}
 * @throws {TypeError} the server answered with an error, or cannot be reached
 */
export async function fetchPage(address, signal) {
  const response = await fetch(address, signal ? { signal } : {});
  if (!response.ok) throw new TypeError(`The server answered ${response.status}.`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/**
 * Replace elements with their counterparts on another page. If the focus is in one of them, it
 * moves to the control of the same name in the replacement.
 * @param {Document} page
 * @param {readonly string[]} selectors of one element each
 */
export function replaceRegions(page, selectors) {
  const anyRegion = `:is(${selectors.join(", ")})`;
  const focused = document.activeElement?.closest(anyRegion) ? document.activeElement : null;
  const name = focused && accessibleName(focused);
  for (const selector of selectors) {
    const [current, fresh] = [document.querySelector(selector), page.querySelector(selector)];
    if (current && fresh) current.replaceWith(document.adoptNode(fresh));
  }
  if (!name) return;
  const controls = [...document.querySelectorAll(`${anyRegion} :is(a, input, button)`)];
  const counterpart = controls.find((control) => accessibleName(control) === name);
  if (counterpart instanceof HTMLElement) counterpart.focus({ preventScroll: true });
}

/** @param {Element} element */
function accessibleName(element) {
  return element.getAttribute("aria-label") ?? element.getAttribute("name") ?? element.textContent;
}
