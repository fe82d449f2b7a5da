// @ts-check
/**
 * Strokes, the digit under them, undo, and how they are painted.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Drawing, MAX_POINTS, paintStrokes, widthUnderPressure } from "../../static/js/draw/strokes.js";

/** @typedef {import("../../static/js/draw/strokes.js").Point} Point */

const DIGIT = "68348ce2256ddc1e";

/**
 * @param {number} x
 * @param {number} y
 * @returns {Point}
 */
const at = (x, y, width = 0.1) => [x, y, width];

/** @param {Drawing} drawing */
const lengths = (drawing) => drawing.strokes.map((stroke) => stroke.points.length);

test("a stroke begins as a dot and grows by its points", () => {
  const drawing = new Drawing();
  assert.ok(drawing.isEmpty);
  drawing.begin(at(0.2, 0.2), false);
  assert.ok(drawing.extend(at(0.3, 0.2)));
  drawing.begin(at(0.5, 0.5), false);
  assert.deepEqual(lengths(drawing), [2, 1]);
  assert.equal(drawing.isEmpty, false);
});

test("a point next to the last one changes nothing, nor does one without a stroke", () => {
  const drawing = new Drawing();
  assert.equal(drawing.extend(at(0.5, 0.5)), false);
  drawing.begin(at(0.5, 0.5), false);
  assert.equal(drawing.extend(at(0.501, 0.501)), false);
  assert.deepEqual(lengths(drawing), [1]);
});

test("a drawing without end stays as small as the server takes, and in its shape", () => {
  const drawing = new Drawing();
  drawing.begin(at(-0.9999, -0.9999), false);
  drawing.extend(at(1.9999, 1.9999)); // a corner, which stays
  for (let point = 1; point <= 5000; point += 1) {
    const turn = point / 50;
    assert.ok(drawing.extend(at(-0.5 - 0.4 * Math.sin(turn), -0.5 - 0.4 * Math.cos(turn), 0.0875)));
  }
  const [points = []] = drawing.strokes.map((stroke) => stroke.points);
  assert.ok(points.length <= MAX_POINTS);
  assert.deepEqual(points.slice(0, 2), [at(-0.9999, -0.9999), at(1.9999, 1.9999)]);
  for (const [index, [x, y]] of points.entries()) {
    if (index < 2) continue;
    const [beforeX, beforeY] = points[index - 1] ?? [0, 0];
    assert.ok(Math.abs(Math.hypot(x + 0.5, y + 0.5) - 0.4) < 1e-6);
    if (index > 2) assert.ok(Math.hypot(x - beforeX, y - beforeY) < 0.4);
  }
});

test("the largest drawing is less than 64 KiB as JSON, beside the pictures that a page asks for", () => {
  const drawing = new Drawing();
  for (let stroke = 0; stroke < 500; stroke += 1) {
    drawing.begin(at(-0.1234, -0.1234, 0.1234), false);
    for (const x of [-0.2345, -0.3456, -0.4567]) drawing.extend(at(x, -0.1234, 0.1234));
  }
  const total = lengths(drawing).reduce((sum, count) => sum + count, 0);
  assert.ok(total > MAX_POINTS / 2 && total <= MAX_POINTS);
  assert.ok(JSON.stringify({ strokes: drawing.strokes }).length < 55 * 1024);
});

test("so is the largest drawing in colour", () => {
  const drawing = new Drawing([], DIGIT, true);
  for (let stroke = 0; stroke < 500; stroke += 1) {
    drawing.begin(at(-0.1234, -0.1234, 0.1234), false, "#d62728");
    for (const x of [-0.2345, -0.3456, -0.4567]) drawing.extend(at(x, -0.1234, 0.1234));
  }
  assert.ok(JSON.stringify({ strokes: drawing.strokes }).length < 57 * 1024);
});

test("the first stroke of a pen replaces the digit, and undo brings it back", () => {
  const drawing = new Drawing([], DIGIT);
  assert.equal(drawing.isEmpty, false);
  drawing.begin(at(0.2, 0.2), false);
  assert.deepEqual([drawing.over, lengths(drawing)], [null, [1]]);
  drawing.undo();
  assert.deepEqual([drawing.over, lengths(drawing), drawing.canUndo], [DIGIT, [], false]);
});

test("an eraser takes ink from the digit, and a pen then begins anew", () => {
  const drawing = new Drawing([], DIGIT);
  drawing.begin(at(0.2, 0.2), true);
  drawing.begin(at(0.4, 0.2), true);
  assert.deepEqual([drawing.over, lengths(drawing)], [DIGIT, [1, 1]]);
  assert.ok(drawing.strokes.every((stroke) => stroke.erase));
  drawing.begin(at(0.5, 0.5), false);
  assert.deepEqual([drawing.over, lengths(drawing)], [null, [1]]);
  drawing.undo();
  assert.deepEqual([drawing.over, lengths(drawing)], [DIGIT, [1, 1]]);
});

