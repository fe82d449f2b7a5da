"""Augments digits: one resampling for affine and elastic transforms, and stroke thickness.

Rotation, shear, scale and shift form one affine map, plus an elastic displacement (Simard,
Steinkraus and Platt 2003, section 2). Each pixel is interpolated once, because chained transforms
blur repeatedly. Pure NumPy, reproducible from the generator.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.input_image import SIDE
from skiplens.network.handwriting import draw

Floats = NDArray[np.float32]

_CENTRE: Final = (SIDE - 1) / 2


@dataclass(frozen=True)
class Augmentation:
    """Ranges of augmentation; each digit draws its values uniformly from them.

    Attributes:
        share: share of a batch that is augmented; the rest stays clean.
        rotation: maximum angle, degrees.
        shear: maximum horizontal shear, as a slope.
        scale: maximum relative change of each axis.
        shift: maximum along each axis, pixels.
        elastic: maximum displacement of an elastic control point, pixels.
        elastic_points: control points along a side; the field between them is linear.
        thickness: maximum thickening, as a share of dilation by one pixel; thinning is at most
            half of that. 0 leaves strokes unchanged.
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
    """Copies of the digits in the same order, a share of them augmented.

    Args:
        images: float32 ``(N, 28, 28, 1)`` in [0, 1]; not modified.
        settings: ranges of augmentation.
        rng: only source of randomness.

    Returns:
        float32 ``(N, 28, 28, 1)`` in [0, 1].
    """
    augmented = images.copy()
    chosen = np.flatnonzero(rng.random(len(images)) < settings.share)
    if chosen.size:
        rows, columns = _sources(chosen.size, settings, rng)
        strokes = images[chosen, :, :, 0]
        if settings.thickness > 0:
            strokes = _vary_thickness(strokes, _uniform(rng, settings.thickness, chosen.size))
        augmented[chosen, :, :, 0] = _resample(strokes, rows, columns)
    return augmented


def _uniform(rng: np.random.Generator, limit: float, count: int) -> Floats:
    return rng.uniform(-limit, limit, count).astype(np.float32)


def _sources(count: int, settings: Augmentation, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Source row and column of each output pixel, ``(count, 28, 28)`` each."""
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
    """Smooth displacements in pixels, ``(count, 28, 28)``, linear between random control points."""
    points = settings.elastic_points
    at = np.linspace(0, points - 1, SIDE, dtype=np.float32)[:, None]
    weights = np.maximum(0, 1 - np.abs(at - np.arange(points, dtype=np.float32)))
    limit = settings.elastic
    control = rng.uniform(-limit, limit, (count, points, points)).astype(np.float32)
    return np.asarray(weights @ control @ weights.T)


def _vary_thickness(images: Floats, amount: Floats) -> Floats:
    """Strokes thickened (amount above 0) or thinned (below 0).

    Interpolates towards the maximum or minimum of each pixel and its four neighbours.
    """
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    cross = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    around = np.stack([padded[:, y : y + SIDE, x : x + SIDE] for y, x in cross])
    thicker = np.maximum(amount, 0)[:, None, None] * (around.max(axis=0) - images)
    thinner = np.minimum(amount, 0)[:, None, None] / 2 * (images - around.min(axis=0))
    return np.asarray(images + thicker + thinner)


def _resample(images: Floats, rows: Floats, columns: Floats) -> Floats:
    """Bilinear interpolation of ``(N, 28, 28)`` at fractional positions; black outside."""
    edge = 2  # black border, so that values fade out at the edge instead of smearing
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
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
