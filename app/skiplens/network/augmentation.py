"""Bends digits the way hands do, in one resampling.

Rotation, shear, scale and shift are composed into one affine map and an elastic displacement
(Simard, Steinkraus and Platt 2003, section 2) is added to it, so that every pixel is interpolated
once: chained transforms blur a digit at every link. Pure NumPy, reproducible from the generator.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.network.handwriting import draw

Floats = NDArray[np.float32]

SIDE: Final = 28
_CENTRE: Final = (SIDE - 1) / 2


@dataclass(frozen=True)
class Augmentation:
    """How far digits are bent; each digit draws its own values uniformly from these ranges.

    Attributes:
        share: share of a batch that is bent at all; the rest stays clean.
        rotation: degrees either way.
        shear: horizontal shear either way, as a slope.
        scale: relative change of either axis.
        shift: pixels either way on either axis.
        elastic: largest displacement of an elastic control point, pixels.
        elastic_points: control points along a side; between them the field is linear.
        thickness: how far strokes are thickened at most, as a share of the way to their dilation
            by one pixel; they are thinned by half of that at most. 0 leaves them as they are.
        drawn: share of a batch that is replaced by digits of the same labels that a pen draws, as
            :mod:`skiplens.network.handwriting` does it; they are bent like the others.
    """

    share: float = 0.8
    rotation: float = 12.0
    shear: float = 0.2
    scale: float = 0.12
    shift: float = 2.0
    elastic: float = 1.6
    elastic_points: int = 6
    thickness: float = 0.0
    drawn: float = 0.0


def redraw(
    images: Floats, labels: NDArray[np.uint8], settings: Augmentation, rng: np.random.Generator
) -> Floats:
    """The digits, a share of them replaced by drawn ones of the same labels.

    Args:
        images: float32 ``(N, 28, 28, 1)`` in [0, 1].
        labels: uint8 ``(N,)`` in 0..9.
        settings: how large the share is.
        rng: where all randomness comes from.

    Returns:
        float32 ``(N, 28, 28, 1)`` in [0, 1]; the input is left as it was.
    """
    if settings.drawn == 0:  # the generator is left as it is, for runs that know no drawing
        return images
    chosen = np.flatnonzero(rng.random(len(images)) < settings.drawn)
    redrawn = images.copy()
    redrawn[chosen] = draw(labels[chosen], rng)
    return redrawn


def augment(images: Floats, settings: Augmentation, rng: np.random.Generator) -> Floats:
    """Bent copies of a share of the digits, clean copies of the others, order kept.

    Args:
        images: float32 ``(N, 28, 28, 1)`` in [0, 1].
        settings: how far digits are bent.
        rng: where all randomness comes from.

    Returns:
        float32 ``(N, 28, 28, 1)`` in [0, 1]; the input is left as it was.
    """
    bent = images.copy()
    chosen = np.flatnonzero(rng.random(len(images)) < settings.share)
    if chosen.size:
        rows, columns = _sources(chosen.size, settings, rng)
        strokes = images[chosen, :, :, 0]
        if settings.thickness > 0:
            strokes = _vary_thickness(strokes, _uniform(rng, settings.thickness, chosen.size))
        bent[chosen, :, :, 0] = _resample(strokes, rows, columns)
    return bent


def _uniform(rng: np.random.Generator, reach: float, count: int) -> Floats:
    return rng.uniform(-reach, reach, count).astype(np.float32)


def _sources(count: int, settings: Augmentation, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Where each output pixel is read from: rows and columns, ``(count, 28, 28)`` each."""
    angle = np.deg2rad(_uniform(rng, settings.rotation, count))
    shear = _uniform(rng, settings.shear, count)
    down = 1 + _uniform(rng, settings.scale, count)
    across = 1 + _uniform(rng, settings.scale, count)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) - np.float32(_CENTRE)
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    sheared = x + shear[:, None, None] * y
    rows = down[:, None, None] * (cos * y + sin * sheared) + _CENTRE
    columns = across[:, None, None] * (cos * sheared - sin * y) + _CENTRE
    rows += _uniform(rng, settings.shift, count)[:, None, None]
    columns += _uniform(rng, settings.shift, count)[:, None, None]
    return rows + _field(count, settings, rng), columns + _field(count, settings, rng)


def _field(count: int, settings: Augmentation, rng: np.random.Generator) -> Floats:
    """A smooth displacement in pixels, ``(count, 28, 28)``: control points, joined linearly."""
    points = settings.elastic_points
    at = np.linspace(0, points - 1, SIDE, dtype=np.float32)[:, None]
    weights = np.maximum(0, 1 - np.abs(at - np.arange(points, dtype=np.float32)))
    reach = settings.elastic
    control = rng.uniform(-reach, reach, (count, points, points)).astype(np.float32)
    field: Floats = weights @ control @ weights.T
    return field


def _vary_thickness(images: Floats, amount: Floats) -> Floats:
    """Strokes thickened (amount above 0) or thinned (below 0).

    They move towards what each pixel and its four neighbours make of it: the largest or the
    smallest of the five.
    """
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    around = np.stack(
        [
            images,
            padded[:, :-2, 1:-1],
            padded[:, 2:, 1:-1],
            padded[:, 1:-1, :-2],
            padded[:, 1:-1, 2:],
        ]
    )
    thicker = np.maximum(amount, 0)[:, None, None] * (around.max(axis=0) - images)
    thinner = np.minimum(amount, 0)[:, None, None] / 2 * (images - around.min(axis=0))
    pressed: Floats = images + thicker + thinner
    return pressed


def _resample(images: Floats, rows: Floats, columns: Floats) -> Floats:
    """Bilinear reading of ``(N, 28, 28)`` at fractional places; black outside."""
    edge = 2  # a black frame, so that reading just outside fades out instead of smearing
    padded = np.pad(images, ((0, 0), (edge, edge), (edge, edge)))
    width = SIDE + 2 * edge
    rows = np.clip(rows + edge, 0, width - 1.001)
    columns = np.clip(columns + edge, 0, width - 1.001)
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    down, across = rows - top, columns - left
    start = np.arange(len(images), dtype=np.intp)[:, None, None] * width * width
    flat, at = padded.reshape(-1), start + top * width + left
    upper = flat[at] * (1 - across) + flat[at + 1] * across
    lower = flat[at + width] * (1 - across) + flat[at + width + 1] * across
    bent: Floats = (upper * (1 - down) + lower * down).astype(np.float32)
    return bent