test("an eraser alone leaves an empty drawing empty", () => {
  const drawing = new Drawing();
  drawing.begin(at(0.2, 0.2), true);
  assert.ok(drawing.isEmpty);
});

test("undo removes whole strokes, the newest first, until none is left", () => {
  const drawing = new Drawing();
  drawing.begin(at(0.1, 0.1), false);
  drawing.extend(at(0.2, 0.1));
  drawing.extend(at(0.3, 0.1));
  drawing.begin(at(0.5, 0.5), false);
  drawing.undo();
  assert.deepEqual(lengths(drawing), [3]);
  drawing.undo();
  drawing.undo();
  assert.ok(drawing.isEmpty);
  assert.equal(drawing.canUndo, false);
});

test("clearing takes the digit away too, can be undone, and is no step where nothing is", () => {
  const drawing = new Drawing([], DIGIT);
  drawing.begin(at(0.1, 0.1), true);
  drawing.clear();
  drawing.clear();
  assert.deepEqual([drawing.over, lengths(drawing)], [null, []]);
  drawing.undo();
  assert.deepEqual([drawing.over, lengths(drawing)], [DIGIT, [1]]);
  const empty = new Drawing();
  empty.clear();
  assert.equal(empty.canUndo, false);
});

test("a drawing that was kept is taken up with its strokes and its digit", () => {
  const kept = new Drawing([], DIGIT);
  kept.begin(at(0.1, 0.1), true);
  const drawing = new Drawing(kept.strokes, kept.over);
  assert.deepEqual([drawing.over, lengths(drawing), drawing.canUndo], [DIGIT, [1], false]);
});

test("strokes that were read do not change later", () => {
  const drawing = new Drawing();
  drawing.begin(at(0.1, 0.1), false);
  const before = drawing.strokes;
  drawing.extend(at(0.9, 0.9));
  assert.equal(before[0]?.points.length, 1);
});

test("pressure changes the width, from half to one and a half of it", () => {
  assert.equal(widthUnderPressure(0.1, 0.5), 0.1);
  assert.equal(widthUnderPressure(0.1, 0), 0.05);
  assert.ok(Math.abs(widthUnderPressure(0.1, 1) - 0.15) < 1e-9);
  assert.equal(widthUnderPressure(0.1, -1), widthUnderPressure(0.1, 0));
  assert.equal(widthUnderPressure(0.1, 7), widthUnderPressure(0.1, 1));
});

/**
 * What strokes paint: the shapes as text, each with its colour and width.
 * @param {import("../../static/js/draw/strokes.js").Stroke[]} strokes
 */
function painted(strokes) {
  /** @type {string[]} */
  const found = [];
  /** @type {(string | number)[]} */
  let path = [];
  const context = {
    fillStyle: "", strokeStyle: "", lineWidth: 0,
    beginPath: () => void (path = []),
    moveTo: (/** @type {number[]} */ ...to) => void path.push("M", ...to),
    quadraticCurveTo: (/** @type {number[]} */ ...to) => void path.push("Q", ...to),
    arc: (/** @type {number[]} */ ...[x, y, radius]) => void path.push("dot", x ?? 0, y ?? 0, radius ?? 0),
    fill: () => void found.push(`${context.fillStyle} ${path.join(" ")}`),
    stroke: () => void found.push(`${context.strokeStyle} ${context.lineWidth} ${path.join(" ")}`),
  };
  paintStrokes(/** @type {any} */ (context), 100, strokes);
  return found;
}

test("a single point is a dot, which an eraser paints black", () => {
  const points = [at(0.25, 0.75)];
  assert.deepEqual(painted([{ points, erase: false }]), ["#fff dot 25 75 5"]);
  assert.deepEqual(painted([{ points, erase: true }]), ["#000 dot 25 75 5"]);
});

test("curves meet in the middle between points, in one path from the first to the last", () => {
  const points = [at(0, 0, 0.25), at(0.5, 0, 0.25), at(0.5, 0.5, 0.25)];
  assert.deepEqual(painted([{ points, erase: false }]), [
    "#fff 25 M 0 0 Q 0 0 25 0 Q 50 0 50 25 Q 50 50 50 50",
  ]);
});

test("another width begins another path where the last one ended", () => {
  const points = [at(0, 0, 0.25), at(0.5, 0, 0.5)];
  assert.deepEqual(painted([{ points, erase: false }]), [
    "#fff 25 M 0 0 Q 0 0 25 0", "#fff 50 M 25 0 Q 50 0 50 0",
  ]);
});

test("on a picture pens have colours and leave what is there", () => {
  const drawing = new Drawing([], DIGIT, true);
  drawing.begin(at(0.2, 0.2), false, "#d62728");
  drawing.begin(at(0.4, 0.4), true, "#d62728");
  assert.equal(drawing.over, DIGIT);
  assert.deepEqual(drawing.strokes.map(({ erase, colour }) => [erase, colour]), [
    [false, "#d62728"], [true, undefined],
  ]);
  drawing.clear();
  assert.ok(drawing.isEmpty);
});
