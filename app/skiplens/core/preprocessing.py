"""Turns a decoded image into a 28 x 28 digit, normalised as MNIST's digits are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from skiplens.core.input_image import SIDE, Digit
from skiplens.core.segmentation import Bounds, Candidate, bounding_box, find_candidates
from skiplens.errors import BlankImageError, InvalidParameterError

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_DIGIT_SIDE_PX: Final = 20
_CENTRE_PX: Final = 14.0  # index of the centre of mass: 13.5 to 14.5 in all of MNIST
_MNIST_SIDES_PX: Final = (18, 20)  # MNIST has 19 and 20; an outermost line may round to 0
_MIN_PEAK_TONE: Final = 200  # MNIST has 254 and 255
_MIN_STROKE_PX: Final = 1.8  # 7 of 100 MNIST digits have thinner strokes
_DILATION_SCALE: Final = 4  # strokes are dilated at this many pixels to one
_FULL_INK_PERCENT: Final = 25  # of the inked pixels are at full ink, as in MNIST


def normalise_to_mnist(amount: Floats) -> tuple[Pixels, float]:
    """Scales ink to a side of 20 pixels and centres it by mass in 28 x 28, as MNIST does.

    Args:
        amount: float32 ``(H, W)``, 0 background to 1 full ink, cropped to the ink.

    Returns:
        uint8 ``(28, 28)``, and the stroke width in its pixels before dilation.
    """
    width = stroke_width(amount) * _DIGIT_SIDE_PX / max(amount.shape)
    if width < _MIN_STROKE_PX:
        amount = _dilated(amount)
    drawn = np.rint(255 * _contrast_stretched(_resized(amount, _DIGIT_SIDE_PX))).astype(np.uint8)
    top, left = _centred_corner(drawn)
    height, breadth = drawn.shape
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[top : top + height, left : left + breadth] = drawn
    return pixels, width


def is_mnist_like(grey: Pixels) -> bool:
    """Whether uint8 ``(H, W)`` already is normalised as MNIST's digits are, light ink on black.

    That is 28 x 28, with a digit whose longer side is 18 to 20 pixels, centred by mass to within
    a pixel.
    """
    if grey.shape != (SIDE, SIDE) or grey.max() < _MIN_PEAK_TONE:
        return False
    left, top, right, bottom = bounding_box(grey > 0) or (0, 0, 0, 0)
    drawn = grey[top:bottom, left:right]
    if not _MNIST_SIDES_PX[0] <= max(drawn.shape) <= _MNIST_SIDES_PX[1]:
        return False
    ideal_top, ideal_left = _centred_corner(drawn)
    return abs(top - ideal_top) <= 1 and abs(left - ideal_left) <= 1


def stroke_width(amount: Floats) -> float:
    """Mean stroke width in pixels: twice the area divided by the length of the outline.

    The outline is the sum of all steps along rows and columns, times pi / 4 for measuring along
    the axes (Cauchy and Crofton, averaged over all directions).
    """
    padded = np.pad(amount, 1)
    steps = sum(float(np.abs(np.diff(padded, axis=axis)).sum()) for axis in (0, 1))
    return 2 * float(amount.sum()) / (steps * np.pi / 4)


def _resized(amount: Floats, length: int) -> Floats:
    """Resized to a longer side of ``length``, anti-aliased, with edges as crisp as MNIST's."""
    height, width = amount.shape
    scale = length / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    resized: Floats = np.asarray(Image.fromarray(amount).resize(size, Image.Resampling.BICUBIC))
    return np.clip(resized, 0, 1)


def _contrast_stretched(amount: Floats) -> Floats:
    """Ink scaled so that a quarter of the inked pixels are full: thin strokes cover little."""
    inked = amount[amount > 0.1 * amount.max()]
    full = float(np.percentile(inked, 100 - _FULL_INK_PERCENT))
    stretched: Floats = np.clip(amount / min(1.0, full), 0, 1)
    return stretched


