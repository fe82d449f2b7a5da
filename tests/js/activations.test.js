// @ts-check
/**
 * Reading .npy files, and receptive fields.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { inputWindow } from "../../static/js/maps/activations.js";
import { parseNpy } from "../../static/js/maps/npy.js";

/**
 * A file as NumPy writes it.
 * @param {string} header
 * @param {number[]} values
 * @param {number} [version]
 */
function file(header, values, version = 1) {
  const before = 10;
  const text = header.padEnd(128 - before - 1) + "\n";
  const bytes = new ArrayBuffer(before + text.length + 4 * values.length);
  const view = new DataView(bytes);
  [0x93, ..."NUMPY"].forEach((letter, at) =>
    view.setUint8(at, typeof letter === "string" ? letter.charCodeAt(0) : letter));
  view.setUint8(6, version);
  view.setUint16(8, text.length, true);
  [...text].forEach((letter, at) => view.setUint8(before + at, letter.charCodeAt(0)));
  values.forEach((value, at) => view.setFloat32(before + text.length + 4 * at, value, true));
  return bytes;
}

/** @param {string} shape */
const header = (shape) => `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;

test("a file gives its shape and values", () => {
  const { shape, values } = parseNpy(file(header("(1, 2, 2)"), [1, -2, 0.5, 4]));
  assert.deepEqual(shape, [1, 2, 2]);
  assert.deepEqual([...values], [1, -2, 0.5, 4]);
});

test("a single value has an empty shape", () => {
  assert.deepEqual(parseNpy(file(header("()"), [3])).shape, []);
});

test("any other file is rejected with the reason", () => {
  const good = header("(2,)");
  const cases = /** @type {[ArrayBuffer, RegExp][]} */ ([
    [new ArrayBuffer(4), /not a \.npy file/],
    [new TextEncoder().encode("PNG, or anything else").buffer, /not a \.npy file/],
    [file(good, [1, 2], 2), /version 1/],
    [file(good, [1, 2]).slice(0, 40), /cut off/],
    [file(good.replace("<f4", ">f4"), [1, 2]), /float32/],
    [file(good.replace("False", "True"), [1, 2]), /C order/],
    [file(good.replace("shape", "form"), [1, 2]), /no shape/],
    [file(good, [1, 2, 3]), /2 values; it has 12 bytes/],
  ]);
  for (const [bytes, message] of cases) assert.throws(() => parseNpy(bytes), message);
});

test("a receptive field moves with its value and is clipped to the input", () => {
  const field = /** @type {const} */ ({ start: [-5, -5], stride: [2, 2], size: [13, 13] });
  const input = { height: 28, width: 40 };
  assert.deepEqual(inputWindow(field, 6, 6, input), { top: 7, left: 7, bottom: 20, right: 20 });
  assert.deepEqual(inputWindow(field, 0, 16, input), { top: 0, left: 27, bottom: 8, right: 40 });
  assert.deepEqual(inputWindow(field, 13, 0, input), { top: 21, left: 0, bottom: 28, right: 8 });
});
