"""Separates strokes from their background, and finds what may be a digit among them."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skiplens.core.background import (
    MIN_BACKGROUND_TONES,
    MIN_SCENE_SIDE_PX,
    Array,
    Background,
    Floats,
    border_of,
    estimated_background,
    uniform_background,
)

cv2.setNumThreads(1)  # requests are prepared side by side already

Mask = NDArray[np.bool_]
Bounds = tuple[int, int, int, int]
"""Left, top, right, bottom."""
Pixels = NDArray[np.uint8]

_WORKING_SIDE_PX: Final = 512  # larger images are first reduced by an integer factor
_MARGIN_DIVISOR: Final = 3  # margin around a small digit: its longer side / 3
_MIN_BLUR_SIDE_PX: Final = 128  # in smaller images a stroke can be too thin to blur
_MIN_INK_TONES: Final = 8.0  # smaller differences from the background are not ink
_MIN_PHOTO_INK_TONES: Final = 12.0  # compression leaves blotches on photographs
_DRAWING_HAZE: Final = 0.1  # share of full ink: haze of compression
_PHOTO_HAZE: Final = 0.25
_FULL_INK: Final = 0.85  # share of full ink that counts as 1
_STROKE_EDGE: Final = 0.3  # share of full ink at which a stroke ends
_FULL_PERCENTILE: Final = 90  # of the contrast of inked pixels

# Lines; lengths are shares of the shorter side.
_LINE_LENGTH: Final = 0.35  # what is straight, thin and longer may be a line
_LONG: Final = 0.6  # no stroke is longer
_STROKE_SHARE: Final = 0.85  # of the lines around a digit: no stroke is longer
_LINE_GAP: Final = 0.07  # where a stroke crosses it
_LINE_WIDTH: Final = 0.02
_LINE_DISTANCE: Final = 0.1
_LINE_STEP: Final = np.pi / 360  # radians
_PARALLEL: Final = np.pi / 60  # radians
_MAX_LINE_DIRECTIONS: Final = 8
_LIGHTEST: Final = 255

# Marks.
_MARK_EDGE: Final = 0.45  # share of its own full ink at which a mark ends
_STRONG_INK: Final = 0.65  # share of its own full ink
_MAX_STRONG_SIDE: Final = 0.7  # of a mark's longer side: its strong ink is hardly smaller than it
_MAX_MARKS: Final = 60
_MIN_MARK_SHARE: Final = 0.03  # of the largest mark's longer side; smaller ones are dust
_MIN_PHOTO_MARK_PX: Final = 12
_LEVEL_ASPECT: Final = 5
_SOFT_EDGE_PX: Final = 7  # width of the square by which marks are grown to hold their soft edges

# Rings, boxes and other frames.
_MIN_RING_SHARE: Final = 0.01  # of the image, within its outline
_MIN_RING_SOLIDITY: Final = 0.95
_RING_SHARE: Final = 0.5  # of the pixels at one depth are inked in a ring's stroke
_MIN_INSIDE_RING: Final = 0.5  # a digit is at least so large, as a share of the ring around it
_MAX_RING_CONTACT: Final = 0.7  # of the digit's size; the rest of an uneven stroke touches more
_MIN_ENCLOSED_SHARE: Final = 0.25  # of a frame's size
_MIN_ENCLOSED_CONTRAST: Final = 0.4  # of the frame's
_SPAN: Final = 0.98  # of the image's width or height
_MIN_REST_SHARE: Final = 0.02  # of all ink: if there is less besides what spans, that is the digit

# Strokes of one digit, in shares of its longer side, and of the stronger and the wider stroke.
_JOIN_GAP: Final = 0.14
_TOUCH_GAP: Final = 0.03  # for what else would be another digit or an underline
_JOIN_CONTRAST: Final = 0.5
_JOIN_WIDTH: Final = 0.3
_ANOTHER_HEIGHT: Final = 0.6

# What makes a digit likely, see _score; sizes and widths in shares of its longer side.
_LARGE: Final = 0.5  # of the image's shorter side
_THIN: Final = 0.06
_THICK: Final = 0.35
_WIDE: Final = 1.3  # width by height
_SPOT_FILL: Final = 0.75  # inked share of its box
_SPOT_WIDTH: Final = 0.4  # by height; a 1 is narrower
_CONTACT_PX: Final = 3
_MAX_CANDIDATES: Final = 5


@dataclass(frozen=True, eq=False)
class Candidate:
    """Candidate digits in an image; one pixel of ``amount`` covers ``step`` x ``step`` pixels.

    Attributes:
        amount: float32 ``(H, W)``, 0 background to 1 full ink; 0 outside the candidate.
        box: left, top, right, bottom of the ink in ``amount``.
        step: image pixels along a side of one pixel of ``amount``.
        corner: x and y in the image of the first pixel of ``amount``.
        dark: whether the ink is darker than the background.
        contrast: of ink and background, from 0 to 1, black on white or white on black.
        stroke: width of the strokes in pixels of the image.
        score: how much it looks like the digit that is meant, 0 to 1.
    """

    amount: Floats
    box: Bounds
    step: int
    corner: tuple[int, int]
    dark: bool
    contrast: float
    stroke: float
    score: float

    def box_in_image(self) -> Bounds:
        """Left, top, right and bottom of the ink in pixels of the image, rounded outwards."""
        left, top, right, bottom = (self.step * side for side in self.box)
        x, y = self.corner
        return x + left, y + top, x + right, y + bottom


@dataclass(frozen=True, eq=False)
class _Ink:
    """An image as ink on paper: all that is light on dark is inverted.

    Attributes:
        tones: float32 ``(H, W)``.
        paper: the background's tones, ruled lines included.
        faintest: in tones; smaller differences from the paper are not ink.
        uniform: whether the paper has one tone.
        dark: whether the ink is darker than the paper in the image itself.
        step: image pixels along a side of one of these.
    """

    tones: Floats
    paper: Floats
    faintest: float
    uniform: bool
    dark: bool
    step: int

    @cached_property
    def contrast(self) -> Floats:
        """0 to 1; 0 where nothing stands out."""
        difference = self.paper - self.tones
        contrast = np.minimum(difference / np.maximum(self.paper, MIN_BACKGROUND_TONES), 1)
        return np.where(difference > self.faintest, contrast, np.float32(0))


@dataclass(frozen=True)
class _Mark:
    """A connected component of ink.

    Attributes:
        label: its number.
        box: left, top, right, bottom.
        area: in pixels.
        full: contrast of its ink.
        width: of its strokes, in pixels.
    """

    label: int
    box: Bounds
    area: int
    full: float
    width: float

    @property
    def level(self) -> bool:
        """Whether it is a level line, or a word."""
        across, down = _sides(self.box)
        return across > _LEVEL_ASPECT * down

    @property
    def size(self) -> int:
        """Its longer side."""
        return max(_sides(self.box))


def bounding_box(mask: Mask) -> Bounds | None:
    """Left, top, right, bottom of the true pixels of ``(H, W)``; ``None`` if there are none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def find_candidates(grey: Pixels) -> list[Candidate]:
    """Candidate digits in uint8 ``(H, W)``, most likely first; empty if there is no ink."""
    plain = _find_ink(grey)
    for ink in (replace(plain, paper=_with_lines(plain)), plain):  # plain if lines are all there is
        labels, marks = _marks(ink)
        groups = _groups(labels, marks)
        found = [_candidate(grey, ink, labels, *one) for one in groups[:_MAX_CANDIDATES]]
        if any(found):
            return [one for one in found if one]
    return []


