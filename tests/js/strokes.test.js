// @ts-check
/**
 * Strokes, undo, and smooth curves through points.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Drawing, NEUTRAL_PRESSURE, curvesOf, widthUnderPressure } from "../../static/js/draw/strokes.js";

/**
 * @param {number} x
 * @param {number} y
 */
const at = (x, y, pressure = NEUTRAL_PRESSURE) => ({ x, y, pressure });

/** @param {Drawing} drawing */
const lengths = (drawing) => drawing.strokes.map((stroke) => stroke.points.length);

test("a stroke begins as a dot and grows by its points", () => {
  const drawing = new Drawing();
  assert.ok(drawing.isEmpty);
  drawing.begin(0.1, at(0.2, 0.2));
  assert.ok(drawing.extend(at(0.3, 0.2)));
  drawing.begin(0.2, at(0.5, 0.5));
  assert.deepEqual(lengths(drawing), [2, 1]);
  assert.deepEqual(drawing.strokes.map((stroke) => stroke.width), [0.1, 0.2]);
});

test("a point next to the last one changes nothing, nor does one without a stroke", () => {
  const drawing = new Drawing();
  assert.equal(drawing.extend(at(0.5, 0.5)), false);
  drawing.begin(0.1, at(0.5, 0.5));
  assert.equal(drawing.extend(at(0.501, 0.501)), false);
  assert.deepEqual(lengths(drawing), [1]);
});

test("undo removes whole strokes, the newest first, until none is left", () => {
  const drawing = new Drawing();
  drawing.begin(0.1, at(0.1, 0.1));
  drawing.extend(at(0.2, 0.1));
  drawing.extend(at(0.3, 0.1));
  drawing.begin(0.1, at(0.5, 0.5));
  drawing.undo();
  assert.deepEqual(lengths(drawing), [3]);
  drawing.undo();
  drawing.undo();
  assert.ok(drawing.isEmpty);
  assert.equal(drawing.canUndo, false);
});

test("clearing can be undone, and clearing an empty drawing is no step", () => {
  const drawing = new Drawing();
  drawing.clear();
  assert.equal(drawing.canUndo, false);
  drawing.begin(0.1, at(0.1, 0.1));
  drawing.begin(0.1, at(0.2, 0.2));
  drawing.clear();
  drawing.clear();
  assert.ok(drawing.isEmpty);
  drawing.undo();
  assert.deepEqual(lengths(drawing), [1, 1]);
});

test("strokes that were read do not change later", () => {
  const drawing = new Drawing();
  drawing.begin(0.1, at(0.1, 0.1));
  const before = drawing.strokes;
  drawing.extend(at(0.9, 0.9));
  assert.equal(before[0]?.points.length, 1);
});

test("curves lead from the first point to the last without a gap", () => {
  const points = [at(0, 0), at(0.4, 0), at(0.4, 0.4), at(0, 0.4)];
  const found = curvesOf({ width: 0.1, points });
  assert.deepEqual(found[0]?.from, points[0]);
  assert.deepEqual(found[3]?.to, points[3]);
  for (const [place, piece] of found.entries()) {
    const next = found[place + 1];
    if (next) assert.deepEqual(piece.to, next.from);
    assert.deepEqual(piece.control, points[place]);
  }
  assert.deepEqual(found[1]?.to, { x: 0.4, y: 0.2 });
});

test("a single point is a dot", () => {
  const point = at(0.3, 0.7);
  assert.deepEqual(curvesOf({ width: 0.1, points: [point] }), [
    { from: point, control: point, to: point, width: 0.1 },
  ]);
});

test("pressure changes the width along a stroke, within bounds", () => {
  const points = [at(0, 0, 0.2), at(1, 0, 0.9)];
  const [light, hard] = curvesOf({ width: 0.1, points }).map((piece) => piece.width);
  assert.ok(light && hard && light < 0.1 && hard > 0.1);
  assert.equal(widthUnderPressure(0.1, NEUTRAL_PRESSURE), 0.1);
  assert.equal(widthUnderPressure(0.1, -1), widthUnderPressure(0.1, 0));
  assert.equal(widthUnderPressure(0.1, 7), widthUnderPressure(0.1, 1));
});
