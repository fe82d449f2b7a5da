// @ts-check
/**
 * The image among the files that were brought.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { chooseImage } from "../../static/js/upload.js";

const MOST = 8 * 1024 * 1024 - 1024;
const text = { name: "a.txt", type: "text/plain", size: 3 };
const image = { name: "b.png", type: "image/png", size: 300 };

test("the first image is chosen", () => {
  assert.deepEqual(chooseImage([text, image], MOST), { image });
});

test("nothing, no image and too much are each refused in words", () => {
  const large = { ...image, size: MOST + 1 };
  const sentences = [[], [text], [large]].map((files) => {
    const chosen = chooseImage(files, MOST);
    assert.ok("refusal" in chosen);
    return chosen.refusal;
  });
  assert.equal(new Set(sentences).size, 3);
});

test("what is too large is told how much the server takes", () => {
  for (const [most, words] of /** @type {[number, string][]} */ ([
    [MOST, "at most 8 MiB"], [3 * 1024, "at most 3 KiB"], [1.5 * 1024 * 1024, "at most 1.5 MiB"],
  ])) {
    const chosen = chooseImage([{ ...image, size: most + 1 }], most);
    assert.ok("refusal" in chosen && chosen.refusal.includes(words), words);
    assert.deepEqual(chooseImage([{ ...image, size: most }], most), { image: { ...image, size: most } });
  }
});
