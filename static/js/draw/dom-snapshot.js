// @ts-check
/**
 * Changes texts and attributes of a page for a while, and puts them back as they were.
 * @module
 */

/** What was changed, and what it was. */
export class Borrowed {
  /** @type {Map<Element, string | null>} */
  #texts = new Map();
  /** @type {Map<Element, Map<string, string | null>>} */
  #attributes = new Map();

  /**
   * @param {Element} element without elements of its own
   * @param {string} text
   */
  text(element, text) {
    if (!this.#texts.has(element)) this.#texts.set(element, element.textContent);
    if (element.textContent !== text) element.textContent = text;
  }

  /**
   * @param {Element} element
   * @param {string} name
   * @param {string} value
   */
  attribute(element, name, value) {
    const known = this.#attributes.get(element) ?? new Map();
    this.#attributes.set(element, known);
    if (!known.has(name)) known.set(name, element.getAttribute(name));
    element.setAttribute(name, value);
  }

  /** Put everything back. */
  restore() {
    for (const [element, text] of this.#texts) element.textContent = text;
    for (const [element, known] of this.#attributes) {
      for (const [name, value] of known) {
        if (value === null) element.removeAttribute(name);
        else element.setAttribute(name, value);
      }
    }
    this.#texts.clear();
    this.#attributes.clear();
  }
}
