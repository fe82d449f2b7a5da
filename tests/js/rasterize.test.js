// @ts-check
/**
 * Encoding grey pixels as PNG.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateSync } from "node:zlib";

import { encodeGreyPng } from "../../static/js/draw/rasterize.js";

/** CRC-32 bit by bit, as its definition has it. @param {Buffer} bytes */
function crc32(bytes) {
  let check = 0xffffffff;
  for (const byte of bytes) {
    check ^= byte;
    for (let bit = 0; bit < 8; bit += 1) check = (check >>> 1) ^ (check & 1 ? 0xedb88320 : 0);
  }
  return ~check >>> 0;
}

/** @param {Buffer} file */
function chunks(file) {
  const found = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const named = file.subarray(at + 4, at + 8 + length);
    assert.equal(file.readUInt32BE(at + 8 + length), crc32(named));
    found.push({ name: named.toString("latin1", 0, 4), data: named.subarray(4) });
    at += 12 + length;
  }
  return found;
}

test("a file has the size, the pixels and valid checksums", async () => {
  const rgba = Uint8ClampedArray.of(10, 10, 10, 255, 20, 20, 20, 255, 30, 30, 30, 255, 255, 255, 255, 255);
  const blob = await encodeGreyPng(2, rgba);
  assert.equal(blob.type, "image/png");
  const file = Buffer.from(await blob.arrayBuffer());
  assert.equal(file.toString("latin1", 1, 4), "PNG");
  const [header, data, end] = chunks(file);
  assert.deepEqual([header?.name, data?.name, end?.name], ["IHDR", "IDAT", "IEND"]);
  assert.deepEqual([...(header?.data ?? [])], [0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 0]);
  assert.deepEqual([...inflateSync(data?.data ?? "")], [0, 10, 20, 0, 30, 255]);
});

test("the file of a drawing is small and reproducible", async () => {
  const rgba = new Uint8ClampedArray(4 * 128 * 128);
  rgba.fill(255, 20_000, 24_000);
  const [one, two] = await Promise.all([encodeGreyPng(128, rgba), encodeGreyPng(128, rgba)]);
  assert.ok(one.size < 500);
  assert.deepEqual(await one.arrayBuffer(), await two.arrayBuffer());
});
