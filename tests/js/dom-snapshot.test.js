// @ts-check
/**
 * Changing a page and restoring it.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { DomSnapshot } from "../../static/js/draw/dom-snapshot.js";

/**
 * A minimal element that counts how often its text is set.
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

test("restore brings back the first value, however often it was changed", () => {
  const page = new DomSnapshot();
  const one = element("3", { width: "40" });
  page.setText(asElement(one), "7");
  page.setText(asElement(one), "1");
  page.setAttribute(asElement(one), "width", "90");
  page.setAttribute(asElement(one), "width", "10");
  page.setAttribute(asElement(one), "class", "first");
  assert.deepEqual([one.textContent, one.known.get("width")], ["1", "10"]);
  page.restore();
  assert.equal(one.textContent, "3");
  assert.deepEqual([...one.known], [["width", "40"]]);
});

test("after a restore the current value is the one to restore", () => {
  const page = new DomSnapshot();
  const one = element("3", {});
  page.setText(asElement(one), "7");
  page.restore();
  one.textContent = "5";
  page.restore();
  assert.equal(one.textContent, "5");
});

test("the same text is not written again", () => {
  const page = new DomSnapshot();
  const one = element("3", {});
  page.setText(asElement(one), "3");
  assert.equal(one.written, 0);
});
