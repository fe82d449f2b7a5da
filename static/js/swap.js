// @ts-check
/**
 * Shows another state of the page without leaving it: fetches the page at an address, and changes
 * what differs.
 * @module
 */

/** The parts of a page that change. */
const REGIONS = ["head > title", "[data-region]"];
/** Tells every part of the page that its content may have changed. */
export const CHANGED = "skiplens:changed";

/** Attributes that the page sets itself. */
const OWN = new Set(["open", "hidden", "data-ready"]);

/** @type {AbortController | undefined} */
let running;
/** The newest change of the address. @type {Promise<unknown>} */
let settled = Promise.resolve();

/**
 * @param {string} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<Document>}
 * @throws {TypeError} the server answered with an error, or cannot be reached
 */
export async function fetchPage(address, signal) {
  const response = await fetch(address, signal ? { signal } : {});
  if (!response.ok) throw new TypeError(`The server answered ${response.status}.`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const later of page.querySelectorAll("noscript[data-later]")) {
    const rooms = later.parentElement?.querySelectorAll(":scope > .picture-room") ?? [];
    for (const room of rooms) room.remove();
    for (const image of later.querySelectorAll("img")) image.loading = "lazy"; // it waits here, too
    later.replaceWith(...later.childNodes); // the parser has no scripting, so that it has them
  }
  return page;
}

/**
 * Show the page at an address in place of this one; only the newest call counts. If the page cannot
 * be fetched, the browser goes there and says why, unless it was only passing.
 * @param {string | (() => string)} address a function is asked once no change is under way
 * @param {{ history?: "push" | "replace" | "none", regions?: readonly string[] }} [options]
 *   `regions` are the only parts to change; with "none" the address stays as it is
 * @returns {Promise<boolean>} whether the page is shown; false if a newer call came in between
 */
export async function showPage(address, { history = "push", regions = REGIONS } = {}) {
  if (typeof address === "function") {
    for (let last; last !== settled; await last) last = settled;
  }
  const shown = change(typeof address === "string" ? address : address(), history, regions);
  if (history !== "none") settled = shown;
  return shown;
}

/**
 * @param {string} target
 * @param {"push" | "replace" | "none"} mode
 * @param {readonly string[]} regions
 */
async function change(target, mode, regions) {
  const address = withinFrame(target);
  running?.abort();
  const { signal } = (running = new AbortController());
  try {
    const page = await fetchPage(address, signal);
    if (signal.aborted) return false;
    if (mode === "push" && address !== location.href) history.pushState(null, "", address);
    else if (mode !== "none") history.replaceState(history.state, "", address);
    morphRegions(page, regions);
    document.dispatchEvent(new CustomEvent(CHANGED));
    return true;
  } catch {
    if (!signal.aborted && mode !== "none") location.assign(address);
    return false;
  }
}

/** The address under which a figure in another site's frame stays one. @param {string} address */
function withinFrame(address) {
  if (!("embed" in document.documentElement.dataset)) return address;
  const url = new URL(address, location.href);
  url.searchParams.set("embed", "");
  return url.href;
}

/**
 * @param {Document} page
 * @param {readonly string[]} selectors
 */
function morphRegions(page, selectors) {
  for (const selector of selectors) {
    const fresh = [...page.querySelectorAll(selector)];
    for (const [index, current] of [...document.querySelectorAll(selector)].entries()) {
      const counterpart = fresh[index];
      if (counterpart) morph(current, document.adoptNode(counterpart));
    }
  }
}

/**
 * Make an element equal to another, and keep what is equal already: the focus, open disclosures and
 * pictures, which stay until the new ones are there. Of `data-kept` nothing changes, `data-added`
 * is not from the server.
 * @param {Element} current
 * @param {Element} fresh
 */
export function morph(current, fresh) {
  if (current.hasAttribute("data-kept") || current.isEqualNode(fresh)) return;
  if (!isCounterpart(current, fresh)) {
    current.replaceWith(fresh);
    return;
  }
  morphAttributes(current, fresh);
  morphChildren(current, fresh);
}

/**
 * Write a text into its node where there is one: a new node makes the browser match all rules with
 * `:has()` again.
 * @param {Element} element
 * @param {string} text
 */
export function writeText(element, text) {
  const { firstChild: node } = element;
  if (element.textContent === text) return;
  if (node instanceof Text && !node.nextSibling && text) node.data = text;
  else element.textContent = text;
}

/** Let screen readers say something. @param {string} text */
export function announce(text) {
  const line = document.querySelector("[data-announcement]");
  if (line) line.textContent = text;
}

/** Whether a click is to be followed here, not in another tab or as a download. @param {MouseEvent} event */
export function isPlainClick(event) {
  return event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
}

/** @param {Node} a @param {Node} b */
function isCounterpart(a, b) {
  if (a.nodeName !== b.nodeName || a.nodeType !== b.nodeType) return false;
  return !(a instanceof Element && b instanceof Element) || keyOf(a) === keyOf(b);
}

/**
 * What an element is, whatever it says. An image is one, so that it stays where a source before it
 * goes.
 * @param {Element} element
 */
function keyOf(element) {
  return element.id || element.getAttribute("data-layer") || element.getAttribute("name")
    || (element instanceof HTMLImageElement && "image");
}

/** @param {Element} current @param {Element} fresh */
function morphAttributes(current, fresh) {
  for (const { name } of [...current.attributes]) {
    const isKept = OWN.has(name) || fresh.hasAttribute(name);
    if (!isKept) current.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (OWN.has(name)) continue;
    if (current.getAttribute(name) !== value) current.setAttribute(name, value);
  }
  if (current instanceof HTMLInputElement && fresh instanceof HTMLInputElement) {
    if (current !== document.activeElement) current.value = fresh.value;
  }
  if (current instanceof HTMLOptionElement && fresh instanceof HTMLOptionElement) {
    current.selected = fresh.defaultSelected;
  }
}

/** @param {Element} current @param {Element} fresh */
function morphChildren(current, fresh) {
  let at = current.firstChild;
  for (const node of [...fresh.childNodes]) {
    while (at instanceof Element && at.hasAttribute("data-added")) at = at.nextSibling;
    const match = at && isCounterpart(at, node) ? at : laterCounterpart(at, node);
    if (!match) {
      current.insertBefore(node, at);
      continue;
    }
    if (match !== at) current.insertBefore(match, at);
    else at = at.nextSibling;
    if (match instanceof Element && node instanceof Element) morph(match, node);
    else if (match.nodeValue !== node.nodeValue) match.nodeValue = node.nodeValue;
  }
  while (at) {
    const next = at.nextSibling;
    if (!(at instanceof Element && at.hasAttribute("data-added"))) at.remove();
    at = next;
  }
}

/**
 * An element further on with the same key, so that an element in front of it is not mistaken for it.
 * @param {ChildNode | null} at
 * @param {Node} node
 * @returns {ChildNode | undefined}
 */
function laterCounterpart(at, node) {
  if (!(node instanceof Element) || !keyOf(node)) return undefined;
  for (let sibling = at; sibling; sibling = sibling.nextSibling) {
    if (isCounterpart(sibling, node)) return sibling;
  }
  return undefined;
}
