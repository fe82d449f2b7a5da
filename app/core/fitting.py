"""Makes ink into a digit as MNIST's were made: 20 pixels long, centred by mass in 28 x 28.

LeCun, Bottou, Bengio and Haffner 1998, "Gradient-Based Learning Applied to Document Recognition",
section III.A: fitted into 20 x 20 with the aspect kept, grey levels from the anti-aliasing alone,
placed so that the centre of mass lies at the centre of the field.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from app.core.digit import SIDE
from app.core.parts import bounds

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_LENGTH: Final = 20
_CENTRE: Final = 14.0  # index of the mass's centre: it lies in 13.5..14.5 in all of MNIST
_LENGTHS: Final = (18, 20)  # MNIST has 19 and 20; an outermost line that rounds to 0 costs one more
_BRIGHTEST: Final = 200  # MNIST has 254 and 255
_THINNEST: Final = 1.8  # width of a stroke; 7 of 100 MNIST digits are thinner
_FINE: Final = 4  # strokes are thickened at this many pixels to one
_BRIGHT_SHARE: Final = 25  # per cent of the inked pixels are at full ink, as in MNIST


def fit(amount: Floats) -> tuple[Pixels, float]:
    """Fits ink that fills its array into a digit.

    Args:
        amount: float32 ``(H, W)``, 0 ground to 1 full ink, cropped to the ink.

    Returns:
        uint8 ``(28, 28)``, and the width of its strokes before they were thickened, in pixels.
    """
    width = stroke_width(amount) * _LENGTH / max(amount.shape)
    if width < _THINNEST:
        amount = _thickened(amount)
    drawn = np.rint(255 * _brightened(_resized(amount, _LENGTH))).astype(np.uint8)
    top, left = _place(drawn)
    height, breadth = drawn.shape
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[top : top + height, left : left + breadth] = drawn
    return pixels, width


def is_fitted(grey: Pixels) -> bool:
    """Whether uint8 ``(H, W)`` already is a digit like MNIST's, light ink on black.

    That is: 28 x 28, black but for a digit 18 to 20 pixels long, and that to within a pixel where
    centring would put it.
    """
    if grey.shape != (SIDE, SIDE) or grey.max() < _BRIGHTEST:
        return False
    left, top, right, bottom = bounds(grey > 0) or (0, 0, 0, 0)
    drawn = grey[top:bottom, left:right]
    if not _LENGTHS[0] <= max(drawn.shape) <= _LENGTHS[1]:
        return False
    ideal_top, ideal_left = _place(drawn)
    return abs(top - ideal_top) <= 1 and abs(left - ideal_left) <= 1


def stroke_width(amount: Floats) -> float:
    """The mean width of strokes in pixels: twice the area by the length of the outline.

    The outline is the sum of all steps along rows and columns; pi / 4 makes up for measuring it
    along the axes (Cauchy and Crofton, averaged over all directions).
    """
    padded = np.pad(amount, 1)
    steps = sum(float(np.abs(np.diff(padded, axis=axis)).sum()) for axis in (0, 1))
    return 2 * float(amount.sum()) / (steps * np.pi / 4)


def _resized(amount: Floats, length: int) -> Floats:
    """The longer side brought to ``length``; anti-aliased, as crisp at the edges as MNIST is."""
    height, width = amount.shape
    scale = length / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    resized: Floats = np.asarray(Image.fromarray(amount).resize(size, Image.Resampling.BICUBIC))
    return np.clip(resized, 0, 1)


def _brightened(amount: Floats) -> Floats:
    """Ink raised until a quarter of the inked pixels are full: thin strokes cover little."""
    inked = amount[amount > 0.1 * amount.max()]
    full = float(np.percentile(inked, 100 - _BRIGHT_SHARE))
    brightened: Floats = np.clip(amount / min(1.0, full), 0, 1)
    return brightened


def _thickened(amount: Floats) -> Floats:
    """Strokes brought to the least width, at four times the final size or so."""
    fine = _brightened(_resized(amount, _LENGTH * _FINE))
    reach = int(np.ceil((_THINNEST * _FINE - stroke_width(fine)) / 2))
    if reach < 1:
        return amount
    padded = Image.fromarray(np.pad(fine, reach))
    return np.asarray(padded.filter(ImageFilter.MaxFilter(2 * reach + 1)))


def _place(drawn: Pixels) -> tuple[int, int]:
    """Top and left at which the mass is centred, without anything cut off."""
    height, width = drawn.shape
    mass = drawn.astype(np.float64)
    down = mass.sum(1) @ np.arange(height) / mass.sum()
    across = mass.sum(0) @ np.arange(width) / mass.sum()
    top, left = round(_CENTRE - float(down)), round(_CENTRE - float(across))
    return min(max(top, 0), SIDE - height), min(max(left, 0), SIDE - width)
