// @ts-check
/**
 * Changes texts and attributes of a page and can restore them.
 * @module
 */

/** Remembers the first value of everything that it changes. */
export class DomSnapshot {
  /** @type {Map<Element, string | null>} */
  #texts = new Map();
  /** @type {Map<Element, Map<string, string | null>>} */
  #attributes = new Map();

  /**
   * @param {Element} element without child elements
   * @param {string} text
   */
  setText(element, text) {
    if (!this.#texts.has(element)) this.#texts.set(element, element.textContent);
    if (element.textContent !== text) element.textContent = text;
  }

  /**
   * @param {Element} element
   * @param {string} name
   * @param {string} value
   */
  setAttribute(element, name, value) {
    const originals = this.#attributes.get(element) ?? new Map();
    this.#attributes.set(element, originals);
    if (!originals.has(name)) originals.set(name, element.getAttribute(name));
    element.setAttribute(name, value);
  }

  restore() {
    for (const [element, text] of this.#texts) element.textContent = text;
    for (const [element, originals] of this.#attributes) {
      for (const [name, value] of originals) {
        if (value === null) element.removeAttribute(name);
        else element.setAttribute(name, value);
      }
    }
    this.#texts.clear();
    this.#attributes.clear();
  }
}