def _dilated(amount: Floats) -> Floats:
    """Strokes dilated to the minimum width, at four times the final size."""
    fine = _contrast_stretched(_resized(amount, _DIGIT_SIDE_PX * _DILATION_SCALE))
    radius = int(np.ceil((_MIN_STROKE_PX * _DILATION_SCALE - stroke_width(fine)) / 2))
    if radius < 1:
        return amount
    padded = Image.fromarray(np.pad(fine, radius))
    return np.asarray(padded.filter(ImageFilter.MaxFilter(2 * radius + 1)))


def _centred_corner(drawn: Pixels) -> tuple[int, int]:
    """Top and left that centre the mass without cutting anything off."""
    height, width = drawn.shape
    mass = drawn.astype(np.float64)
    down = mass.sum(1) @ np.arange(height) / mass.sum()
    across = mass.sum(0) @ np.arange(width) / mass.sum()
    top, left = round(_CENTRE_PX - float(down)), round(_CENTRE_PX - float(across))
    return min(max(top, 0), SIDE - height), min(max(left, 0), SIDE - width)


_WHITE: Final = 255
_FAINT_CONTRAST: Final = 0.15
_COARSE_SIDE_PX: Final = 12
_THIN_STROKE_PX: Final = 0.9  # in the 28 x 28
_LIKELY_SHARE: Final = 0.2  # of the best score; what has less is no digit
_CLOSE_SHARE: Final = 0.8  # of the best score: what has more may as well be the one meant
_ALIKE_SCORES: Final = 0.45  # of the better score, or the wider stroke: two digits by one pen
_ALIKE_STROKES: Final = 0.5
_WIDE_ASPECT: Final = 1.8  # width by height; fewer than 1 in 2,000 MNIST digits are wider


@dataclass(frozen=True, eq=False)
class PreprocessedDigit:
    """A digit and how it was found in the image.

    Attributes:
        digit: the network's input.
        inverted: whether the image had dark ink on a lighter background.
        box: x, y, width, height of the ink, in pixels of the image.
        warnings: a sentence for each likely fault of the digit.
        score: how much it looks like the digit that is meant, 0 to 1.
    """

    digit: Digit
    inverted: bool
    box: tuple[int, int, int, int]
    warnings: tuple[str, ...]
    score: float = 1.0


def preprocess(grey: Pixels) -> PreprocessedDigit:
    """The most likely of :func:`find_digits`."""
    return find_digits(grey)[0]


def find_digits(grey: Pixels, step: int = 1) -> tuple[PreprocessedDigit, ...]:
    """Candidate digits, most likely first: at least one, with polarity, background, crop,
    size and position normalised.

    A digit that already is normalised as MNIST's are is returned byte for byte, and a negative of
    one inverted.

    Args:
        grey: uint8 ``(H, W)``, both sides at least 1; not modified.
        step: pixels of the image along a side of one of ``grey``; boxes are in those of the image.

    Raises:
        BlankImageError: nothing in the image stands out from its background.
    """
    for pixels, inverted in ((grey, False), (_WHITE - grey, True)):
        if is_mnist_like(pixels):
            return (PreprocessedDigit(Digit.of(pixels), inverted, ink_box(pixels), ()),)
    candidates = find_candidates(grey)
    if not candidates:
        raise BlankImageError("image is blank: nothing in it stands out from its background")
    best = candidates[0].score
    likely = [one for one in candidates if one.score >= _LIKELY_SHARE * best]
    return tuple(_normalised(one, likely, grey, step) for one in likely)


def surest_first(
    likely: Sequence[PreprocessedDigit], certainty: Callable[[Digit], float]
) -> tuple[PreprocessedDigit, ...]:
    """Candidates, most likely first, in the order of ``certainty`` where their scores are close:
    how sure a network is of a digit, the probability of its prediction.
    """
    close = sum(one.score >= _CLOSE_SHARE * likely[0].score for one in likely)
    if close <= 1:  # nothing to decide
        return tuple(likely)
    ordered = sorted(likely[:close], key=lambda one: -certainty(one.digit))
    return (*ordered, *likely[close:])


