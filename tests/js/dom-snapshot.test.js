// @ts-check
/**
 * Changing a page for a while.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Borrowed } from "../../static/js/draw/dom-snapshot.js";

/**
 * As much of an element as is needed, which counts how often its text is set.
 * @param {string} text
 * @param {Record<string, string>} attributes
 */
function element(text, attributes) {
  const known = new Map(Object.entries(attributes));
  let shown = text;
  const made = {
    written: 0,
    get textContent() {
      return shown;
    },
    set textContent(value) {
      shown = value;
      made.written += 1;
    },
    known,
    getAttribute: (/** @type {string} */ name) => known.get(name) ?? null,
    setAttribute: (/** @type {string} */ name, /** @type {string} */ value) => known.set(name, value),
    removeAttribute: (/** @type {string} */ name) => known.delete(name),
  };
  return made;
}

/** @param {ReturnType<typeof element>} one */
const asElement = (one) => /** @type {Element} */ (/** @type {unknown} */ (one));

test("everything comes back as it was first, whatever it was changed to in between", () => {
  const page = new Borrowed();
  const one = element("3", { width: "40" });
  page.text(asElement(one), "7");
  page.text(asElement(one), "1");
  page.attribute(asElement(one), "width", "90");
  page.attribute(asElement(one), "width", "10");
  page.attribute(asElement(one), "class", "first");
  assert.deepEqual([one.textContent, one.known.get("width")], ["1", "10"]);
  page.restore();
  assert.equal(one.textContent, "3");
  assert.deepEqual([...one.known], [["width", "40"]]);
});

test("what was put back is borrowed anew, with what it is by then", () => {
  const page = new Borrowed();
  const one = element("3", {});
  page.text(asElement(one), "7");
  page.restore();
  one.textContent = "5";
  page.restore();
  assert.equal(one.textContent, "5");
});

test("a text that stays the same is not written again", () => {
  const page = new Borrowed();
  const one = element("3", {});
  page.text(asElement(one), "3");
  assert.equal(one.written, 0);
});
