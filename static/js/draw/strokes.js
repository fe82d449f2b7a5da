// @ts-check
/**
 * A drawing as strokes, and what can be done and undone to it. Knows no elements.
 * @module
 */

/**
 * Places and widths are in units of the surface's side. A pressure of one half leaves a stroke as
 * wide as it was chosen.
 * @typedef {{ x: number, y: number, pressure: number }} Point
 * @typedef {{ width: number, points: readonly Point[] }} Stroke
 * @typedef {{ x: number, y: number }} Place
 */

/**
 * A curve from one place to another, bent towards a third, of one width.
 * @typedef {{ from: Place, by: Place, to: Place, width: number }} Piece
 */

/** What a mouse and most fingers give, and so what stands for no pressure at all. */
export const NEUTRAL = 0.5;

const LEAST_STEP = 0.003; // points that lie closer only add jitter

/** The strokes so far, with every state to go back to. */
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
   * A new stroke, which is a dot to begin with.
   * @param {number} width
   * @param {Point} point
   */
  begin(width, point) {
    this.#states.push([...this.strokes, { width, points: [point] }]);
  }

  /**
   * The newest stroke goes on.
   * @param {Point} point
   * @returns {boolean} whether that changed anything
   */
  extend(point) {
    const strokes = this.strokes;
    const newest = strokes[strokes.length - 1];
    const last = newest?.points[newest.points.length - 1];
    if (!newest || !last) return false;
    if (Math.hypot(point.x - last.x, point.y - last.y) < LEAST_STEP) return false;
    const grown = { width: newest.width, points: [...newest.points, point] };
    this.#states[this.#states.length - 1] = [...strokes.slice(0, -1), grown];
    return true;
  }

  /** Back to before the newest stroke, or to before everything was cleared. */
  undo() {
    if (this.canUndo) this.#states.pop();
  }

  /** An empty surface; it can be undone. */
  clear() {
    if (!this.isEmpty) this.#states.push([]);
  }
}

/**
 * Half-way between two places.
 * @param {Place} a
 * @param {Place} b
 * @returns {Place}
 */
function between(a, b) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/**
 * How wide a stroke is under a pressure: from half of what was chosen to half as much again.
 * @param {number} width
 * @param {number} pressure 0 to 1
 */
export function pressed(width, pressure) {
  return width * (0.5 + Math.min(Math.max(pressure, 0), 1));
}

/**
 * A smooth line through a stroke's points: curves that meet half-way between them, where they have
 * one direction. A single point is a piece of no length, which round ends make a dot.
 * @param {Stroke} stroke
 * @returns {Piece[]}
 */
export function pieces({ width, points }) {
  return points.map((by, at) => {
    const before = points[at - 1];
    const after = points[at + 1];
    const from = before ? between(before, by) : by;
    const to = after ? between(by, after) : by;
    return { from, by, to, width: pressed(width, by.pressure) };
  });
}
