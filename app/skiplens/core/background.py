"""Estimates an image without its ink: one tone, smooth light, or paper with shadows and a desk."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Array = NDArray[Any]  # what OpenCV returns, whose stubs leave the type of its items open

MIN_BACKGROUND_TONES: Final = 32.0
"""Contrast on darker backgrounds is measured as on this one."""
MIN_SCENE_SIDE_PX: Final = 64
"""A smaller image shows the digit, and little else."""

_BORDER_DIVISOR: Final = 32  # border width: shorter side / 32, so that a thin frame has no effect
_MAX_BORDER_SPREAD_TONES: Final = 1.5  # a border that varies less comes from a drawing program
_FIT_SIDE_PX: Final = 64  # of the small copy to which the polynomial is fitted
_FIT_ROUNDS: Final = 8
_FIT_TERMS: Final = (3, 3)  # powers of y and x from 0
_INLIER_SIGMAS: Final = 2.5  # pixels this close to the fit are background
_MIN_INLIER_TONES: Final = 2.0  # and so are pixels this close, however small the spread
_MIN_WIDE_DEPTH: Final = 0.06  # share of the tone by which a desk or a shadow differs
_MIN_WIDE_SHARE: Final = 0.01  # of the image
_MIN_SHEET_SHARE: Final = 0.25  # of the image
_MIN_SHEET_SOLIDITY: Final = 0.75  # share of its convex hull; what is written on it may divide it
_STROKE_RADIUS: Final = 0.08  # share of the longer side; anything wider than twice that is no ink
_SIGMA_PER_MAD: Final = 1.4826  # for normal noise, standard deviation by median absolute deviation
_NOISE_STEP_PX: Final = 3  # blur and compression correlate the noise of direct neighbours


@dataclass(frozen=True, eq=False)
class Background:
    """Estimate of an image without its ink.

    Attributes:
        tone: float32 ``(H, W)`` in 0..255.
        noise: standard deviation of the image about that tone, in tones; 0 if uniform.
        uniform: whether the background has one tone everywhere.
    """

    tone: Floats
    noise: float
    uniform: bool


def uniform_background(grey: Floats) -> Background | None:
    """Background of float32 ``(H, W)`` in 0..255; ``None`` if it has several tones."""
    border = grey[border_of(grey.shape, max(1, min(grey.shape) // _BORDER_DIVISOR))]
    middle = np.median(border)
    if _spread(border - middle) > _MAX_BORDER_SPREAD_TONES:
        return None
    tone = np.full_like(grey, middle)
    return None if _has_wide_regions(grey, tone, 0) else Background(tone, 0.0, uniform=True)


def estimated_background(grey: Floats) -> Background:
    """Background of a photograph, float32 ``(H, W)`` in 0..255: smooth or with edges."""
    noise, tone = _noise(grey), _polynomial_background(grey)
    if _has_wide_regions(grey, tone, noise):
        tone = _morphological_background(grey, noise)
    return Background(tone, noise, uniform=False)


def _has_wide_regions(grey: Floats, tone: Floats, noise: float) -> bool:
    """Whether something wider than any stroke does not fit a background: a desk, a shadow."""
    if min(grey.shape) < MIN_SCENE_SIDE_PX:
        return False
    limit = np.maximum(3 * noise, _MIN_WIDE_DEPTH * np.maximum(tone, MIN_BACKGROUND_TONES))
    off = (np.abs(grey - tone) > limit).astype(np.uint8)
    kernel, outside = _stroke_kernel(grey.shape), cv2.BORDER_CONSTANT
    wide = cv2.morphologyEx(off, cv2.MORPH_OPEN, kernel, borderType=outside, borderValue=(0,))
    if wide.mean() <= _MIN_WIDE_SHARE:
        return False
    return bool(wide[border_of(wide.shape, 1)].any() or _is_sheet(wide))


def _is_sheet(wide: Array) -> bool:
    """Whether wide regions that stay off the image's edge, as a desk and a shadow do not, are a
    sheet of paper: large, and nearly convex. Else they are where the strokes of a digit meet that
    fills the image.
    """
    contours, _ = cv2.findContours(wide, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    area = sum(cv2.contourArea(one) for one in contours)
    hull = cv2.contourArea(cv2.convexHull(np.concatenate(contours)))
    return bool(area > max(_MIN_SHEET_SHARE * wide.size, _MIN_SHEET_SOLIDITY * hull))


def _polynomial_background(grey: Floats) -> Floats:
    """A polynomial in y and x, fitted by least squares to the border, then repeatedly to all pixels
    near the last fit, which excludes the ink.
    """
    height, width = grey.shape
    size = min(width, _FIT_SIDE_PX), min(height, _FIT_SIDE_PX)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    y, x = (_steps(side) for side in small.shape)
    terms = np.polynomial.polynomial.polyvander2d(
        *np.meshgrid(y, x, indexing="ij"), [count - 1 for count in _FIT_TERMS]
    )
    inliers = border_of(small.shape, max(1, min(size) // _BORDER_DIVISOR))
    weights: Array = np.zeros(terms.shape[-1])
    weights[0] = np.median(small[inliers])
    ridge = 1e-3 * np.eye(weights.size)  # keeps an image one pixel wide solvable
    for _ in range(_FIT_ROUNDS):
        off = np.abs(small - terms @ weights)
        inliers = off <= max(_INLIER_SIGMAS * _spread(off[inliers]), _MIN_INLIER_TONES)
        fitted = terms[inliers]
        weights = np.linalg.solve(fitted.T @ fitted + ridge, fitted.T @ small[inliers])
    surface: Array = np.polynomial.polynomial.polygrid2d(
        _steps(height), _steps(width), weights.reshape(_FIT_TERMS)
    )
    return surface.clip(0, 255).astype(np.float32)


def _steps(side: int) -> NDArray[np.float64]:
    """Middles of pixels, in -1..1."""
    return (2 * np.arange(side) + 1) / side - 1


def _morphological_background(grey: Floats, noise: float) -> Floats:
    """The tone around each pixel, without strokes: a morphological closing or opening.

    A closing removes what is darker than its surroundings and narrower than any shadow or desk, an
    opening what is lighter; both leave the edges of shadows in place. The result that still
    contains the ink is rougher, because ink has sharp edges. Where ink fills the image neither may
    contain it, and the one that is less like the border is of the ink's tone.
    """
    calm = cv2.medianBlur(grey, 5)
    kernel = _stroke_kernel(grey.shape)
    border = border_of(grey.shape, 1)

    def fault(tone: Array) -> float:
        rough = sum(np.square(np.diff(tone, axis=axis)).sum() for axis in (0, 1))
        return float(rough + np.square((tone - calm)[border]).mean())

    ways = (cv2.MORPH_CLOSE, cv2.MORPH_OPEN)
    tone = min((cv2.morphologyEx(calm, way, kernel) for way in ways), key=fault)
    bias = np.clip(np.median(tone - grey), -3 * noise, 3 * noise)  # of extremes of noisy tones
    return np.asarray(tone - bias, np.float32)


def _stroke_kernel(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Wider than any stroke."""
    side = 2 * max(1, round(_STROKE_RADIUS * max(shape))) + 1
    return np.ones((side, side), np.uint8)


def border_of(shape: tuple[int, ...], width: int) -> NDArray[np.bool_]:
    """The outermost pixels of ``(H, W)``, so many from each side."""
    border = np.ones(shape, np.bool_)
    border[width:-width, width:-width] = False
    return border


def _spread(values: NDArray[np.floating]) -> float:
    return _SIGMA_PER_MAD * float(np.median(np.abs(values)))


def _noise(grey: Floats) -> float:
    """Noise in tones, from differences of near pixels, which cancel light and most of the ink."""
    step = _NOISE_STEP_PX
    differences = (grey[step:] - grey[:-step], grey[:, step:] - grey[:, :-step])
    return max((_spread(values) / 2**0.5 for values in differences if values.size), default=0.0)
