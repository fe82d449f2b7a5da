"""A pen on paper: turns a drawing's strokes into ink.

The same drawing has the same ink on every machine: no function whose last bit differs between
processors, Python's own generator, and a pen that is stamped at whole pixels.
"""

from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scripts.strokes import Drawing, Hand

Floats = NDArray[np.float64]

PAPER: Final = 255
INK: Final = 0
PIXELS_PER_UNIT: Final = 6
MARGIN: Final = 24
STEP: Final = 0.4
WOBBLE_LENGTH: Final = 24.0
PRESSURE_LENGTH: Final = 12.0
LIFT_LENGTH: Final = 18.0


def ink(drawing: Drawing) -> NDArray[np.uint8]:
    """The drawing on a sheet of its own: uint8 ``(H, W)``, ink 0 on paper 255.

    The hand's tremble is drawn from a generator seeded by label and style, so that a drawing
    does not change when others come or go.
    """
    tremble = Random(f"{drawing.label} {drawing.style}")
    strokes = [_trace(parse(stroke), drawing.hand, tremble) for stroke in drawing.strokes]
    marks = np.concatenate(strokes)
    marks[:, :2] += MARGIN - marks[:, :2].min(axis=0)
    width, height = marks[:, :2].max(axis=0) + MARGIN
    size = (int(width * PIXELS_PER_UNIT), int(height * PIXELS_PER_UNIT))
    sheet = Image.new("L", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    for x, y, radius in np.rint(marks * PIXELS_PER_UNIT).astype(int).tolist():
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=INK)
    return np.asarray(sheet)


def parse(stroke: str) -> list[Floats]:
    """The runs of a stroke, each ``(N, 2)``: smooth from one corner to the next."""
    runs: list[list[list[float]]] = [[]]
    for word in stroke.split():
        point = [float(number) for number in word.rstrip("^").split(",")]
        runs[-1].append(point)
        if word.endswith("^"):
            runs.append([point])
    return [np.array(run) for run in runs]


def _trace(runs: list[Floats], hand: Hand, tremble: Random) -> Floats:
    """Where the pen is on its way through one stroke, ``(N, 3)``: x, y and radius."""
    path = np.concatenate([_smooth(run) for run in runs])
    travelled = _distance(path)
    path = path + _wobble(travelled, hand, tremble)
    path[:, 0] += hand.slant * (100.0 - path[:, 1])
    return np.column_stack([path, _radius(travelled, path[:, 1], hand)])


def _smooth(points: Floats) -> Floats:
    """The curve through the points, about ``STEP`` apart.

    Knots are centripetal, the square roots of the distances: such a curve has no loops or cusps
    between its points (Yuksel, Schaefer and Keyser 2011).
    """
    gaps = np.diff(_distance(points))
    knots = np.concatenate([[0.0], np.cumsum(np.sqrt(gaps))])
    steps = [
        np.linspace(start, end, int(gap / STEP) + 1, endpoint=False)
        for start, end, gap in zip(knots[:-1], knots[1:], gaps, strict=True)
    ]
    return _spline(knots, points, np.concatenate([*steps, knots[-1:]]))


def _spline(knots: Floats, values: Floats, at: Floats) -> Floats:
    """Cubic Hermite interpolation of ``values`` ``(N, K)``, which stand at ``knots``.

    The tangent at a value is that of the parabola through it and its two neighbours.
    """
    gaps = np.diff(knots)[:, None]
    slopes = np.diff(values, axis=0) / gaps
    inner = (slopes[:-1] * gaps[1:] + slopes[1:] * gaps[:-1]) / (gaps[:-1] + gaps[1:])
    tangents = np.concatenate([slopes[:1], inner, slopes[-1:]])
    piece = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(gaps) - 1)
    gap = gaps[piece]
    t = (at - knots[piece])[:, None] / gap
    s = 1.0 - t
    curve: Floats = (
        values[piece] * s * s * (1.0 + 2.0 * t)
        + values[piece + 1] * t * t * (1.0 + 2.0 * s)
        + gap * s * t * (tangents[piece] * s - tangents[piece + 1] * t)
    )
    return curve


def _wobble(travelled: Floats, hand: Hand, tremble: Random) -> Floats:
    """How far the hand strays from its path, ``(N, 2)``, slowly changing along the way."""
    knots = np.arange(0.0, travelled[-1] + WOBBLE_LENGTH, WOBBLE_LENGTH)
    strays = [
        [tremble.uniform(-hand.wobble, hand.wobble) for _ in range(2)] for _ in range(len(knots))
    ]
    return _spline(knots, np.array(strays), travelled)


def _radius(travelled: Floats, y: Floats, hand: Hand) -> Floats:
    """Of the pen: more on the way down, less on the way up and where it lands and leaves."""
    half = PRESSURE_LENGTH / 2
    ahead = np.interp(travelled + half, travelled, y)
    behind = np.interp(travelled - half, travelled, y)
    pressure = 1.0 + hand.pressure * (ahead - behind) / PRESSURE_LENGTH
    nearest_end = np.minimum(2.0 * travelled, travelled[-1] - travelled)
    lift = hand.lift + (1.0 - hand.lift) * np.minimum(nearest_end / LIFT_LENGTH, 1.0)
    radius: Floats = hand.width / 2.0 * pressure * lift
    return radius


def _distance(points: Floats) -> Floats:
    """Travelled from the first point to each, along straight lines."""
    steps = np.diff(points, axis=0)
    return np.concatenate([[0.0], np.cumsum(np.sqrt(steps[:, 0] ** 2 + steps[:, 1] ** 2))])
