// @ts-check
/**
 * What a photo is reduced to, and what people are told whose browser cannot read it.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { adviceFor, formatOf, reducedSize } from "../../static/js/photo.js";

test("only an image with a longer side above 2,048 pixels is reduced, in its proportions", () => {
  assert.deepEqual(reducedSize({ width: 2048, height: 9 }), { width: 2048, height: 9 });
  assert.deepEqual(reducedSize({ width: 8192, height: 6144 }), { width: 2048, height: 1536 });
  assert.deepEqual(reducedSize({ width: 1, height: 9000 }), { width: 1, height: 2048 });
});

test("a format is known by the media type, or else by the name", () => {
  assert.equal(formatOf({ name: "a.bin", type: "image/avif" }), "AVIF");
  assert.equal(formatOf({ name: "IMG_2.heic", type: "" }), "HEIC");
  assert.equal(formatOf({ name: "scan", type: "image/x-tga" }), "TGA");
});

test("people are told what to do with a format that their browser does not read", () => {
  assert.match(adviceFor("HEIC"), /HEIC.*Safari.*JPEG/);
  assert.match(adviceFor("AVIF"), /AVIF.*PNG or JPEG/);
});