def _find_ink(grey: Pixels) -> _Ink:
    step = _step(grey.shape)
    tones, background = _split_background(Image.fromarray(grey).reduce(step))
    least = _MIN_INK_TONES if background.uniform else _MIN_PHOTO_INK_TONES
    faintest = max(4 * background.noise, least)
    difference = background.tone - tones
    dark = _energy(difference, faintest) >= _energy(-difference, faintest)
    paper = background.tone
    if not dark:
        tones, paper = 255 - tones, 255 - paper
    return _Ink(tones, paper, faintest, background.uniform, dark, step)


def _step(shape: tuple[int, ...]) -> int:
    """Integer factor by which an image is reduced first."""
    return -(-max(shape) // _WORKING_SIDE_PX)


def _split_background(image: Image.Image) -> tuple[Floats, Background]:
    """The tones of a grey image, float32, and its background; photographs are blurred slightly."""
    tones = np.asarray(image, np.float32)
    background = uniform_background(tones)
    if background is None:
        tones = _calmed(tones)
        background = estimated_background(tones)
    return tones, background


def _calmed(tones: Floats) -> Floats:
    """A photograph blurred slightly."""
    calm: Array = cv2.blur(tones, (3, 3))
    return calm if min(tones.shape) >= _MIN_BLUR_SIDE_PX else tones


def _energy(difference: Floats, faintest: float) -> float:
    inked = difference[difference > faintest]
    return float(np.vdot(inked, inked))


def _with_lines(ink: _Ink) -> Floats:
    """The paper with what is ruled on it: straight, thin lines.

    Along a line's direction, a morphological closing leaves the line and removes strokes across.
    It is taken of tones a pixel wider, as no line is that straight. Where ink is thick, only lines
    that are longer than any stroke are taken out.
    """
    inked = (ink.contrast > 0).astype(np.uint8)
    side = min(inked.shape)
    width = 2 * round(_LINE_WIDTH * side / 2) + 3
    thick = cv2.morphologyEx(inked, cv2.MORPH_OPEN, np.ones((width, width), np.uint8))
    paper, wider = ink.paper, cv2.erode(ink.tones, np.ones((3, 3), np.uint8))
    for direction, length in _lines(inked - thick):
        kernel = _line_kernel(direction, length)
        border = (_LIGHTEST,) * 4  # what is outside is no line
        along = cv2.morphologyEx(wider, cv2.MORPH_CLOSE, kernel, None, (-1, -1), 1, 0, border)
        strokes = thick > 0 if length < _LONG * side else False
        paper = np.where(strokes, paper, np.minimum(paper, along))
    return paper


def _lines(thin: Array) -> list[tuple[float, float]]:
    """Directions of straight lines in radians, the most frequent first, and a length that strokes
    do not have.

    A direction counts only with parallel lines or one along the border: a single line may be a
    stroke.
    """
    side = min(thin.shape)
    if side < MIN_SCENE_SIDE_PX:
        return []
    least, gap = _LINE_LENGTH * side, _LINE_GAP * side
    found = cv2.HoughLinesP(
        thin, 1, _LINE_STEP, round(least / 2), minLineLength=least, maxLineGap=gap
    )
    if found is None:
        return []
    left, top, right, bottom = found.reshape(-1, 4).T
    lengths = np.hypot(right - left, bottom - top)
    slopes = np.arctan2(bottom - top, right - left) % np.pi
    directions, counts = np.unique(np.round(slopes / _LINE_STEP), return_counts=True)
    rows, columns = thin.shape
    outer = np.maximum(left, right) < gap
    outer |= (np.minimum(left, right) > columns - gap) | (np.maximum(top, bottom) < gap)
    outer |= np.minimum(top, bottom) > rows - gap
    kept: list[tuple[float, float]] = []
    for direction in directions[np.argsort(-counts, kind="stable")] * _LINE_STEP:
        parallel = np.abs(np.sin(slopes - direction)) < np.sin(_PARALLEL)
        offsets = (top * np.cos(direction) - left * np.sin(direction))[parallel]
        if np.ptp(offsets) > _LINE_DISTANCE * side or outer[parallel].any():
            length = min(_LONG * side, _STROKE_SHARE * lengths[parallel].max())
            kept.append((float(direction), float(length)))
    return kept[:_MAX_LINE_DIRECTIONS]


def _line_kernel(direction: float, length: float) -> Pixels:
    x, y = round(np.cos(direction) * length / 2), round(np.sin(direction) * length / 2)
    kernel = np.zeros((2 * abs(y) + 1, 2 * abs(x) + 1), np.uint8)
    middle = abs(x), abs(y)
    cv2.line(kernel, (middle[0] - x, middle[1] - y), (middle[0] + x, middle[1] + y), 1)
    return kernel


def _marks(ink: _Ink) -> tuple[Array, list[_Mark]]:
    """Labels of connected components of ink, and the largest of these.

    Each ends at a share of its own full ink, so that faint ones do not join strong ones.
    """
    contrast = ink.contrast
    mask = _above(_MARK_EDGE, contrast, contrast > 0)
    mask = _without_rings(_without_second_ink(contrast, mask))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    least = 1 if ink.uniform else _MIN_PHOTO_MARK_PX
    return labels, [
        _mark(label, stats[label], labels, contrast, depth)
        for label in _largest(stats)
        if stats[label, cv2.CC_STAT_AREA] >= least
    ]


def _largest(stats: Array) -> list[int]:
    """Labels of the largest components."""
    found = np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:_MAX_MARKS] + 1
    return list(map(int, found))


