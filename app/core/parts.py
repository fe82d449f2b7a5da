"""Tells the strokes of a digit from dust, frames, table edges and shadows."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]

_CELLS: Final = 64  # along the longer side; strokes closer than a cell are one part
_SPECK: Final = 0.03  # of the largest part's ink: what holds less is dust
_RIVAL: Final = 0.02  # of a part at the border: where the rest holds more, the rest is the digit


@dataclass(frozen=True, eq=False)
class Parts:
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


def bounds(mask: Mask) -> Box | None:
    """Left, top, right and bottom of what is true in ``(H, W)``; ``None`` where nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def find_parts(inked: Mask, *, photograph: bool) -> Parts | None:
    """The parts of the digit among the inked pixels, ``(H, W)``; ``None`` where there are none.

    A part that spans the whole width or height is a frame, a ruled line or the edge of a table,
    if anything else is there. On a photograph that goes for all that touches the border. A few
    inked pixels make a part on a drawing only.
    """
    cell = -(-max(inked.shape) // _CELLS)
    counts = _counts(inked, cell)
    labels = _labels(counts > 0)
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
    return Parts(mask[:height, :width], boxes)


def _counts(inked: Mask, cell: int) -> NDArray[np.intp]:
    """How many pixels of each cell are inked."""
    height, width = inked.shape
    padded = np.pad(inked, ((0, -height % cell), (0, -width % cell)))
    rows, columns = padded.shape
    cells = padded.reshape(rows // cell, cell, columns // cell, cell)
    counts: NDArray[np.intp] = cells.sum((1, 3))
    return counts


def _labels(cells: Mask) -> NDArray[np.intp]:
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
