// @ts-check
/**
 * Holds a drawing as strokes, with undo, and smooths them into curves.
 * @module
 */

/**
 * Positions and widths are shares of the surface's longer side. A colour is that of a picture.
 * @typedef {readonly [x: number, y: number, width: number]} Point
 * @typedef {{ points: readonly Point[], erase: boolean, colour?: string }} Stroke
 */

const MIN_DISTANCE = 0.004; // points that are closer only add jitter
export const MAX_POINTS = 1600; // of a drawing, so that it takes less than the server's 64 KiB as JSON
const MAX_POINTS_OF_PICTURES = 1200; // whose strokes have colours

/** The strokes of a drawing, the digit that they are drawn over, and the history of both. */
export class Drawing {
  /** @type {{ strokes: readonly Stroke[], over: string | null }[]} */
  #states;

  /**
   * @param {readonly Stroke[]} [strokes] to begin with
   * @param {string | null} [over] id of the digit under them
   * @param {boolean} [isPicture] whether pens draw over what is there, in colour, instead of
   *   replacing it
   */
  constructor(strokes = [], over = null, isPicture = false) {
    this.#states = [{ strokes, over }];
    this.isPicture = isPicture;
  }

  get #state() {
    return this.#states[this.#states.length - 1] ?? { strokes: [], over: null };
  }

  get strokes() {
    return this.#state.strokes;
  }

  /** The digit that an eraser takes ink from; null once a pen replaced it. */
  get over() {
    return this.#state.over;
  }

  /** Whether there is neither a digit nor ink. */
  get isEmpty() {
    return this.over === null && this.strokes.every((stroke) => stroke.erase);
  }

  get canUndo() {
    return this.#states.length > 1;
  }

  /**
   * Begin a stroke, which is a dot at first. The first one of a pen replaces a digit.
   * @param {Point} point
   * @param {boolean} erase
   * @param {string} [colour] of a pen on a picture
   */
  begin(point, erase, colour) {
    const isKept = erase || this.isPicture || this.over === null;
    const stroke = { points: [point], erase, ...(colour && !erase ? { colour } : {}) };
    const strokes = [...(isKept ? this.strokes : []), stroke];
    this.#states.push({ strokes, over: isKept ? this.over : null });
  }

  /**
   * Add a point to the newest stroke.
   * @param {Point} point
   * @returns {boolean} whether the drawing changed
   */
  extend(point) {
    const { strokes, over } = this.#state;
    const newest = strokes[strokes.length - 1];
    const last = newest?.points[newest.points.length - 1];
    if (!newest || !last) return false;
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) < MIN_DISTANCE) return false;
    const extended = { ...newest, points: [...newest.points, point] };
    const drawn = [...strokes.slice(0, -1), extended];
    const most = this.isPicture ? MAX_POINTS_OF_PICTURES : MAX_POINTS;
    const isFull = drawn.reduce((sum, { points }) => sum + points.length, 0) > most;
    this.#states[this.#states.length - 1] = { strokes: isFull ? thinned(drawn) : drawn, over };
    return true;
  }

  /** Undo the newest stroke, or clearing. */
  undo() {
    if (this.canUndo) this.#states.pop();
  }

  /** Take everything away, the digit too. */
  clear() {
    if (this.over !== null || this.strokes.length > 0) this.#states.push({ strokes: [], over: null });
  }
}

/**
 * Strokes without those points that change their curves least: about a quarter.
 * @param {readonly Stroke[]} strokes
 * @returns {readonly Stroke[]}
 */
function thinned(strokes) {
  const bends = strokes.flatMap(({ points }) => points.map((_, index) => bendAt(points, index)));
  const sorted = bends.filter(Number.isFinite).sort((one, other) => one - other);
  const median = sorted[sorted.length >> 1] ?? 0;
  return strokes.map((stroke) => {
    const { points } = stroke;
    return { ...stroke, points: points.filter((_, index) => bendAt(points, index) > median) };
  });
}

/**
 * How far a point is from the middle between its neighbours. Infinite at the ends, and at every
 * second point: neighbours of a point that is left out stay.
 * @param {readonly Point[]} points
 * @param {number} index
 */
function bendAt(points, index) {
  const [before, point, after] = [points[index - 1], points[index], points[index + 1]];
  if (index % 2 === 0 || !before || !point || !after) return Infinity;
  return Math.hypot(
    point[0] - (before[0] + after[0]) / 2,
    point[1] - (before[1] + after[1]) / 2,
    point[2] - (before[2] + after[2]) / 2,
  );
}

/**
 * The width under a pen's pressure, from half to one and a half of the chosen one.
 * @param {number} width
 * @param {number} pressure 0 to 1
 */
export function widthUnderPressure(width, pressure) {
  return width * (0.5 + Math.min(Math.max(pressure, 0), 1));
}

/**
 * Paint strokes in white on a black square, or on what is there. On a layer of its own an eraser
 * takes them away instead of painting black.
 * @param {CanvasRenderingContext2D} context
 * @param {number} side pixels
 * @param {readonly Stroke[]} strokes
 * @param {boolean} [isLayer]
 */
export function paintStrokes(context, side, strokes, isLayer = false) {
  for (const { points, erase, colour } of strokes) {
    if (isLayer) context.globalCompositeOperation = erase ? "destination-out" : "source-over";
    context.fillStyle = context.strokeStyle = erase ? "#000" : colour ?? "#fff";
    context.lineCap = context.lineJoin = "round";
    paintStroke(context, side, points);
  }
}

/**
 * Curves that meet in the middle between the points, where both have one tangent.
 * @param {CanvasRenderingContext2D} context
 * @param {number} side
 * @param {readonly Point[]} points
 */
function paintStroke(context, side, points) {
  const [first] = points;
  if (points.length === 1 && first) {
    context.beginPath(); // a canvas leaves out lines of length zero
    context.arc(first[0] * side, first[1] * side, (first[2] * side) / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  let width = 0;
  for (const [index, point] of points.entries()) {
    const [x, y] = point;
    const [before, after] = [points[index - 1] ?? point, points[index + 1] ?? point];
    if (point[2] !== width) { // curves of one width are one path: seams between paths would show
      if (width) context.stroke();
      width = point[2];
      context.lineWidth = width * side;
      context.beginPath();
      context.moveTo(((before[0] + x) / 2) * side, ((before[1] + y) / 2) * side);
    }
    const [endX, endY] = [(x + after[0]) / 2, (y + after[1]) / 2];
    context.quadraticCurveTo(x * side, y * side, endX * side, endY * side);
  }
  context.stroke();
}
