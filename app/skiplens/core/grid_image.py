"""Draws maps as one grid image: layout, tiles, indices in a bitmap font, PNG."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skiplens.core.colormaps import CLEAR_LEVEL, FLAG_LEVEL, LABEL_LEVEL

HEIGHT: Final = 5
WIDTH: Final = 3

_ROWS: Final = {
    "0": "### #.# #.# #.# ###",
    "1": ".#. ##. .#. .#. ###",
    "2": "### ..# ### #.. ###",
    "3": "### ..# .## ..# ###",
    "4": "#.# #.# ### ..# ..#",
    "5": "### #.. ### ..# ###",
    "6": "### #.. ### #.# ###",
    "7": "### ..# .#. .#. .#.",
    "8": "### #.# ### #.# ###",
    "9": "### #.# ### ..# ###",
}
_GLYPHS: Final = {
    numeral: np.array([[pixel == "#" for pixel in row] for row in rows.split()])
    for numeral, rows in _ROWS.items()
}


def draw_index(number: int) -> NDArray[np.bool_]:
    """The number's pixels, ``(5, 4 * numerals - 1)``, true where there is ink."""
    glyphs = [_GLYPHS[numeral] for numeral in str(number)]
    picture = np.zeros((HEIGHT, (WIDTH + 1) * len(glyphs) - 1), np.bool_)
    for at, glyph in enumerate(glyphs):
        picture[:, at * (WIDTH + 1) : at * (WIDTH + 1) + WIDTH] = glyph
    return picture


Box = tuple[int, int, int, int]

GAP: Final = 2
MIN_ZOOM: Final = 1
MAX_ZOOM: Final = 16
LABEL_HEIGHT: Final = HEIGHT + 2
_COMFORTABLE_SIDE: Final = 56
_LARGEST_SIDE: Final = 112
_COMFORTABLE_WIDTH: Final = 356  # three grids stand side by side on a laptop's screen


@dataclass(frozen=True)
class GridLayout:
    """A grid's layout.

    Attributes:
        width: of the whole grid, pixels.
        height: of the whole grid, pixels.
        zoom: pixels along a side of one value.
        columns: maps in a row.
        labels: whether room for an index is left above each map.
        boxes: ``(x, y, width, height)`` of each map, row by row.
    """

    width: int
    height: int
    zoom: int
    columns: int
    labels: bool
    boxes: tuple[Box, ...]


def near_square(count: int) -> int:
    """Columns for ``count`` maps: the smallest number at or above the square root that fills every
    row, if that is at most twice the root; else the root, rounded up.
    """
    root = math.ceil(math.sqrt(count))
    full = (columns for columns in range(root, 2 * root + 1) if count % columns == 0)
    return next(full, root)


def preferred_zoom(height: int, width: int) -> int:
    """The zoom at which a map is about 56 pixels wide, within what is allowed."""
    return max(MIN_ZOOM, min(MAX_ZOOM, _COMFORTABLE_SIDE // max(height, width)))


def largest_fitting_zoom(columns: int, height: int, width: int) -> int:
    """The largest zoom at which a grid is at most 356 pixels wide and a map at most 112 on a side,
    within what is allowed.
    """
    across = ((_COMFORTABLE_WIDTH - GAP) // columns - GAP) // width
    return max(MIN_ZOOM, min(MAX_ZOOM, across, _LARGEST_SIDE // max(height, width)))


def layout_rows(rows: int, columns: int, height: int, width: int, *, zoom: int) -> GridLayout:
    """Lay ``rows`` rows of ``columns`` maps each out, with room for indices above the first row
    alone: a column is one filter all the way down.
    """
    cell = max(width * zoom, 2 * (WIDTH + 1))
    boxes = tuple(
        (
            GAP + column * (cell + GAP),
            LABEL_HEIGHT + GAP + row * (height * zoom + GAP),
            width * zoom,
            height * zoom,
        )
        for row in range(rows)
        for column in range(columns)
    )
    return GridLayout(
        width=GAP + columns * (cell + GAP),
        height=LABEL_HEIGHT + GAP + rows * (height * zoom + GAP),
        zoom=zoom,
        columns=columns,
        labels=True,
        boxes=boxes,
    )


def layout_grid(
    count: int, height: int, width: int, *, columns: int, zoom: int, labels: bool
) -> GridLayout:
    """Lay ``count`` maps of ``height`` by ``width`` values out in rows, the first top left, with
    a gap between and around them.
    """
    columns = min(columns, count)
    above = LABEL_HEIGHT if labels else 0
    # A label of two numerals is wider than a map of one value at zoom 1.
    map_width, map_height = width * zoom, height * zoom
    cell = max(map_width, 2 * (WIDTH + 1)) if labels else map_width
    boxes = tuple(
        (
            GAP + at % columns * (cell + GAP),
            GAP + at // columns * (map_height + above + GAP) + above,
            map_width,
            map_height,
        )
        for at in range(count)
    )
    rows = math.ceil(count / columns)
    return GridLayout(
        width=GAP + columns * (cell + GAP),
        height=GAP + rows * (map_height + above + GAP),
        zoom=zoom,
        columns=columns,
        labels=labels,
        boxes=boxes,
    )


Levels = NDArray[np.uint8]

_COMPRESSION = 4  # half the time of 6 for 4 % more bytes


def draw(
    levels: Sequence[Levels] | Levels,
    geometry: GridLayout,
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
    ink = draw_index(index)
    top, left = box[1] - LABEL_HEIGHT, box[0]
    room = canvas[top : top + HEIGHT, left : left + ink.shape[1]]
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
