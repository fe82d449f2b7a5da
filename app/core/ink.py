"""Finds the ink in an image: how strongly each pixel is inked, and where the digit is."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from app.core.ground import Floats, Ground, even_ground, uneven_ground
from app.core.parts import Box, bounds, find_parts

Grey = NDArray[np.uint8]

_WORKING_SIDE: Final = 512  # a larger image is reduced by a whole number before anything else
_MARGIN: Final = 3  # a closer look leaves the digit's longer side by this all around it
_BLURRED_FROM: Final = 128  # below that side a stroke can be too thin to be blurred
_FAINTEST: Final = 8.0  # tones; what differs less from its ground is no ink
_BLOTCHES: Final = 12.0  # tones; the same on a photograph, whose compression leaves blotches
_DARKEST: Final = 32.0  # tones; contrast on a darker ground is measured as if it had this tone
_EDGE: Final = (0.1, 0.25)  # of full ink: the fog of compression, and of a photograph
_FULL: Final = 0.85
_STROKE: Final = 0.3  # of full ink: where the digit ends
_FRAME: Final = 0.9  # inked share of a line that belongs to a frame
_FRAME_WIDTH: Final = 16  # a frame takes at most this part of the shorter side


@dataclass(frozen=True, eq=False)
class Ink:
    """The digit in an image, one pixel of ``amount`` standing for ``step`` x ``step`` pixels.

    Attributes:
        amount: float32 ``(H, W)``, 0 ground to 1 full ink; 0 outside the digit.
        box: left, top, right, bottom of the digit in ``amount``.
        boxes: the same of each of its connected parts.
        step: pixels of the image along a side of one of ``amount``.
        corner: x and y in the image of the first pixel of ``amount``.
        dark: the ink is darker than its ground.
        contrast: of ink and ground, 0 none to 1 black on white or white on black.
    """

    amount: Floats
    box: Box
    boxes: tuple[Box, ...]
    step: int
    corner: tuple[int, int]
    dark: bool
    contrast: float

    def box_in_image(self) -> Box:
        """Left, top, right and bottom of the digit in pixels of the image, rounded outwards."""
        left, top, right, bottom = (self.step * side for side in self.box)
        x, y = self.corner
        return x + left, y + top, x + right, y + bottom


def find_ink(grey: Grey) -> Ink | None:
    """The ink of uint8 ``(H, W)``, or ``None`` where there is none.

    Where the digit is small in a large image, it is looked at again from near by.
    """
    ink = _find(grey)
    if ink is None or ink.step == 1:
        return ink
    left, top, right, bottom = ink.box_in_image()
    margin = max(right - left, bottom - top) // _MARGIN + ink.step
    x, y = max(0, left - margin), max(0, top - margin)
    window = grey[y : bottom + margin, x : right + margin]
    closer = _find(window) if _step(window) < ink.step else None
    return replace(closer, corner=(x, y)) if closer and closer.dark == ink.dark else ink


def _step(grey: Grey) -> int:
    """By what whole number an image is reduced before ink is looked for."""
    side: int = max(grey.shape)
    return -(-side // _WORKING_SIDE)


def _find(grey: Grey) -> Ink | None:
    step = _step(grey)
    tones, ground = _with_ground(Image.fromarray(grey).reduce(step))
    faintest = max(4 * ground.noise, _FAINTEST if ground.even else _BLOTCHES)
    away = _without_frame(ground.tone - tones, faintest)
    darker, lighter = np.maximum(away, 0), np.maximum(-away, 0)
    dark = _weight(darker, faintest) >= _weight(lighter, faintest)
    away, tone = (darker, ground.tone) if dark else (lighter, 255 - ground.tone)
    inked = away > faintest
    if not inked.any():
        return None
    tone = np.maximum(tone, _DARKEST)
    contrast = np.minimum(away / tone, 1)
    full = float(np.percentile(contrast[inked], 90))
    parts = find_parts(inked & (contrast > _STROKE * full), photograph=not ground.even)
    if parts is None:
        return None
    fog = _EDGE[0] if ground.even else _EDGE[1]
    low = min(max(faintest / float(np.median(tone)), fog * full), _STROKE * full)
    amount = np.clip((contrast - low) / (_FULL * full - low), 0, 1) * parts.mask
    box = bounds(amount > _STROKE)
    return Ink(amount, box, parts.boxes, step, (0, 0), dark, full) if box else None


def _with_ground(image: Image.Image) -> tuple[Floats, Ground]:
    """The tones of a grey image, float32, and their ground; a noisy image is blurred a little."""
    tones = np.asarray(image, np.float32)
    ground = even_ground(tones)
    if ground is None:
        if min(image.size) >= _BLURRED_FROM:
            tones = np.asarray(image.filter(ImageFilter.BoxBlur(1)), np.float32)
        ground = uneven_ground(tones)
    return tones, ground


def _without_frame(away: Floats, faintest: float) -> Floats:
    """A copy in which a frame of lines along all four sides counts as ground."""
    off = np.abs(away) > faintest
    frame, limit = 0, min(away.shape) // _FRAME_WIDTH
    while frame < limit:
        lines = (off[frame], off[-1 - frame], off[:, frame], off[:, -1 - frame])
        if min(line.mean() for line in lines) < _FRAME:
            break
        frame += 1
    inside = np.zeros_like(away)
    kept = slice(frame, -frame or None)
    inside[kept, kept] = away[kept, kept]
    return inside


def _weight(away: Floats, faintest: float) -> float:
    beyond = away[away > faintest]
    return float(np.vdot(beyond, beyond))
