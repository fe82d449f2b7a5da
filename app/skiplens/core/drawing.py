"""Draws strokes as an image: white on black, as MNIST has its digits, or in colour over another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

from skiplens.core.limits import DEFAULT, ImageLimits

PAPER_SIDE: Final = 128  # several times the 20 pixels that a digit is scaled to
_FINE: Final = 2 * PAPER_SIDE  # drawn at twice the size and averaged, for smooth edges
_DISCS_A_WIDTH: Final = 6  # discs along a piece of a line as long as it is wide
_THINNEST: Final = 1.0  # pixels, at the fine size
_INK, _PAPER = 255, 0
_FINEST: Final = 512  # pixels along the longer side of strokes over an image
_CLEAR: Final = (0, 0, 0, 0)

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Stroke:
    """One line of the pen.

    Attributes:
        points: x, y and width of each, as shares of the side; of the longer one of an image.
        erase: whether it takes ink away.
        colour: ``#rrggbb``; by default the one that stands out from blank paper.
    """

    points: Sequence[Point]
    erase: bool = False
    colour: str | None = None


def draw_strokes(
    strokes: Sequence[Stroke],
    under: NDArray[np.uint8] | None = None,
    limits: ImageLimits = DEFAULT,
) -> NDArray[np.uint8]:
    """Strokes as an image, in their order.

    Args:
        strokes: what is drawn.
        under: uint8 ``(28, 28)``, the digit they are drawn over; black by default.
        limits: of the discs of the pen; where they do not suffice, they lie further apart.

    Returns:
        uint8 ``(128, 128)``.
    """
    if under is None:
        canvas = Image.new("L", (_FINE, _FINE), _PAPER)
    else:
        canvas = Image.fromarray(under).resize((_FINE, _FINE), Image.Resampling.BILINEAR)
    _draw(canvas, _FINE, limits, strokes, lambda stroke: _PAPER if stroke.erase else _INK)
    return np.asarray(canvas.reduce(_FINE // PAPER_SIDE))


def blank_paper(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Where nothing is drawn: black if the image is grey, as digits are, else white.

    Args:
        shape: height, width and channels.

    Returns:
        uint8 ``(H, W)``, or ``(H, W, 3)`` RGB.
    """
    grey = shape[2] == 1
    return np.full(shape[:2] if grey else shape, _PAPER if grey else _INK, np.uint8)


def draw_over(
    strokes: Sequence[Stroke], image: NDArray[np.uint8], limits: ImageLimits = DEFAULT
) -> NDArray[np.uint8]:
    """Strokes over an image, in their order. An eraser takes strokes away, not the image.

    Args:
        strokes: what is drawn.
        image: uint8 ``(H, W)``, or ``(H, W, 3)`` RGB.
        limits: as for :func:`draw_strokes`.

    Returns:
        An image like it.
    """
    under = Image.fromarray(image)
    longer = max(under.size)
    fine = min(2 * longer, _FINEST)
    layer = Image.new("RGBA", [max(1, round(side * fine / longer)) for side in under.size])
    ink = "black" if under.mode == "RGB" else "white"

    def shade(stroke: Stroke) -> tuple[int, ...]:
        return _CLEAR if stroke.erase else ImageColor.getrgb(stroke.colour or ink)

    _draw(layer, fine, limits, strokes, shade)
    drawn = under.convert("RGBA")
    drawn.alpha_composite(layer.resize(under.size, Image.Resampling.BILINEAR))
    return np.asarray(drawn.convert(under.mode))


def _draw(
    canvas: Image.Image,
    side: int,
    limits: ImageLimits,
    strokes: Sequence[Stroke],
    shade: Callable[[Stroke], Any],
) -> None:
    """Draw strokes whose positions are shares of ``side`` pixels; ``shade`` tells their value."""
    pen = ImageDraw.Draw(canvas)
    lines = [np.array(stroke.points, np.float64) * side for stroke in strokes]
    steps = [_steps(points) for points in lines]
    excess = max(1.0, sum(float(each.sum()) for each in steps) / limits.discs)
    for stroke, points, each in zip(strokes, lines, steps, strict=True):
        value = shade(stroke)
        for x, y, reach in _discs(points, np.ceil(each / excess).astype(int)):
            pen.ellipse((x - reach, y - reach, x + reach, y + reach), value)


def _joints(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the curves of a stroke meet: in the middle between its points, so that both sides of a
    joint have one tangent; and the stroke's ends. float64 ``(n + 1, 3)``.
    """
    joints: NDArray[np.float64] = np.vstack(
        [points[:1], (points[:-1] + points[1:]) / 2, points[-1:]]
    )
    return joints


def _steps(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Discs along each curve of a stroke, so close that their outline is a line."""
    joints = _joints(points)
    length = np.hypot(*(joints[1:] - joints[:-1]).T[:2])
    width = np.maximum(points[:, 2], _THINNEST)
    steps: NDArray[np.float64] = np.maximum(np.ceil(length * _DISCS_A_WIDTH / width), 1)
    return steps


def _discs(points: NDArray[np.float64], steps: NDArray[np.int64]) -> list[list[float]]:
    """The pen along a stroke, which is a chain of quadratic curves.

    Args:
        points: x, y and width of each, float64 ``(n, 3)``, in pixels.
        steps: discs along each curve, ``(n,)``.

    Returns:
        x, y and radius of each disc.
    """
    joints = _joints(points)
    starts, ends = joints[:-1], joints[1:]
    curve = np.repeat(np.arange(len(points)), steps)
    first = np.repeat(np.cumsum(steps) - steps, steps)
    at = ((np.arange(len(curve)) - first + 1) / steps[curve])[:, None]
    start, middle, end = starts[curve], points[curve], ends[curve]
    drawn = (1 - at) ** 2 * start + 2 * at * (1 - at) * middle + at**2 * end
    discs = np.vstack([points[:1], drawn])
    discs[:, 2] = np.maximum(discs[:, 2], _THINNEST) / 2
    kept: list[list[float]] = discs.tolist()
    return kept
