// @ts-check
/**
 * Holds a drawing as strokes, with undo, and smooths them into curves.
 * @module
 */

/**
 * Positions and widths are shares of the surface's side. At a pressure of one half a stroke has its
 * chosen width.
 * @typedef {{ x: number, y: number, pressure: number }} Point
 * @typedef {{ width: number, points: readonly Point[] }} Stroke
 * @typedef {{ x: number, y: number }} Position
 */

/**
 * A quadratic Bézier curve of constant width.
 * @typedef {{ from: Position, control: Position, to: Position, width: number }} Curve
 */

/** What a mouse and most fingers report; also stands for devices without pressure. */
export const NEUTRAL_PRESSURE = 0.5;

const MIN_DISTANCE = 0.003; // points that are closer only add jitter

/** The strokes of a drawing and their history. */
export class Drawing {
  /** @type {(readonly Stroke[])[]} */
  #states = [[]];

  /** @returns {readonly Stroke[]} */
  get strokes() {
    return this.#states[this.#states.length - 1] ?? [];
  }

  get isEmpty() {
    return this.strokes.length === 0;
  }

  get canUndo() {
    return this.#states.length > 1;
  }

  /**
   * Begin a stroke, which is a dot at first.
   * @param {number} width
   * @param {Point} point
   */
  begin(width, point) {
    this.#states.push([...this.strokes, { width, points: [point] }]);
  }

  /**
   * Add a point to the newest stroke.
   * @param {Point} point
   * @returns {boolean} whether the drawing changed
   */
  extend(point) {
    const strokes = this.strokes;
    const newest = strokes[strokes.length - 1];
    const last = newest?.points[newest.points.length - 1];
    if (!newest || !last) return false;
    if (Math.hypot(point.x - last.x, point.y - last.y) < MIN_DISTANCE) return false;
    const extended = { width: newest.width, points: [...newest.points, point] };
    this.#states[this.#states.length - 1] = [...strokes.slice(0, -1), extended];
    return true;
  }

  /** Undo the newest stroke, or clearing. */
  undo() {
    if (this.canUndo) this.#states.pop();
  }

  clear() {
    if (!this.isEmpty) this.#states.push([]);
  }
}

/**
 * @param {Position} a
 * @param {Position} b
 * @returns {Position}
 */
function midpoint(a, b) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/**
 * The width under a pressure, from 0.5 to 1.5 times the chosen one.
 * @param {number} width
 * @param {number} pressure 0 to 1
 */
export function widthUnderPressure(width, pressure) {
  return width * (0.5 + Math.min(Math.max(pressure, 0), 1));
}

/**
 * A smooth line through a stroke: curves that meet at the midpoints between its points, where they
 * have a common tangent. A single point gives a curve of length zero.
 * @param {Stroke} stroke
 * @returns {Curve[]}
 */
export function curvesOf({ width, points }) {
  return points.map((control, index) => {
    const previous = points[index - 1];
    const next = points[index + 1];
    const from = previous ? midpoint(previous, control) : control;
    const to = next ? midpoint(control, next) : control;
    return { from, control, to, width: widthUnderPressure(width, control.pressure) };
  });
}
