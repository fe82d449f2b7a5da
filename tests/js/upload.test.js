// @ts-check
/**
 * Choosing the image among files.
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

test("no file, no image and a large image are rejected with different messages", () => {
  const large = { ...image, size: MOST + 1 };
  const sentences = [[], [text], [large]].map((files) => {
    const chosen = chooseImage(files, MOST);
    assert.ok("error" in chosen);
    return chosen.error;
  });
  assert.equal(new Set(sentences).size, 3);
});

test("the message for a large file states the limit", () => {
  for (const [most, words] of /** @type {[number, string][]} */ ([
    [MOST, "The limit is 8 MiB."], [3 * 1024, "The limit is 3 KiB."], [1.5 * 1024 * 1024, "The limit is 1.5 MiB."],
  ])) {
    const chosen = chooseImage([{ ...image, size: most + 1 }], most);
    assert.ok("error" in chosen && chosen.error.includes(words), words);
    assert.deepEqual(chooseImage([{ ...image, size: most }], most), { image: { ...image, size: most } });
  }
});
