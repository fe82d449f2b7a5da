// @ts-check
/**
 * The image among the files that were brought.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST_BYTES, chooseImage } from "../../static/js/images.js";

const text = { name: "a.txt", type: "text/plain", size: 3 };
const image = { name: "b.png", type: "image/png", size: 300 };

test("the first image is chosen", () => {
  assert.deepEqual(chooseImage([text, image]), { image });
});

test("nothing, no image and too much are each refused in words", () => {
  const large = { ...image, size: MOST_BYTES + 1 };
  const sentences = [[], [text], [large]].map((files) => {
    const chosen = chooseImage(files);
    assert.ok("refusal" in chosen);
    return chosen.refusal;
  });
  assert.equal(new Set(sentences).size, 3);
});
