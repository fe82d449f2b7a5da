"""Turns a decoded image into a 28 x 28 digit prepared the way MNIST's were."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from skiplens.core.digit import SIDE, Digit
from skiplens.core.segmentation import Box, Foreground, bounding_box, find_foreground
from skiplens.errors import BlankImageError, InvalidParameterError

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_LENGTH: Final = 20
_CENTRE: Final = 14.0  # index of the mass's centre: it lies in 13.5..14.5 in all of MNIST
_LENGTHS: Final = (18, 20)  # MNIST has 19 and 20; an outermost line that rounds to 0 costs one more
_BRIGHTEST: Final = 200  # MNIST has 254 and 255
_THINNEST: Final = 1.8  # width of a stroke; 7 of 100 MNIST digits are thinner
_FINE: Final = 4  # strokes are thickened at this many pixels to one
_BRIGHT_SHARE: Final = 25  # per cent of the inked pixels are at full ink, as in MNIST


def normalise_to_mnist(amount: Floats) -> tuple[Pixels, float]:
    """Fits ink that fills its array into a digit.

    Args:
        amount: float32 ``(H, W)``, 0 ground to 1 full ink, cropped to the ink.

    Returns:
        uint8 ``(28, 28)``, and the width of its strokes before they were thickened, in pixels.
    """
    width = stroke_width(amount) * _LENGTH / max(amount.shape)
    if width < _THINNEST:
        amount = _dilated(amount)
    drawn = np.rint(255 * _contrast_stretched(_resized(amount, _LENGTH))).astype(np.uint8)
    top, left = _paste(drawn)
    height, breadth = drawn.shape
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[top : top + height, left : left + breadth] = drawn
    return pixels, width


def is_mnist_like(grey: Pixels) -> bool:
    """Whether uint8 ``(H, W)`` already is a digit like MNIST's, light ink on black.

    That is: 28 x 28, black but for a digit 18 to 20 pixels long, and that to within a pixel where
    centring would put it.
    """
    if grey.shape != (SIDE, SIDE) or grey.max() < _BRIGHTEST:
        return False
    left, top, right, bottom = bounding_box(grey > 0) or (0, 0, 0, 0)
    drawn = grey[top:bottom, left:right]
    if not _LENGTHS[0] <= max(drawn.shape) <= _LENGTHS[1]:
        return False
    ideal_top, ideal_left = _paste(drawn)
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


def _contrast_stretched(amount: Floats) -> Floats:
    """Foreground raised until a quarter of the inked pixels are full: thin strokes cover little."""
    inked = amount[amount > 0.1 * amount.max()]
    full = float(np.percentile(inked, 100 - _BRIGHT_SHARE))
    brightened: Floats = np.clip(amount / min(1.0, full), 0, 1)
    return brightened


def _dilated(amount: Floats) -> Floats:
    """Strokes brought to the least width, at four times the final size or so."""
    fine = _contrast_stretched(_resized(amount, _LENGTH * _FINE))
    reach = int(np.ceil((_THINNEST * _FINE - stroke_width(fine)) / 2))
    if reach < 1:
        return amount
    padded = Image.fromarray(np.pad(fine, reach))
    return np.asarray(padded.filter(ImageFilter.MaxFilter(2 * reach + 1)))


def _paste(drawn: Pixels) -> tuple[int, int]:
    """Top and left at which the mass is centred, without anything cut off."""
    height, width = drawn.shape
    mass = drawn.astype(np.float64)
    down = mass.sum(1) @ np.arange(height) / mass.sum()
    across = mass.sum(0) @ np.arange(width) / mass.sum()
    top, left = round(_CENTRE - float(down)), round(_CENTRE - float(across))
    return min(max(top, 0), SIDE - height), min(max(left, 0), SIDE - width)


_WHITE: Final = 255
_FAINT: Final = 0.15  # contrast of ink and ground
_COARSE: Final = 12  # pixels along the digit's longer side
_THIN: Final = 0.9  # pixels of the 28 x 28 that a stroke is wide
_APART: Final = 0.25  # of the longer side: a gap wider than between the strokes of a digit
_WIDE: Final = 1.8  # width by height; fewer than 1 in 2,000 MNIST digits are wider


@dataclass(frozen=True, eq=False)
class PreprocessedDigit:
    """A digit, and what had to be done to get it.

    Attributes:
        digit: what the network is given.
        inverted: the image had dark ink on a lighter ground.
        box: x, y, width and height of the ink, in pixels of the image.
        warnings: a sentence for each thing that may have spoilt the digit.
    """

    digit: Digit
    inverted: bool
    box: tuple[int, int, int, int]
    warnings: tuple[str, ...]


def preprocess(grey: NDArray[np.uint8]) -> PreprocessedDigit:
    """The digit in an image: polarity, ground, crop, size and place put right.

    A digit that already is like MNIST's comes back byte for byte, and so does its negative.

    Args:
        grey: uint8 ``(H, W)``, both sides at least 1; left as it is.

    Raises:
        BlankImageError: nothing in the image stands out from its ground.
    """
    for pixels, inverted in ((grey, False), (_WHITE - grey, True)):
        if is_mnist_like(pixels):
            return PreprocessedDigit(Digit.of(pixels), inverted, ink_box(pixels), ())
    ink = find_foreground(grey)
    if ink is None:
        raise BlankImageError("image is blank: nothing in it stands out from its ground")
    left, top, right, bottom = ink.box
    pixels, stroke = normalise_to_mnist(ink.amount[top:bottom, left:right])
    height, width = grey.shape
    left, top, right, bottom = ink.box_in_image()
    box = left, top, min(right, width), min(bottom, height)
    return PreprocessedDigit(
        Digit.of(pixels), ink.dark, _place(box), _warnings(ink, box, grey, stroke)
    )


def pixels_to_grey(pixels: Sequence[Sequence[float]]) -> NDArray[np.uint8]:
    """28 x 28 numbers as uint8 ``(28, 28)``, rounded to the nearest tone.

    Numbers that are all at most 1 are taken as 0..1, a bitmap of integers 0 and 1 among them:
    in 0..255 they would be blank. All others are taken as 0..255.

    Raises:
        InvalidParameterError: another shape, or a number that is not finite or out of range.
    """
    try:
        values = np.array(pixels, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _refused("rows of different lengths, or something that is not a number") from error
    if values.shape != (SIDE, SIDE):
        raise _refused(f"the shape {values.shape}")
    if not np.isfinite(values).all():
        raise _refused("a number that is not finite")
    if values.min() < 0 or values.max() > _WHITE:
        raise _refused("a number below 0 or above 255")
    return np.rint(values * _WHITE if values.max() <= 1 else values).astype(np.uint8)


def _refused(found: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"pixels has {found}; allowed are {SIDE} rows of {SIDE} finite numbers, "
        "all in 0..1 or all in 0..255"
    )


def ink_box(pixels: NDArray[np.uint8]) -> Box:
    """``(x, y, width, height)`` of the ink in ``(28, 28)``; all zero where there is none."""
    return _place(bounding_box(pixels > 0))


def _place(box: Box | None) -> tuple[int, int, int, int]:
    left, top, right, bottom = box or (0, 0, 0, 0)
    return left, top, right - left, bottom - top


def _warnings(ink: Foreground, box: Box, grey: NDArray[np.uint8], stroke: float) -> tuple[str, ...]:
    _, _, width, height = _place(box)
    edges = (box[0] == 0, box[1] == 0, box[2] == grey.shape[1], box[3] == grey.shape[0])
    cut = any(edges) and not all(edges)  # an image cropped to its digit touches all four
    thin = stroke < _THIN  # a hairline in a large image is faint as well
    reach = _APART * max(width, height) / ink.step
    found = (
        (ink.contrast < _FAINT and not thin, "The ink hardly stands out from its ground."),
        (cut, "The ink touches the edge of the image, so part of the digit may be missing."),
        (max(width, height) < _COARSE, "The digit is only a few pixels large in the image."),
        (thin, "The strokes are very thin for their length, so they were thickened."),
        (_widest_gap(ink.boxes) > reach, "The ink lies far apart; it is read as one digit."),
        (width > _WIDE * height, "The ink is much wider than high; it is read as one digit."),
    )
    return tuple(sentence for applies, sentence in found if applies)


def _widest_gap(boxes: tuple[Box, ...]) -> float:
    """Distance of the most isolated part from its nearest one, in pixels of the foreground."""
    nearest = (
        min((_gap(box, other) for other in boxes if other is not box), default=0) for box in boxes
    )
    return max(nearest)


def _gap(one: Box, other: Box) -> int:
    across = max(one[0], other[0]) - min(one[2], other[2])
    down = max(one[1], other[1]) - min(one[3], other[3])
    return max(across, down, 0)
