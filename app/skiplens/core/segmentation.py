"""Separates strokes from their background: background, foreground, connected components."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]

_BAND: Final = 32  # the border is this part of the shorter side, so that a thin frame has no vote
_EVEN: Final = 1.5  # tones; a border that varies less was made by a drawing program
_THUMB: Final = 64  # side of the small copy on which falling light is fitted
_ROUNDS: Final = 8
_NEAR: Final = 2.5  # standard deviations about the fit that are ground
_NEAREST: Final = 2.0  # tones about the fit that are ground in any case
_SHADOW: Final = (0.08, 0.5)  # how much a shadow takes from the tone; ink takes more
_SHADOWED: Final = 0.05  # share of the outermost pixels off the fit that tells of a shadow
_SMALL: Final = 256  # side of the small copy on which shadows are found
_REACH: Final = 0.08  # of the longer side: the widest stroke that is still no shadow has twice that
_SIGMA: Final = 1.4826  # makes a median absolute deviation a standard deviation, if normal
_APART: Final = 3  # pixels; neighbours share their noise where an image was blurred or compressed


@dataclass(frozen=True, eq=False)
class Background:
    """What an image looks like without its ink.

    Attributes:
        tone: float32 ``(H, W)`` in 0..255.
        noise: standard deviation of the image about that tone, in tones; 0 of an even ground.
        even: the ground is one tone everywhere.
    """

    tone: Floats
    noise: float
    even: bool


def uniform_background(grey: Floats) -> Background | None:
    """The ground of float32 ``(H, W)`` in 0..255, or ``None`` where it is not one tone."""
    border = grey[_border(grey.shape, max(1, min(grey.shape) // _BAND))]
    middle = np.median(border)
    if _spread(border - middle) > _EVEN:
        return None
    return Background(np.full_like(grey, middle), 0.0, even=True)


def estimated_background(grey: Floats) -> Background:
    """The ground of a photograph, float32 ``(H, W)`` in 0..255."""
    noise = _noise(grey)
    tone = _polynomial_background(grey)
    outermost = _border(grey.shape, 1)
    off = np.abs(grey - tone)[outermost] / np.maximum(tone[outermost], 1)
    least, most = _SHADOW
    shadowed = (off > least) & (off < most) & (off * tone[outermost] > 3 * noise)
    if shadowed.mean() > _SHADOWED:
        tone = _morphological_background(grey)
    return Background(tone, noise, even=False)


def _border(shape: tuple[int, ...], width: int) -> NDArray[np.bool_]:
    border = np.ones(shape, np.bool_)
    border[width:-width, width:-width] = False
    return border


def _spread(values: NDArray[np.floating]) -> float:
    return _SIGMA * float(np.median(np.abs(values)))


def _noise(grey: Floats) -> float:
    """From differences of near pixels, in which neither light nor most of the ink shows."""
    steps = (grey[_APART:] - grey[:-_APART], grey[:, _APART:] - grey[:, :-_APART])
    return max((_spread(step) / 2**0.5 for step in steps if step.size), default=0.0)


def _polynomial_background(grey: Floats) -> Floats:
    """A quadratic surface through the ground, fitted by least squares.

    First to the border, then again and again to all that lies near the last fit: the ink stays
    out of it.
    """
    height, width = grey.shape
    rows, columns = min(height, _THUMB), min(width, _THUMB)
    small = Image.fromarray(grey).resize((columns, rows), Image.Resampling.BOX)
    tones = np.asarray(small, np.float64).ravel()
    terms = np.stack([term.ravel() for term in _terms(rows, columns)], axis=1)
    border = _border((rows, columns), max(1, min(rows, columns) // _BAND)).ravel()
    weights = np.array([np.median(tones[border]), 0, 0, 0, 0, 0])
    steady = 1e-3 * np.eye(weights.size)  # an image one pixel wide has no slope across
    chosen = border
    for _ in range(_ROUNDS):
        off = tones - terms @ weights
        chosen = np.abs(off) <= max(_NEAR * _spread(off[chosen]), _NEAREST)
        kept = terms[chosen]
        weights = np.linalg.solve(kept.T @ kept + steady, kept.T @ tones[chosen])
    surface = np.zeros_like(grey)
    for weight, term in zip(weights, _terms(height, width), strict=True):
        surface += np.float32(weight) * term
    return np.clip(surface, 0, 255)


def _terms(height: int, width: int) -> tuple[Floats, ...]:
    """1, y, x, y^2, yx, x^2 at every pixel, each ``(height, width)``; y and x are in -1..1."""
    y = ((2 * np.arange(height, dtype=np.float32) + 1) / height - 1)[:, None]
    x = ((2 * np.arange(width, dtype=np.float32) + 1) / width - 1)[None, :]
    shape = (height, width)
    terms = (np.ones(shape, np.float32), y, x, y * y, y * x, x * x)
    return tuple(np.broadcast_to(term, shape) for term in terms)


def _morphological_background(grey: Floats) -> Floats:
    """The tone about each pixel, without strokes: a morphological closing, or an opening.

    A closing takes out what is darker than its surroundings and narrower than twice the reach,
    an opening what is lighter, and both leave the edge of a shadow where it is. The one that
    leaves the ink in is rougher, because ink has sharp edges.
    """
    step = -(-max(grey.shape) // _SMALL)
    small = np.asarray(Image.fromarray(grey).reduce(step))
    reach = max(1, round(_REACH * max(small.shape)))
    tone = min(_closed(small, reach), -_closed(-small, reach), key=_roughness)
    tone = tone - np.median(tone - small)  # an extreme of noisy tones lies beside their middle
    height, width = grey.shape
    return np.asarray(Image.fromarray(tone).resize((width, height), Image.Resampling.BILINEAR))


def _roughness(tone: Floats) -> float:
    return sum(float(np.square(np.diff(tone, axis=axis)).sum()) for axis in (0, 1))


def _closed(tones: Floats, reach: int) -> Floats:
    return -_highest(-_highest(tones, reach), reach)


def _highest(tones: Floats, reach: int) -> Floats:
    """The highest value within ``reach`` rows and columns of each, in log2(reach) passes."""
    for _ in range(2):
        tones = np.pad(tones.T, ((reach, reach), (0, 0)), mode="edge")
        span, window = 1, 2 * reach + 1
        while span < window:
            step = min(span, window - span)
            tones = np.maximum(tones[:-step], tones[step:])
            span += step
    return tones


Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]

_CELLS: Final = 64  # along the longer side; strokes closer than a cell are one part
_SPECK: Final = 0.03  # of the largest part's ink: what holds less is dust
_RIVAL: Final = 0.02  # of a part at the border: where the rest holds more, the rest is the digit


@dataclass(frozen=True, eq=False)
class Components:
    """The connected pieces that make up a digit.

    Attributes:
        mask: bool ``(H, W)``, true on the pieces and a little around them.
        boxes: of each piece, left, top, right, bottom in pixels; never empty.
    """

    mask: Mask
    boxes: tuple[Box, ...]


@dataclass(frozen=True, eq=False)
class _Part:
    label: int
    ink: float
    box: Box  # in cells


def bounding_box(mask: Mask) -> Box | None:
    """Left, top, right and bottom of what is true in ``(H, W)``; ``None`` where nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def digit_components(inked: Mask, *, photograph: bool) -> Components | None:
    """The parts of the digit among the inked pixels, ``(H, W)``; ``None`` where there are none.

    A part that spans the whole width or height is a frame, a ruled line or the edge of a table,
    if anything else is there. On a photograph that goes for all that touches the border. A few
    inked pixels make a part on a drawing only.
    """
    cell = -(-max(inked.shape) // _CELLS)
    counts = _counts(inked, cell)
    labels = _label_components(counts > 0)
    least = 12 if photograph else 1
    parts = [part for part in _parts(labels, counts) if part.ink >= least]
    ink = sum(part.ink for part in parts)
    for part in sorted(parts, key=lambda part: -part.ink):
        if ink - part.ink > _RIVAL * part.ink and _at_border(part.box, labels.shape, photograph):
            parts.remove(part)
            ink -= part.ink
    if not parts:
        return None
    largest = max(part.ink for part in parts)
    kept = [part for part in parts if part.ink >= _SPECK * largest]
    mask = _cells_of(kept, labels).repeat(cell, 0).repeat(cell, 1)
    height, width = inked.shape
    boxes = tuple((cell * a, cell * b, cell * c, cell * d) for a, b, c, d in (p.box for p in kept))
    return Components(mask[:height, :width], boxes)


def _counts(inked: Mask, cell: int) -> NDArray[np.intp]:
    """How many pixels of each cell are inked."""
    height, width = inked.shape
    padded = np.pad(inked, ((0, -height % cell), (0, -width % cell)))
    rows, columns = padded.shape
    cells = padded.reshape(rows // cell, cell, columns // cell, cell)
    counts: NDArray[np.intp] = cells.sum((1, 3))
    return counts


def _label_components(cells: Mask) -> NDArray[np.intp]:
    """Numbers the connected cells from 1, diagonals included; 0 is empty. Flood fill."""
    width = cells.shape[1] + 2
    left = bytearray(np.pad(cells, 1).tobytes())
    labels = np.zeros(len(left), np.intp)
    around = (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1)
    label, start = 0, left.find(1)
    while start >= 0:
        label += 1
        left[start] = 0
        found = [start]
        for at in found:
            for offset in around:
                if left[at + offset]:
                    left[at + offset] = 0
                    found.append(at + offset)
        labels[found] = label
        start = left.find(1, start)
    return labels.reshape(-1, width)[1:-1, 1:-1]


def _parts(labels: NDArray[np.intp], counts: NDArray[np.intp]) -> list[_Part]:
    ink = np.bincount(labels.ravel(), counts.ravel())
    ys, xs = np.nonzero(labels)
    of = labels[ys, xs]
    low = np.full((2, ink.size), labels.size)
    high = np.zeros((2, ink.size), np.intp)
    for axis, places in enumerate((xs, ys)):
        np.minimum.at(low[axis], of, places)
        np.maximum.at(high[axis], of, places + 1)
    return [
        _Part(i, ink[i], (int(low[0, i]), int(low[1, i]), int(high[0, i]), int(high[1, i])))
        for i in range(1, ink.size)
    ]


def _at_border(box: Box, shape: tuple[int, ...], photograph: bool) -> bool:
    left, top, right, bottom = box
    rows, columns = shape
    across = (left == 0, right == columns)
    down = (top == 0, bottom == rows)
    return all(across) or all(down) or (photograph and (any(across) or any(down)))


def _cells_of(kept: list[_Part], labels: NDArray[np.intp]) -> Mask:
    """The cells of the kept parts and the empty ones around, where faint edges of strokes lie."""
    own = np.isin(labels, [part.label for part in kept])
    grown = Image.fromarray(own.astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(grown, np.bool_)


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
class Foreground:
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


def find_foreground(grey: Grey) -> Foreground | None:
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


def _find(grey: Grey) -> Foreground | None:
    step = _step(grey)
    tones, ground = _with_ground(Image.fromarray(grey).reduce(step))
    faintest = max(4 * ground.noise, _FAINTEST if ground.even else _BLOTCHES)
    away = _without_border_lines(ground.tone - tones, faintest)
    darker, lighter = np.maximum(away, 0), np.maximum(-away, 0)
    dark = _energy(darker, faintest) >= _energy(lighter, faintest)
    away, tone = (darker, ground.tone) if dark else (lighter, 255 - ground.tone)
    inked = away > faintest
    if not inked.any():
        return None
    tone = np.maximum(tone, _DARKEST)
    contrast = np.minimum(away / tone, 1)
    full = float(np.percentile(contrast[inked], 90))
    parts = digit_components(inked & (contrast > _STROKE * full), photograph=not ground.even)
    if parts is None:
        return None
    fog = _EDGE[0] if ground.even else _EDGE[1]
    low = min(max(faintest / float(np.median(tone)), fog * full), _STROKE * full)
    amount = np.clip((contrast - low) / (_FULL * full - low), 0, 1) * parts.mask
    box = bounding_box(amount > _STROKE)
    return Foreground(amount, box, parts.boxes, step, (0, 0), dark, full) if box else None


def _with_ground(image: Image.Image) -> tuple[Floats, Background]:
    """The tones of a grey image, float32, and their ground; a noisy image is blurred a little."""
    tones = np.asarray(image, np.float32)
    ground = uniform_background(tones)
    if ground is None:
        if min(image.size) >= _BLURRED_FROM:
            tones = np.asarray(image.filter(ImageFilter.BoxBlur(1)), np.float32)
        ground = estimated_background(tones)
    return tones, ground


def _without_border_lines(away: Floats, faintest: float) -> Floats:
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


def _energy(away: Floats, faintest: float) -> float:
    beyond = away[away > faintest]
    return float(np.vdot(beyond, beyond))
