"""Finds the ground that ink stands on: its tone everywhere, and which way the ink differs.

The border of the image says what the ground is. Whether the image is dark on light or light on
dark is never assumed.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

_BAND: Final = 32  # the border is this fraction of the shorter side, so that a hairline frame drowns
_FLAT: Final = 1.5  # a border whose tones differ by less is one tone, as in a drawing program
_THUMB: Final = 64  # side of the image that a sloping tone is fitted on
_ROUNDS: Final = 8
_SIGMA: Final = 1.4826  # from a median absolute deviation to a standard deviation


@dataclass(frozen=True, eq=False)
class Ground:
    """What an image looks like without its ink.

    Attributes:
        tone: float32 ``(H, W)``, 0..255: the tone of the ground at every pixel.
        noise: standard deviation of the ground about its tone, 0..255.
        even: the ground is one tone, as a drawing program makes it.
    """

    tone: Floats
    noise: float
    even: bool


def find_ground(grey: Floats) -> Ground:
    """The ground of a float32 ``(H, W)`` image with values 0..255."""
    border = grey[_border(*grey.shape)]
    middle = float(np.median(border))
    if _spread(border - middle) <= _FLAT:
        return Ground(np.full(grey.shape, middle, np.float32), 0.0, even=True)
    tone = _sloping_tone(grey, middle)
    away = (grey - tone)[:: 1 + grey.shape[0] // 256, :: 1 + grey.shape[1] // 256]
    return Ground(tone, _spread(away), even=False)


def _border(height: int, width: int) -> NDArray[np.bool_]:
    band = max(1, min(height, width) // _BAND)
    border = np.ones((height, width), np.bool_)
    border[band : height - band, band : width - band] = False
    return border


def _spread(values: Floats) -> float:
    return _SIGMA * float(np.median(np.abs(values)))


def _sloping_tone(grey: Floats, middle: float) -> Floats:
    """A quadratic surface through the ground: light falls off smoothly over a sheet of paper.

    Fitted by least squares to the border, then again and again to all that lies near the last
    fit, which leaves the ink out.
    """
    height, width = grey.shape
    shape = (min(height, _THUMB), min(width, _THUMB))
    thumb = np.asarray(Image.fromarray(grey).resize(shape[::-1], Image.Resampling.BOX)).ravel()
    terms = _terms(*shape)
    chosen = _border(*shape).ravel()
    tone = np.full_like(thumb, middle)
    for _ in range(_ROUNDS):
        away = thumb - tone
        near = max(2.5 * _spread(away[chosen]), 2.0)
        chosen = np.abs(away) <= near
        kept = terms * chosen[:, None]
        weights = np.linalg.solve(kept.T @ terms + 1e-3 * np.eye(6, dtype=np.float32), kept.T @ thumb)
        tone = terms @ weights
    border = _border(*shape).ravel()
    t2 = thumb.reshape(shape)
    noise = _spread(np.diff(t2, axis=1)) / 1.414
    surface: Floats = (_terms(height, width) @ weights).reshape(height, width)
    ring = np.ones((height, width), bool); ring[1:-1, 1:-1] = False
    noise = _spread(np.diff(grey, axis=1)) / 1.414
    off = np.abs(grey - surface)[ring] > np.maximum(5 * noise, TH * surface[ring])
    if off.mean() > OFF:
        return surface + local(grey - surface, width_ref=0) if FLATFIRST else local(grey, 0)
    surface: Floats = (_terms(height, width) @ weights).reshape(height, width)
    return np.clip(surface, 0, 255)


def _terms(height: int, width: int) -> Floats:
    """The terms 1, x, y, x^2, xy, y^2 at every pixel, ``(H * W, 6)``, with x and y in -1..1."""
    y, x = np.meshgrid(
        (np.arange(height, dtype=np.float32) * 2 + 1) / height - 1,
        (np.arange(width, dtype=np.float32) * 2 + 1) / width - 1,
        indexing="ij",
    )
    terms = (np.ones_like(x), x, y, x * x, x * y, y * y)
    return np.stack([term.ravel() for term in terms], axis=1)

import os
OFF = float(os.environ.get("OFF", ".05"))
TH = float(os.environ.get("TH", ".08"))
REACH = float(os.environ.get("REACH", ".08"))
FLATFIRST = int(os.environ.get("FF", "0"))
def local(grey, width_ref):
    h, w = grey.shape
    k = -(-max(h, w) // 256)
    small = np.asarray(Image.fromarray(grey).reduce(k)) if k > 1 else grey
    r = max(2, round(REACH * max(small.shape)))
    down = closing(small, r)
    up = -closing(-small, r)
    d, u = down - small, small - up
    md, mu = np.median(d), np.median(u)
    d, u = np.maximum(d - 4*md, 0), np.maximum(u - 4*mu, 0)
    m = r
    di, ui = d[m:-m or None, m:-m or None], u[m:-m or None, m:-m or None]
    if not di.any() and not ui.any(): di, ui = d, u
    t = down - md if np.vdot(di, di) >= np.vdot(ui, ui) else up + mu
    return np.asarray(Image.fromarray(t).resize((w, h), Image.Resampling.BILINEAR))

def closing(a, r):
    for ax in (0, 1): a = widest(a, r, ax)
    a = -a
    for ax in (0, 1): a = widest(a, r, ax)
    return -a

def widest(a, r, ax):
    a = np.moveaxis(a, ax, 0)
    a = np.pad(a, ((r, r), (0, 0)), mode="edge")
    n = 2 * r + 1; span = 1
    while span * 2 <= n:
        a = np.maximum(a[:-span], a[span:]); span *= 2
    rest = n - span
    if rest: a = np.maximum(a[:-rest], a[rest:])
    return np.moveaxis(a, 0, ax)
