"""Finds the ground that ink stands on: its tone at every pixel, and how noisy it is.

The border of an image says what its ground is. A drawing has one tone; on a photograph light
falls off smoothly; only where a shadow's edge crosses the paper is the tone found place by place.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

_BAND: Final = 32  # the border is this part of the shorter side, so that a thin frame has no vote
_EVEN: Final = 1.5  # tones; a border that varies less was made by a drawing program
_THUMB: Final = 64  # side of the small copy on which falling light is fitted
_ROUNDS: Final = 8
_NEAR: Final = 2.5  # standard deviations about the fit that are ground
_NEAREST: Final = 2.0  # tones about the fit that are ground in any case
_SHADOW: Final = (0.08, 0.5)  # how much a shadow takes from the tone; ink takes more
_SHADOWED: Final = 0.05  # share of the outermost pixels off the fit that tells of a shadow
_SMALL: Final = 256  # side of the small copy on which shadows are found
_REACH: Final = 0.08  # of the longer side: the widest stroke that is still no shadow has twice that
_SIGMA: Final = 1.4826  # makes a median absolute deviation a standard deviation, if normal
_APART: Final = 3  # pixels; neighbours share their noise where an image was blurred or compressed


@dataclass(frozen=True, eq=False)
class Ground:
    """What an image looks like without its ink.

    Attributes:
        tone: float32 ``(H, W)`` in 0..255.
        noise: standard deviation of the image about that tone, in tones; 0 of an even ground.
        even: the ground is one tone everywhere.
    """

    tone: Floats
    noise: float
    even: bool


def even_ground(grey: Floats) -> Ground | None:
    """The ground of float32 ``(H, W)`` in 0..255, or ``None`` where it is not one tone."""
    border = grey[_border(grey.shape, max(1, min(grey.shape) // _BAND))]
    middle = np.median(border)
    if _spread(border - middle) > _EVEN:
        return None
    return Ground(np.full_like(grey, middle), 0.0, even=True)


def uneven_ground(grey: Floats) -> Ground:
    """The ground of a photograph, float32 ``(H, W)`` in 0..255."""
    noise = _noise(grey)
    tone = _falling_light(grey)
    outermost = _border(grey.shape, 1)
    off = np.abs(grey - tone)[outermost] / np.maximum(tone[outermost], 1)
    least, most = _SHADOW
    shadowed = (off > least) & (off < most) & (off * tone[outermost] > 3 * noise)
    if shadowed.mean() > _SHADOWED:
        tone = _place_by_place(grey)
    return Ground(tone, noise, even=False)


def _border(shape: tuple[int, ...], width: int) -> NDArray[np.bool_]:
    border = np.ones(shape, np.bool_)
    border[width:-width, width:-width] = False
    return border


def _spread(values: NDArray[np.floating]) -> float:
    return _SIGMA * float(np.median(np.abs(values)))


def _noise(grey: Floats) -> float:
    """From differences of near pixels, in which neither light nor most of the ink shows."""
    steps = (grey[_APART:] - grey[:-_APART], grey[:, _APART:] - grey[:, :-_APART])
    return max((_spread(step) / 2**0.5 for step in steps if step.size), default=0.0)


def _falling_light(grey: Floats) -> Floats:
    """A quadratic surface through the ground, fitted by least squares.

    First to the border, then again and again to all that lies near the last fit: the ink stays
    out of it.
    """
    height, width = grey.shape
    rows, columns = min(height, _THUMB), min(width, _THUMB)
    small = Image.fromarray(grey).resize((columns, rows), Image.Resampling.BOX)
    tones = np.asarray(small, np.float64).ravel()
    terms = np.stack([term.ravel() for term in _terms(rows, columns)], axis=1)
    border = _border((rows, columns), max(1, min(rows, columns) // _BAND)).ravel()
    weights = np.array([np.median(tones[border]), 0, 0, 0, 0, 0])
    steady = 1e-3 * np.eye(weights.size)  # an image one pixel wide has no slope across
    chosen = border
    for _ in range(_ROUNDS):
        off = tones - terms @ weights
        chosen = np.abs(off) <= max(_NEAR * _spread(off[chosen]), _NEAREST)
        kept = terms[chosen]
        weights = np.linalg.solve(kept.T @ kept + steady, kept.T @ tones[chosen])
    surface = np.zeros_like(grey)
    for weight, term in zip(weights, _terms(height, width), strict=True):
        surface += np.float32(weight) * term
    return np.clip(surface, 0, 255)


def _terms(height: int, width: int) -> tuple[Floats, ...]:
    """1, y, x, y^2, yx, x^2 at every pixel, each ``(height, width)``; y and x are in -1..1."""
    y = ((2 * np.arange(height, dtype=np.float32) + 1) / height - 1)[:, None]
    x = ((2 * np.arange(width, dtype=np.float32) + 1) / width - 1)[None, :]
    shape = (height, width)
    terms = (np.ones(shape, np.float32), y, x, y * y, y * x, x * x)
    return tuple(np.broadcast_to(term, shape) for term in terms)


def _place_by_place(grey: Floats) -> Floats:
    """The tone about each pixel, without strokes: a morphological closing, or an opening.

    A closing takes out what is darker than its surroundings and narrower than twice the reach,
    an opening what is lighter, and both leave the edge of a shadow where it is. The one that
    leaves the ink in is rougher, because ink has sharp edges.
    """
    step = -(-max(grey.shape) // _SMALL)
    small = np.asarray(Image.fromarray(grey).reduce(step))
    reach = max(1, round(_REACH * max(small.shape)))
    tone = min(_closed(small, reach), -_closed(-small, reach), key=_roughness)
    tone = tone - np.median(tone - small)  # an extreme of noisy tones lies beside their middle
    height, width = grey.shape
    return np.asarray(Image.fromarray(tone).resize((width, height), Image.Resampling.BILINEAR))


def _roughness(tone: Floats) -> float:
    return sum(float(np.square(np.diff(tone, axis=axis)).sum()) for axis in (0, 1))


def _closed(tones: Floats, reach: int) -> Floats:
    return -_highest(-_highest(tones, reach), reach)


def _highest(tones: Floats, reach: int) -> Floats:
    """The highest value within ``reach`` rows and columns of each, in log2(reach) passes."""
    for _ in range(2):
        tones = np.pad(tones.T, ((reach, reach), (0, 0)), mode="edge")
        span, window = 1, 2 * reach + 1
        while span < window:
            step = min(span, window - span)
            tones = np.maximum(tones[:-step], tones[step:])
            span += step
    return tones