def _normalised(
    ink: Candidate, likely: Sequence[Candidate], grey: Pixels, step: int
) -> PreprocessedDigit:
    left, top, right, bottom = ink.box
    pixels, stroke = normalise_to_mnist(ink.amount[top:bottom, left:right])
    height, width = grey.shape
    left, top, right, bottom = ink.box_in_image()
    box = left, top, min(right, width), min(bottom, height)
    alike = any(_are_alike(ink, other) for other in likely if other is not ink)
    warnings = _warnings(ink, box, grey, stroke, alike)
    x, y, width, height = (step * side for side in _as_size(box))
    return PreprocessedDigit(Digit.of(pixels), ink.dark, (x, y, width, height), warnings, ink.score)


def _are_alike(ink: Candidate, other: Candidate) -> bool:
    """Whether both look like digits by the same pen."""
    scores, strokes = sorted((ink.score, other.score)), sorted((ink.stroke, other.stroke))
    return scores[0] > _ALIKE_SCORES * scores[1] and strokes[0] > _ALIKE_STROKES * strokes[1]


def pixels_to_grey(pixels: Sequence[Sequence[float]]) -> NDArray[np.uint8]:
    """28 x 28 numbers as uint8 ``(28, 28)``, rounded to the nearest tone.

    If no number exceeds 1, the range is 0..1 (also for a bitmap of integers 0 and 1, which would
    be blank in 0..255); otherwise it is 0..255.

    Raises:
        InvalidParameterError: another shape, or a number that is not finite or out of range.
    """
    try:
        values = np.array(pixels, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _invalid_pixels(
            "rows of different lengths, or something that is not a number"
        ) from error
    if values.shape != (SIDE, SIDE):
        raise _invalid_pixels(f"the shape {values.shape}")
    if not np.isfinite(values).all():
        raise _invalid_pixels("a number that is not finite")
    if values.min() < 0 or values.max() > _WHITE:
        raise _invalid_pixels("a number below 0 or above 255")
    return np.rint(values * _WHITE if values.max() <= 1 else values).astype(np.uint8)


def _invalid_pixels(found: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"pixels has {found}; allowed are {SIDE} rows of {SIDE} finite numbers, "
        "all in 0..1 or all in 0..255"
    )


def ink_box(pixels: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """``(x, y, width, height)`` of the ink in ``(28, 28)``; all zero if there is none."""
    return _as_size(bounding_box(pixels > 0))


def _as_size(box: Bounds | None) -> tuple[int, int, int, int]:
    left, top, right, bottom = box or (0, 0, 0, 0)
    return left, top, right - left, bottom - top


def _warnings(
    ink: Candidate, box: Bounds, grey: Pixels, stroke: float, several: bool
) -> tuple[str, ...]:
    _, _, width, height = _as_size(box)
    edges = (box[0] == 0, box[1] == 0, box[2] == grey.shape[1], box[3] == grey.shape[0])
    cut = any(edges) and not all(edges)  # an image cropped to its digit touches all four
    thin = stroke < _THIN_STROKE_PX  # a hairline in a large image is faint as well
    found = (
        (
            ink.contrast < _FAINT_CONTRAST and not thin,
            "The ink hardly stands out from its background.",
        ),
        (cut, "The ink touches the edge of the image, so part of the digit may be missing."),
        (
            max(width, height) < _COARSE_SIDE_PX,
            "The digit is only a few pixels large in the image.",
        ),
        (thin, "The strokes are very thin for their length, so they were thickened."),
        (
            width > _WIDE_ASPECT * height,
            "The ink is much wider than it is high; it is read as one digit.",
        ),
        (several, "There is more than one digit here; this is one of them."),
    )
    return tuple(sentence for applies, sentence in found if applies)
