// @ts-check
/**
 * The frame that answers a drawing.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { parse } from "../../static/js/draw/frames.js";

const HEADER = {
  label: "7",
  probabilities: [0.25, 0.75],
  baseline: [0.5, 0.5],
  off: ["block2"],
  warnings: ["Faint – hardly there."],
  network_range: [-2, 3],
  input_shape: [28, 28],
  layers: [
    { name: "stem.conv", shape: [1, 2, 3], offset: 784, block_range: [-1, 1] },
    { name: "head.logits", shape: [1, 1, 2], offset: 784 + 24, block_range: [0, 8] },
  ],
  blocks: [],
};

/** @param {object} header */
function frame(header) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 4) * 4;
  const buffer = new ArrayBuffer(4 + length + 784 + 32);
  new DataView(buffer).setUint32(0, length, true);
  new Uint8Array(buffer, 4, length).fill(32).set(text);
  new Uint8Array(buffer, 4 + length, 784).fill(9);
  for (let place = 0; place < 8; place += 1) {
    new DataView(buffer).setFloat32(4 + length + 784 + 4 * place, place / 2, true);
  }
  return buffer;
}

test("a frame gives its header's words, its input and every layer's maps", () => {
  const found = parse(frame(HEADER));
  assert.equal(found.label, "7");
  assert.deepEqual([found.probabilities, found.baseline], [[0.25, 0.75], [0.5, 0.5]]);
  assert.deepEqual([found.off, found.warnings], [HEADER.off, HEADER.warnings]);
  assert.deepEqual(found.networkRange, [-2, 3]);
  assert.deepEqual([found.input.length, found.input[0], found.input[783]], [784, 9, 9]);
  const [stem, logits] = found.layers;
  assert.deepEqual(stem?.maps, {
    height: 1, width: 2, filters: 3, values: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5),
  });
  assert.deepEqual(logits?.maps.values, Float32Array.of(3, 3.5));
  assert.deepEqual([logits?.name, logits?.blockRange], ["head.logits", [0, 8]]);
});

test("arrays are read in place, whatever the header's length", () => {
  for (const label of ["a", "bb", "ccc", "dddd"]) {
    const buffer = frame({ ...HEADER, label });
    const found = parse(buffer);
    assert.equal(found.label, label);
    assert.equal(found.layers[0]?.maps.values.buffer, buffer);
  }
});

test("what is cut short or no frame is refused", () => {
  assert.throws(() => parse(frame(HEADER).slice(0, 500)), RangeError);
  assert.throws(() => parse(new ArrayBuffer(2)), RangeError);
  assert.throws(() => parse(Uint8Array.of(4, 0, 0, 0, 1, 2, 3, 4).buffer), SyntaxError);
});
