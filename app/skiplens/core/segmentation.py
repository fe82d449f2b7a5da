"""Separates strokes from their background: background, foreground, connected components."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]

_BORDER_DIVISOR: Final = 32  # border width: shorter side / 32, so that a thin frame has no effect
_MAX_BORDER_SPREAD_TONES: Final = 1.5  # a border that varies less comes from a drawing program
_THUMBNAIL_SIDE_PX: Final = 64  # of the small copy to which the polynomial is fitted
_FIT_ROUNDS: Final = 8
_INLIER_SIGMAS: Final = 2.5  # pixels this close to the fit are background
_MIN_INLIER_TONES: Final = 2.0  # and so are pixels this close, however small the spread
_SHADOW_DEPTH: Final = (0.08, 0.5)  # share of the tone that a shadow removes; ink removes more
_MIN_SHADOW_SHARE: Final = 0.05  # of the outermost pixels
_SHADOW_SIDE_PX: Final = 256  # of the small copy on which shadows are estimated
_STROKE_RADIUS: Final = 0.08  # share of the longer side; anything wider than twice that is shadow
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
    border = grey[_border(grey.shape, max(1, min(grey.shape) // _BORDER_DIVISOR))]
    middle = np.median(border)
    if _spread(border - middle) > _MAX_BORDER_SPREAD_TONES:
        return None
    return Background(np.full_like(grey, middle), 0.0, uniform=True)


def estimated_background(grey: Floats) -> Background:
    """Background of a photograph, float32 ``(H, W)`` in 0..255."""
    noise = _noise(grey)
    tone = _polynomial_background(grey)
    outermost = _border(grey.shape, 1)
    depth = np.abs(grey - tone)[outermost] / np.maximum(tone[outermost], 1)
    least, most = _SHADOW_DEPTH
    shadowed = (depth > least) & (depth < most) & (depth * tone[outermost] > 3 * noise)
    if shadowed.mean() > _MIN_SHADOW_SHARE:
        tone = _morphological_background(grey)
    return Background(tone, noise, uniform=False)


def _border(shape: tuple[int, ...], width: int) -> NDArray[np.bool_]:
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


def _polynomial_background(grey: Floats) -> Floats:
    """A quadratic surface, fitted by least squares to the border, then repeatedly to all pixels
    near the last fit, which excludes the ink.
    """
    height, width = grey.shape
    rows, columns = min(height, _THUMBNAIL_SIDE_PX), min(width, _THUMBNAIL_SIDE_PX)
    small = Image.fromarray(grey).resize((columns, rows), Image.Resampling.BOX)
    tones = np.asarray(small, np.float64).ravel()
    terms = np.stack([term.ravel() for term in _terms(rows, columns)], axis=1)
    border = _border((rows, columns), max(1, min(rows, columns) // _BORDER_DIVISOR)).ravel()
    weights = np.array([np.median(tones[border]), 0, 0, 0, 0, 0])
    ridge = 1e-3 * np.eye(weights.size)  # keeps an image one pixel wide solvable
    inliers = border
    for _ in range(_FIT_ROUNDS):
        residual = tones - terms @ weights
        limit = max(_INLIER_SIGMAS * _spread(residual[inliers]), _MIN_INLIER_TONES)
        inliers = np.abs(residual) <= limit
        fitted = terms[inliers]
        weights = np.linalg.solve(fitted.T @ fitted + ridge, fitted.T @ tones[inliers])
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
    """The tone around each pixel, without strokes: a morphological closing or opening.

    A closing removes what is darker than its surroundings and narrower than twice the radius, an
    opening what is lighter; both leave the edges of shadows in place. The result that still
    contains the ink is rougher, because ink has sharp edges.
    """
    step = -(-max(grey.shape) // _SHADOW_SIDE_PX)
    small = np.asarray(Image.fromarray(grey).reduce(step))
    radius = max(1, round(_STROKE_RADIUS * max(small.shape)))
    tone = min(_closed(small, radius), -_closed(-small, radius), key=_roughness)
    tone = tone - np.median(tone - small)  # removes the bias of extremes of noisy tones
    height, width = grey.shape
    return np.asarray(Image.fromarray(tone).resize((width, height), Image.Resampling.BILINEAR))


def _roughness(tone: Floats) -> float:
    return sum(float(np.square(np.diff(tone, axis=axis)).sum()) for axis in (0, 1))


def _closed(tones: Floats, radius: int) -> Floats:
    return -_maximum_filter(-_maximum_filter(tones, radius), radius)


def _maximum_filter(tones: Floats, radius: int) -> Floats:
    """The maximum within ``radius`` rows and columns of each pixel, in log2(radius) passes."""
    for _ in range(2):
        tones = np.pad(tones.T, ((radius, radius), (0, 0)), mode="edge")
        span, window = 1, 2 * radius + 1
        while span < window:
            step = min(span, window - span)
            tones = np.maximum(tones[:-step], tones[step:])
            span += step
    return tones


Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]

_CELLS: Final = 64  # along the longer side; strokes closer than a cell are one component
_MIN_COMPONENT_SHARE: Final = 0.03  # of the largest component's ink; smaller ones are dust
_MIN_REST_SHARE: Final = 0.02  # of a border component's ink: if the rest has more, it is the digit
_MIN_PHOTO_COMPONENT_PX: Final = 12


@dataclass(frozen=True, eq=False)
class Components:
    """The connected components that make up a digit.

    Attributes:
        mask: bool ``(H, W)``, true on the components and one cell around them.
        boxes: left, top, right, bottom of each component in pixels; never empty.
    """

    mask: Mask
    boxes: tuple[Box, ...]


@dataclass(frozen=True, eq=False)
class _Component:
    label: int
    ink: float
    box: Box  # in cells


def bounding_box(mask: Mask) -> Box | None:
    """Left, top, right, bottom of the true pixels of ``(H, W)``; ``None`` if there are none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def digit_components(inked: Mask, *, photograph: bool) -> Components | None:
    """The digit's components among the inked pixels, ``(H, W)``; ``None`` if there are none.

    If there is anything else, a component that spans the whole width or height is a frame, a ruled
    line or the edge of a table, and on a photograph so is any that touches the border. Components
    of a few pixels count only on a drawing.
    """
    cell = -(-max(inked.shape) // _CELLS)
    counts = _counts(inked, cell)
    labels = _label_components(counts > 0)
    min_ink = _MIN_PHOTO_COMPONENT_PX if photograph else 1
    found = [component for component in _components(labels, counts) if component.ink >= min_ink]
    total = sum(component.ink for component in found)
    for component in sorted(found, key=lambda component: -component.ink):
        rest = total - component.ink
        if rest > _MIN_REST_SHARE * component.ink and _at_border(
            component.box, labels.shape, photograph
        ):
            found.remove(component)
            total = rest
    if not found:
        return None
    least = _MIN_COMPONENT_SHARE * max(component.ink for component in found)
    kept = [component for component in found if component.ink >= least]
    mask = _cell_mask(kept, labels).repeat(cell, 0).repeat(cell, 1)
    height, width = inked.shape
    boxes = tuple(
        (cell * a, cell * b, cell * c, cell * d)
        for a, b, c, d in (component.box for component in kept)
    )
    return Components(mask[:height, :width], boxes)


def _counts(inked: Mask, cell: int) -> NDArray[np.intp]:
    """Number of inked pixels in each cell."""
    height, width = inked.shape
    padded = np.pad(inked, ((0, -height % cell), (0, -width % cell)))
    rows, columns = padded.shape
    cells = padded.reshape(rows // cell, cell, columns // cell, cell)
    counts: NDArray[np.intp] = cells.sum((1, 3))
    return counts


def _label_components(cells: Mask) -> NDArray[np.intp]:
    """Flood fill: labels the 8-connected components of cells from 1; 0 is empty."""
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


def _components(labels: NDArray[np.intp], counts: NDArray[np.intp]) -> list[_Component]:
    ink = np.bincount(labels.ravel(), counts.ravel())
    ys, xs = np.nonzero(labels)
    of = labels[ys, xs]
    low = np.full((2, ink.size), labels.size)
    high = np.zeros((2, ink.size), np.intp)
    for axis, places in enumerate((xs, ys)):
        np.minimum.at(low[axis], of, places)
        np.maximum.at(high[axis], of, places + 1)
    return [
        _Component(
            label,
            ink[label],
            (int(low[0, label]), int(low[1, label]), int(high[0, label]), int(high[1, label])),
        )
        for label in range(1, ink.size)
    ]


def _at_border(box: Box, shape: tuple[int, ...], photograph: bool) -> bool:
    left, top, right, bottom = box
    rows, columns = shape
    across = (left == 0, right == columns)
    down = (top == 0, bottom == rows)
    return all(across) or all(down) or (photograph and (any(across) or any(down)))


def _cell_mask(kept: list[_Component], labels: NDArray[np.intp]) -> Mask:
    """The components' cells and those around them, which hold the faint edges of strokes."""
    own = np.isin(labels, [component.label for component in kept])
    grown = Image.fromarray(own.astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(grown, np.bool_)


Grey = NDArray[np.uint8]

_WORKING_SIDE_PX: Final = 512  # larger images are first reduced by an integer factor
_MARGIN_DIVISOR: Final = 3  # margin around a small digit: its longer side / 3
_MIN_BLUR_SIDE_PX: Final = 128  # in smaller images a stroke can be too thin to blur
_MIN_INK_TONES: Final = 8.0  # smaller differences from the background are not ink
_MIN_PHOTO_INK_TONES: Final = 12.0  # compression leaves blotches on photographs
_MIN_BACKGROUND_TONES: Final = 32.0  # contrast on darker backgrounds is measured as on this one
_DRAWING_HAZE: Final = 0.1  # share of full ink: haze of compression
_PHOTO_HAZE: Final = 0.25
_FULL_INK: Final = 0.85  # share of full ink that counts as 1
_STROKE_EDGE: Final = 0.3  # share of full ink at which a stroke ends
_MIN_FRAME_SHARE: Final = 0.9  # inked share of each line of a frame
_FRAME_DIVISOR: Final = 16  # a frame is at most the shorter side / 16 wide


@dataclass(frozen=True, eq=False)
class Foreground:
    """The digit in an image; one pixel of ``amount`` covers ``step`` x ``step`` pixels.

    Attributes:
        amount: float32 ``(H, W)``, 0 background to 1 full ink; 0 outside the digit.
        box: left, top, right, bottom of the digit in ``amount``.
        boxes: left, top, right, bottom of each connected component in ``amount``.
        step: image pixels along a side of one pixel of ``amount``.
        corner: x and y in the image of the first pixel of ``amount``.
        dark: whether the ink is darker than the background.
        contrast: of ink and background, from 0 to 1, black on white or white on black.
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
    """The ink of uint8 ``(H, W)``; ``None`` if there is none.

    A small digit in a large image is segmented a second time at a higher resolution.
    """
    found = _find(grey)
    if found is None or found.step == 1:
        return found
    left, top, right, bottom = found.box_in_image()
    margin = max(right - left, bottom - top) // _MARGIN_DIVISOR + found.step
    x, y = max(0, left - margin), max(0, top - margin)
    window = grey[y : bottom + margin, x : right + margin]
    finer = _find(window) if _step(window) < found.step else None
    return replace(finer, corner=(x, y)) if finer and finer.dark == found.dark else found


def _step(grey: Grey) -> int:
    """Integer factor by which an image is reduced first."""
    side: int = max(grey.shape)
    return -(-side // _WORKING_SIDE_PX)


def _find(grey: Grey) -> Foreground | None:
    step = _step(grey)
    tones, background = _split_background(Image.fromarray(grey).reduce(step))
    faintest = max(
        4 * background.noise, _MIN_INK_TONES if background.uniform else _MIN_PHOTO_INK_TONES
    )
    difference = _without_border_lines(background.tone - tones, faintest)
    darker, lighter = np.maximum(difference, 0), np.maximum(-difference, 0)
    dark = _energy(darker, faintest) >= _energy(lighter, faintest)
    difference, tone = (darker, background.tone) if dark else (lighter, 255 - background.tone)
    inked = difference > faintest
    if not inked.any():
        return None
    tone = np.maximum(tone, _MIN_BACKGROUND_TONES)
    contrast = np.minimum(difference / tone, 1)
    full = float(np.percentile(contrast[inked], 90))
    edge = _STROKE_EDGE * full
    components = digit_components(inked & (contrast > edge), photograph=not background.uniform)
    if components is None:
        return None
    haze = _DRAWING_HAZE if background.uniform else _PHOTO_HAZE
    low = min(max(faintest / float(np.median(tone)), haze * full), edge)
    amount = np.clip((contrast - low) / (_FULL_INK * full - low), 0, 1) * components.mask
    box = bounding_box(amount > _STROKE_EDGE)
    return Foreground(amount, box, components.boxes, step, (0, 0), dark, full) if box else None


def _split_background(image: Image.Image) -> tuple[Floats, Background]:
    """The tones of a grey image, float32, and its background; photographs are blurred slightly."""
    tones = np.asarray(image, np.float32)
    background = uniform_background(tones)
    if background is None:
        if min(image.size) >= _MIN_BLUR_SIDE_PX:
            tones = np.asarray(image.filter(ImageFilter.BoxBlur(1)), np.float32)
        background = estimated_background(tones)
    return tones, background


def _without_border_lines(difference: Floats, faintest: float) -> Floats:
    """A copy with a frame of lines along all four sides set to 0."""
    inked = np.abs(difference) > faintest
    frame, limit = 0, min(difference.shape) // _FRAME_DIVISOR
    while frame < limit:
        lines = (inked[frame], inked[-1 - frame], inked[:, frame], inked[:, -1 - frame])
        if min(line.mean() for line in lines) < _MIN_FRAME_SHARE:
            break
        frame += 1
    inside = np.zeros_like(difference)
    inner = slice(frame, -frame or None)
    inside[inner, inner] = difference[inner, inner]
    return inside


def _energy(difference: Floats, faintest: float) -> float:
    inked = difference[difference > faintest]
    return float(np.vdot(inked, inked))
