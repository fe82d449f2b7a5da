// @ts-check
/**
 * Choosing the image among files.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { chooseImage, sizeProblem } from "../../static/js/upload.js";

const MOST = 8 * 1024 * 1024 - 1024;
const text = { name: "a.txt", type: "text/plain", size: 3 };
const image = { name: "b.png", type: "image/png", size: 300 };

test("the first image is chosen, by its type or its name", () => {
  assert.deepEqual(chooseImage([text, image]), { image });
  const untyped = { name: "IMG_1.HEIC", type: "", size: 300 };
  assert.deepEqual(chooseImage([text, untyped]), { image: untyped });
});

test("no file and no image are rejected with different messages", () => {
  const sentences = [[], [text]].map((files) => {
    const chosen = chooseImage(files);
    assert.ok("error" in chosen);
    return chosen.error;
  });
  assert.equal(new Set(sentences).size, 2);
});

test("the message for a large file states the limit", () => {
  for (const [most, words] of /** @type {[number, string][]} */ ([
    [MOST, "The limit is 8 MiB."], [3 * 1024, "The limit is 3 KiB."], [1.5 * 1024 * 1024, "The limit is 1.5 MiB."],
  ])) {
    assert.ok(sizeProblem(most + 1, most).includes(words), words);
    assert.equal(sizeProblem(most, most), "");
  }
});
