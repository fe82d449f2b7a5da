"""Makes any grey image the digit that a network is given, the way MNIST's digits were made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core.digit import SIDE, Digit
from app.core.fitting import fit, is_fitted
from app.core.ink import Ink, find_ink
from app.core.parts import Box, bounds
from app.errors import BlankImageError, InvalidParameterError

_WHITE: Final = 255
_FAINT: Final = 0.15  # contrast of ink and ground
_COARSE: Final = 12  # pixels along the digit's longer side
_THIN: Final = 0.9  # pixels of the 28 x 28 that a stroke is wide
_APART: Final = 0.25  # of the longer side: a gap wider than between the strokes of a digit
_WIDE: Final = 1.8  # width by height; fewer than 1 in 2,000 MNIST digits are wider


@dataclass(frozen=True, eq=False)
class Prepared:
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


def prepare(grey: NDArray[np.uint8]) -> Prepared:
    """The digit in an image: polarity, ground, crop, size and place put right.

    A digit that already is like MNIST's comes back byte for byte, and so does its negative.

    Args:
        grey: uint8 ``(H, W)``, both sides at least 1; left as it is.

    Raises:
        BlankImageError: nothing in the image stands out from its ground.
    """
    for pixels, inverted in ((grey, False), (_WHITE - grey, True)):
        if is_fitted(pixels):
            return Prepared(Digit.of(pixels), inverted, ink_box(pixels), ())
    ink = find_ink(grey)
    if ink is None:
        raise BlankImageError("image is blank: nothing in it stands out from its ground")
    left, top, right, bottom = ink.box
    pixels, stroke = fit(ink.amount[top:bottom, left:right])
    height, width = grey.shape
    left, top, right, bottom = ink.box_in_image()
    box = left, top, min(right, width), min(bottom, height)
    return Prepared(Digit.of(pixels), ink.dark, _place(box), _warnings(ink, box, grey, stroke))


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
    return _place(bounds(pixels > 0))


def _place(box: Box | None) -> tuple[int, int, int, int]:
    left, top, right, bottom = box or (0, 0, 0, 0)
    return left, top, right - left, bottom - top


def _warnings(ink: Ink, box: Box, grey: NDArray[np.uint8], stroke: float) -> tuple[str, ...]:
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
    """How far the loneliest part lies from the part next to it, in pixels of ``Ink.amount``."""
    nearest = (
        min((_gap(box, other) for other in boxes if other is not box), default=0) for box in boxes
    )
    return max(nearest)


def _gap(one: Box, other: Box) -> int:
    across = max(one[0], other[0]) - min(one[2], other[2])
    down = max(one[1], other[1]) - min(one[3], other[3])
    return max(across, down, 0)
