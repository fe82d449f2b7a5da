"""Digits drawn by a pen: ways of writing of which the training digits hold few or none.

Nearly all of MNIST was written in the United States. A 1 with a long upstroke, a crossed 7, an open
4 beside a closed one belong to other hands. Each digit takes a form from :data:`FORMS`, moves its
points a little, is slanted, pressed and sized by a hand of its own, and is laid into 28 x 28 as
MNIST's digits are (LeCun et al. 1998, section III.A).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.input_image import SIDE

Floats = NDArray[np.float32]

_BOX: Final = 20  # pixels that the longer side of a digit takes
_PER_SEGMENT: Final = 12  # steps of the pen from one point to the next
_MARKS: Final = 96  # where the ink of one digit falls
_JITTER: Final = 2.6  # standard deviation of a point, in hundredths of the height
_SLANT: Final = (-0.12, 0.34)
_STRETCH: Final = (0.78, 1.12)
_WIDTH: Final = (7.0, 19.0)
_PRESSURE: Final = 0.25

Form = tuple[tuple[str, ...], float]

# Strokes and how often, among the forms of the digit. A stroke is the points x,y that the pen
# passes through, ^ behind a point makes it a corner; y runs from 0 at the top to 100 at the foot.
FORMS: Final[tuple[tuple[Form, ...], ...]] = (
    (
        (("50,2 24,16 12,50 22,84 46,98 72,84 84,50 74,16 50,2",), 2),
        (("58,6 34,6 16,32 16,66 34,94 60,94 78,66 76,32 58,6 48,4",), 1),
        (("50,2 22,20 14,52 26,86 52,98 78,80 84,46 72,14 46,2", "80,4 52,50 20,98"), 1),
    ),
    (
        (("50,0 50,50 50,100",), 2),
        (("32,24 52,2^ 52,50 52,100",), 2),
        (("18,44 36,26 56,2^ 56,52 55,100",), 3),
        (("8,66 32,38 58,2^ 57,50 56,100",), 3),
        (("2,90 30,50 56,2^ 57,52 57,100",), 2),
        (("22,34 52,2^ 52,98", "26,98 52,97 80,98"), 3),
        (("10,58 52,2^ 52,96", "24,97 52,96 78,96"), 2),
    ),
    (
        (("14,24 34,4 62,6 72,28 52,58 12,96^ 44,94 86,96",), 2),
        (("16,28 32,6 60,4 74,24 60,54 34,80 14,94 10,84 24,78 46,90 70,98 90,90",), 1),
        (("18,20 48,4 72,18 64,44 38,72 14,98^ 84,98",), 1),
    ),
    (
        (("16,14 42,2 68,16 62,38 38,48^ 64,54 76,76 56,96 18,90",), 2),
        (("14,6 76,6^ 42,42^ 68,52 76,76 54,98 16,90",), 1),
        (("20,8 50,2 66,20 54,40 36,46 60,50 74,70 58,94 30,98 14,86",), 1),
    ),
    (
        (("26,4 12,54^ 80,54", "64,20 60,100"), 2),
        (("16,4 14,34 20,50 44,54 72,48", "76,4 72,50 68,100"), 2),
        (("20,6 12,48^ 72,46", "74,6 68,100"), 2),
        (("62,2^ 8,64^ 88,64", "62,2 61,100"), 2),
        (("62,100 63,2^ 10,66^ 90,64",), 1),
        (("56,2^ 10,60^ 86,58", "64,36 60,100"), 2),
    ),
    (
        (("72,4 26,4^ 22,42^ 50,38 76,58 72,86 44,98 16,88",), 2),
        (("28,6 24,44^ 52,40 74,60 66,90 40,98 14,90", "28,6 78,4"), 1),
        (("76,8 40,6^ 28,40 54,44 68,66 54,92 18,98",), 1),
    ),
    (
        (("66,2 36,22 18,58 24,88 48,98 72,86 74,64 52,52 26,66",), 2),
        (("58,2 30,34 16,70 30,96 58,94 70,74 56,58 32,64 20,80",), 1),
    ),
    (
        (("12,8 46,7 82,6^ 58,48 44,100",), 2),
        (("12,8 46,7 82,6^ 58,48 44,100", "26,54 50,52 76,50"), 3),
        (("14,26 16,8^ 48,9 84,6^ 60,50 48,100", "28,56 78,50"), 2),
        (("14,22 18,8^ 84,8^ 56,46 42,100",), 2),
        (("10,14 30,6 52,12 80,4^ 60,36 50,68 48,100", "32,52 52,50 74,48"), 1),
        (("10,10 78,8^ 34,100",), 1),
    ),
    (
        (("70,14 48,2 26,14 32,36 66,62 74,84 50,98 24,86 30,62 64,36 70,14",), 2),
        (
            (
                "50,2 28,14 32,38 52,46 72,32 68,10 50,2",
                "52,46 26,60 22,84 48,98 76,84 74,60 52,46",
            ),
            1,
        ),
        (("74,8 46,4 28,20 48,44 70,66 62,94 34,98 22,78 48,48 76,14",), 1),
    ),
    (
        (("70,22 50,2 24,14 22,38 46,50 70,30^ 68,64 64,100",), 2),
        (("72,16 48,2 22,20 30,46 56,44 72,18^ 72,60 58,92 22,98",), 1),
        (("68,12 42,4 20,24 34,50 62,40 70,12 60,56 46,100",), 1),
    ),
)


def draw(labels: NDArray[np.uint8], rng: np.random.Generator) -> Floats:
    """A digit for each label, each by a hand of its own.

    Args:
        labels: uint8 ``(N,)`` in 0..9.
        rng: where all randomness comes from.

    Returns:
        float32 ``(N, 28, 28, 1)`` in [0, 1], ink 1.
    """
    drawn = np.zeros((len(labels), SIDE, SIDE, 1), np.float32)
    for digit, label in zip(drawn, labels, strict=True):
        forms = FORMS[label]
        weights = np.array([weight for _, weight in forms], np.float64)
        strokes, _ = forms[rng.choice(len(forms), p=weights / weights.sum())]
        digit[..., 0] = write(strokes, rng)
    return drawn


def write(strokes: tuple[str, ...], rng: np.random.Generator) -> Floats:
    """One digit of these strokes by a random hand, float32 ``(28, 28)`` in [0, 1]."""
    marks = np.concatenate([_path(stroke, rng) for stroke in strokes])
    marks = marks[np.linspace(0, len(marks) - 1, _MARKS).round().astype(np.intp)]
    down = np.gradient(marks[:, 1]) / (np.abs(np.gradient(marks, axis=0)).sum(axis=1) + 1e-6)
    radius = rng.uniform(*_WIDTH) / 2 * (1 + rng.uniform(0, _PRESSURE) * down)
    marks[:, 0] = marks[:, 0] * rng.uniform(*_STRETCH) - rng.uniform(*_SLANT) * marks[:, 1]
    low, high = (marks - radius[:, None]).min(axis=0), (marks + radius[:, None]).max(axis=0)
    scale = _BOX / (high - low).max()
    # Its centre of mass in the middle, as long as no ink leaves the sheet.
    middle = (SIDE - 1) / 2 - marks.mean(axis=0) * scale
    corner = np.clip(middle, 1 - low * scale, SIDE - 2 - high * scale)
    placed = (marks * scale + corner).astype(np.float32)
    return _ink(placed, (radius * scale).astype(np.float32))


def _path(stroke: str, rng: np.random.Generator) -> Floats:
    """The pen's way through one stroke, ``(N, 2)``, its points moved a little."""
    words = stroke.split()
    points = np.array([word.rstrip("^").split(",") for word in words], np.float32)
    points += rng.normal(0, _JITTER, points.shape).astype(np.float32)
    # A point that stands twice makes a corner: the curve has no direction of its own there.
    points = np.repeat(points, [2 if word.endswith("^") else 1 for word in words], axis=0)
    before, after = points[:-1], points[1:]
    slopes = np.gradient(points, axis=0)
    t = np.linspace(0, 1, _PER_SEGMENT, endpoint=False, dtype=np.float32)[:, None, None]
    curve = (
        before * (1 - t) ** 2 * (1 + 2 * t)
        + after * t**2 * (3 - 2 * t)
        + slopes[:-1] * t * (1 - t) ** 2
        - slopes[1:] * t**2 * (1 - t)
    )
    return _evenly(np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 2), points[-1:]]))


def _evenly(path: Floats) -> Floats:
    """The path in steps of about one hundredth of the digit's height."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0, travelled[-1], max(2, int(travelled[-1])))
    columns = [np.interp(at, travelled, path[:, axis]) for axis in range(2)]
    return np.stack(columns, axis=1).astype(np.float32)


def _ink(marks: Floats, radius: Floats) -> Floats:
    """Discs at ``(x, y)`` with soft edges of one pixel, ``(28, 28)``; the darkest counts."""
    places = np.arange(SIDE, dtype=np.float32)[:, None]
    across, down = (places - marks[:, 0]) ** 2, (places - marks[:, 1]) ** 2
    away = np.sqrt(down[:, None] + across[None], dtype=np.float32)
    return np.asarray(np.clip((radius + np.float32(0.5) - away).max(axis=-1), 0, 1))
