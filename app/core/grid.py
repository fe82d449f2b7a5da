"""The grid: the maps of a layer as one image.

Choosing the range (:mod:`app.core.scaling`), drawing levels and encoding are steps of their own; a
level image can be compared with the array it came from, value by value.
"""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.core import numerals
from app.core.geometry import LABEL_HEIGHT, Box, Geometry
from app.core.palettes import CLEAR_LEVEL, FLAG_LEVEL, LABEL_LEVEL

Levels = NDArray[np.uint8]

_COMPRESSION = 4  # half the time of 6 for 4 % more bytes


def draw(
    levels: Sequence[Levels] | Levels,
    geometry: Geometry,
    indices: Sequence[int | None],
    flagged: Sequence[bool],
) -> Levels:
    """Draw maps into one level image.

    Args:
        levels: uint8 ``(n, H, W)`` palette levels, one map for each box of the geometry.
        geometry: where they go; each value becomes a square of ``zoom`` pixels.
        indices: the filter index to write above each map, where the geometry leaves room.
        flagged: whether each map says nothing; such a map gets a frame in the gap around it.

    Returns:
        uint8 ``(height, width)``; gaps are the transparent level.
    """
    canvas = np.full((geometry.height, geometry.width), CLEAR_LEVEL, np.uint8)
    zoom = geometry.zoom
    for level, box, index, flag in zip(levels, geometry.boxes, indices, flagged, strict=True):
        x, y, width, height = box
        if flag:
            _frame(canvas, box)
        canvas[y : y + height, x : x + width] = level.repeat(zoom, axis=0).repeat(zoom, axis=1)
        if geometry.labels and index is not None:
            _label(canvas, box, index)
    return canvas


def _frame(canvas: Levels, box: Box) -> None:
    """Dots one pixel outside the map."""
    x, y, width, height = box
    canvas[y - 1, x - 1 : x + width + 1 : 2] = FLAG_LEVEL
    canvas[y + height, x - 1 : x + width + 1 : 2] = FLAG_LEVEL
    canvas[y - 1 : y + height + 1 : 2, x - 1] = FLAG_LEVEL
    canvas[y - 1 : y + height + 1 : 2, x + width] = FLAG_LEVEL


def _label(canvas: Levels, box: Box, index: int) -> None:
    ink = numerals.draw(index)
    top, left = box[1] - LABEL_HEIGHT, box[0]
    room = canvas[top : top + numerals.HEIGHT, left : left + ink.shape[1]]
    room[ink[:, : room.shape[1]]] = LABEL_LEVEL


def encode(levels: Levels, palette: NDArray[np.uint8]) -> bytes:
    """A level image as a palette PNG; the same input gives the same bytes.

    Args:
        levels: uint8 ``(height, width)``.
        palette: uint8 ``(256, 3)`` sRGB.
    """
    image = Image.fromarray(levels, "L")
    image.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=CLEAR_LEVEL, compress_level=_COMPRESSION)
    return buffer.getvalue()


def encode_grey(pixels: NDArray[np.uint8], zoom: int = 1) -> bytes:
    """An uint8 ``(H, W)`` array as a grey PNG, each value a square of ``zoom`` pixels."""
    enlarged = np.ascontiguousarray(pixels.repeat(zoom, axis=0).repeat(zoom, axis=1))
    buffer = io.BytesIO()
    Image.fromarray(enlarged, "L").save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()