def _above(share: float, contrast: Floats, mask: Mask) -> Mask:
    """Where the contrast is above a share of full ink, each component of the mask by its own."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8))
    above: Mask = (contrast > share * _full_by_label(contrast, labels, count)[labels]) & mask
    return above


def _without_second_ink(contrast: Floats, mask: Mask) -> Mask:
    """The mask without what is joined to a mark but much fainter: a stain, a line, a crease.

    It is what makes a mark much larger than its strongest ink is.
    """
    strong = _above(_STRONG_INK, contrast, mask)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    kept = mask.copy()
    for label in _largest(stats):
        left, top, width, height, _ = stats[label].tolist()
        window = np.s_[top : top + height, left : left + width]
        own = labels[window] == label
        box = bounding_box(strong[window] & own)
        if box and max(_sides(box)) < _MAX_STRONG_SIDE * max(width, height):
            kept[window] &= strong[window] | ~own
    return kept


def _without_rings(mask: Mask) -> Mask:
    """The ink without what is drawn around a digit that touches it: a ring or the side of a box.

    The outline of such a shape is convex. Its stroke ends where, counted inwards from the outline,
    less than half of the pixels are inked.
    """
    inked = mask.astype(np.uint8)
    contours, _ = cv2.findContours(inked, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for contour in contours:
        area = cv2.contourArea(contour)
        hull = cv2.contourArea(cv2.convexHull(contour))
        if area > max(_MIN_RING_SHARE * mask.size, _MIN_RING_SOLIDITY * hull):
            left, top, width, height = cv2.boundingRect(contour)
            window = inked[top : top + height, left : left + width]
            ring = _ring(window, contour - (left, top))
            window[ring] = 0
    return inked > 0


def _ring(inked: Array, outline: Array) -> Mask:
    """The stroke along an outline, false everywhere if it has nothing of a digit's size inside."""
    filled = cv2.drawContours(np.zeros_like(inked), [outline], -1, 1, cv2.FILLED)
    padded = cv2.distanceTransform(np.pad(filled, 1), cv2.DIST_L2, 5)
    depth = np.ceil(padded[1:-1, 1:-1]).astype(np.intp)
    shares = np.bincount(depth.ravel(), inked.ravel()) / np.bincount(depth.ravel()).clip(1)
    stroke = int(np.argmax(shares[1:] < _RING_SHARE)) + 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inked * (depth > stroke + 1))
    sizes = stats[:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(axis=1)
    sizes[0] = 0
    inside = int(sizes.argmax())
    contact = ((labels == inside) & (depth == stroke + 2)).sum()
    is_ring = max(_MIN_INSIDE_RING * max(inked.shape), contact / _MAX_RING_CONTACT) < sizes[inside]
    ring: Mask = (depth > 0) & (depth <= stroke + 1) & is_ring
    return ring


def _full_by_label(contrast: Floats, labels: Array, count: int) -> Floats:
    """Contrast of full ink of each component: a percentile of its pixels; 0 of the background."""
    inked = labels > 0
    values, of = contrast[inked], labels[inked]
    order = np.lexsort((values, of))
    sizes = np.bincount(of, minlength=count)
    ranks = np.cumsum(sizes) - sizes + sizes * _FULL_PERCENTILE // 100
    full = np.zeros(count, np.float32)
    full[sizes > 0] = values[order][ranks[sizes > 0]]
    return full


def _mark(
    label: int,
    stats: Array,
    labels: Array,
    contrast: Floats,
    depth: Array,
) -> _Mark:
    left, top, width, height, area = stats.tolist()
    window = np.s_[top : top + height, left : left + width]
    own = labels[window] == label
    return _Mark(
        label,
        (left, top, left + width, top + height),
        area,
        float(np.percentile(contrast[window][own], _FULL_PERCENTILE)),
        # A stripe is 4 times as wide as its mean depth, off its edge.
        4 * float(depth[window][own].mean()) - 2,
    )


def _groups(labels: Array, marks: list[_Mark]) -> list[tuple[list[_Mark], float]]:
    """Marks that may make up a digit together, with scores, the best first."""
    marks = _without_frames(marks, labels.shape)
    if not marks:
        return []
    largest = max(mark.size for mark in marks)
    marks = [mark for mark in marks if mark.size >= _MIN_MARK_SHARE * largest]
    groups: list[list[_Mark]] = []
    taken: set[int] = set()
    for seed in sorted(marks, key=lambda mark: (mark.level, -mark.size)):
        if seed.label not in taken and len(groups) < 2 * _MAX_CANDIDATES:
            groups.append(_grown(seed, [m for m in marks if m.label not in taken], labels))
            taken |= {mark.label for mark in groups[-1]}
    scored = [(group, _score(group, labels)) for group in groups]
    return sorted(scored, key=lambda one: -one[1])


def _without_frames(marks: list[_Mark], shape: tuple[int, ...]) -> list[_Mark]:
    """All but what is around others, and what spans the image if there is more."""
    kept = [mark for mark in marks if not any(_is_around(mark, other) for other in marks)]
    free = [mark for mark in kept if not _spans(mark.box, shape)]
    total = sum(mark.area for mark in marks)
    return free if sum(mark.area for mark in free) > _MIN_REST_SHARE * total else kept


def _is_around(mark: _Mark, other: _Mark) -> bool:
    (left, top, right, bottom), inner = mark.box, other.box
    within = left < inner[0] and top < inner[1] and right > inner[2] and bottom > inner[3]
    size, full = _MIN_ENCLOSED_SHARE * mark.size, _MIN_ENCLOSED_CONTRAST * mark.full
    return within and other.size > size and other.full > full


def _spans(box: Bounds, shape: tuple[int, ...]) -> bool:
    across, down = _sides(box)
    return across >= _SPAN * shape[1] or down >= _SPAN * shape[0]


def _grown(seed: _Mark, marks: list[_Mark], labels: Array) -> list[_Mark]:
    """The seed and the marks near it that look like strokes of the same digit."""
    group, rest = [seed], [mark for mark in marks if mark is not seed]
    while rest:
        box = _around(group)
        outside = np.isin(labels, [mark.label for mark in group], invert=True)
        distance = cv2.distanceTransform(outside.astype(np.uint8), cv2.DIST_L2, 5)
        joined = [mark for mark in rest if _belongs(mark, seed, box, _gap(mark, labels, distance))]
        if not joined:
            break
        group += joined
        rest = [mark for mark in rest if mark not in joined]
    return group


def _gap(mark: _Mark, labels: Array, distance: Array) -> float:
    left, top, right, bottom = mark.box
    window = np.s_[top:bottom, left:right]
    return float(distance[window][labels[window] == mark.label].min())


def _belongs(mark: _Mark, seed: _Mark, box: Bounds, gap: float) -> bool:
    """Whether a mark at a distance from a group is a stroke of the same digit."""
    size = max(_sides(box))
    contrasts, widths = sorted((mark.full, seed.full)), sorted((mark.width, seed.width))
    if contrasts[0] < _JOIN_CONTRAST * contrasts[1] or widths[0] < _JOIN_WIDTH * widths[1]:
        return False
    height = mark.box[3] - mark.box[1]
    apart = mark.box[0] >= box[2] or mark.box[2] <= box[0]
    beside = min(mark.box[3], box[3]) - max(mark.box[1], box[1]) > height / 2
    is_another = apart and beside and height > _ANOTHER_HEIGHT * size
    is_underline = mark.level and mark.box[1] >= box[3]
    return gap <= (_TOUCH_GAP if is_another or is_underline else _JOIN_GAP) * size


def _around(marks: list[_Mark]) -> Bounds:
    lefts, tops, rights, bottoms = zip(*(mark.box for mark in marks), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _sides(box: Bounds) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def _score(group: list[_Mark], labels: Array) -> float:
    """How much a group looks like the digit that is meant, 0 to 1.

    It is large and of strong contrast. What counts against it, by powers of e: to be off the
    middle, to run along the border, strokes as thin as a hair or as thick as a finger, to be wider
    than high, and to be a spot.
    """
    box = _around(group)
    height, width = labels.shape
    across, down = _sides(box)
    size = max(across, down)
    x, y = (box[0] + box[2]) / width - 1, (box[1] + box[3]) / height - 1
    area = sum(mark.area for mark in group)
    stroke = _stroke(group) / size
    outermost = labels[border_of(labels.shape, _CONTACT_PX)]
    contact = np.isin(outermost, [mark.label for mark in group]).sum() / _CONTACT_PX / size
    is_spot = area > _SPOT_FILL * across * down and across > _SPOT_WIDTH * down
    faults = (
        x * x + y * y,
        2 * contact,
        max(0.0, _THIN / stroke - 1),
        4 * max(0.0, stroke / _THICK - 1),
        2 * max(0.0, across / down / _WIDE - 1),
        float(is_spot),
    )
    large: float = min(1.0, size / (_LARGE * min(labels.shape)))
    return large * max(mark.full for mark in group) * float(np.exp(-sum(faults)))


def _stroke(group: list[_Mark]) -> float:
    """Width of the strokes, in pixels."""
    area = sum(mark.area for mark in group)
    return sum(mark.width * mark.area for mark in group) / area


def _candidate(
    grey: Pixels, ink: _Ink, labels: Array, group: list[_Mark], score: float
) -> Candidate | None:
    """The ink of a group, seen as closely as the image allows."""
    own = np.isin(labels, [mark.label for mark in group])
    kernel = np.ones((_SOFT_EDGE_PX, _SOFT_EDGE_PX), np.uint8)
    grown = cv2.dilate(own.astype(np.uint8), kernel) & (own | (labels == 0))
    closer, inside, corner = _closer(grey, ink, grown, _around(group))
    contrast = closer.contrast * inside
    if not contrast.any():
        return None
    full = float(np.percentile(contrast[contrast > 0], _FULL_PERCENTILE))
    edge = _STROKE_EDGE * full
    haze = _DRAWING_HAZE if ink.uniform else _PHOTO_HAZE
    paper = max(float(np.median(closer.paper)), MIN_BACKGROUND_TONES)
    low = min(max(ink.faintest / paper, haze * full), edge)
    amount = np.clip((contrast - low) / (_FULL_INK * full - low), 0, 1)
    box = bounding_box(amount > _STROKE_EDGE)
    stroke = ink.step * _stroke(group)
    return (
        Candidate(amount, box, closer.step, corner, ink.dark, full, stroke, score) if box else None
    )


def _closer(
    grey: Pixels, ink: _Ink, inside: Array, box: Bounds
) -> tuple[_Ink, Array, tuple[int, int]]:
    """A small part of a large image at a higher resolution: ink, mask and corner in the image."""
    left, top, right, bottom = box
    margin = max(_sides(box)) // _MARGIN_DIVISOR + 1
    left, top, right, bottom = (
        max(0, left - margin),
        max(0, top - margin),
        right + margin,
        bottom + margin,
    )
    window = np.s_[top:bottom, left:right]
    part = grey[top * ink.step : bottom * ink.step, left * ink.step : right * ink.step]
    step = _step(part.shape)
    if step >= ink.step:
        return ink, inside, (0, 0)
    tones = np.asarray(Image.fromarray(part).reduce(step), np.float32)
    if not ink.uniform:
        tones = _calmed(tones)
    size = tones.shape[1], tones.shape[0]
    paper: Array = cv2.resize(ink.paper[window], size, interpolation=cv2.INTER_LINEAR)
    mask = cv2.resize(inside[window], size, interpolation=cv2.INTER_NEAREST)
    tones = tones if ink.dark else 255 - tones
    return (
        replace(ink, tones=tones, paper=paper, step=step),
        mask,
        (left * ink.step, top * ink.step),
    )
