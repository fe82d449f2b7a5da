"""Draws feature maps as one grid image: layout, tiles, a bitmap font for indices, PNG."""

import io
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product, starmap
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skiplens.core.colormaps import CLEAR_LEVEL, FLAG_LEVEL, LABEL_LEVEL
from skiplens.errors import InvalidParameterError

GLYPH_HEIGHT: Final = 5
GLYPH_WIDTH: Final = 3

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
_GLYPHS: Final = {  # with the gap that follows
    character: np.array([[pixel == "#" for pixel in f"{row}."] for row in rows.split()])
    for character, rows in _ROWS.items()
}


@lru_cache(maxsize=4096)
def draw_index(number: int) -> NDArray[np.bool_]:
    """A number in the 3 x 5 font: bool ``(5, 4 * digits - 1)``, true on ink, read-only."""
    ink = np.hstack([_GLYPHS[character] for character in str(number)])[:, :-1]
    ink.flags.writeable = False
    return ink


Box = tuple[int, int, int, int]

GAP: Final = 2
MAX_PIXELS: Final = 16_000_000
MIN_ZOOM: Final = 1
MAX_ZOOM: Final = 16
LABEL_HEIGHT: Final = GLYPH_HEIGHT + 2
MIN_LABEL_WIDTH: Final = 2 * (GLYPH_WIDTH + 1)  # two digits: wider than a 1 x 1 map at zoom 1
_PREFERRED_MAP_SIDE_PX: Final = 56
MAX_MAP_SIDE_PX: Final = 112
_MAX_GRID_WIDTH_PX: Final = 356  # three grids fit side by side on a laptop screen


@dataclass(frozen=True)
class GridLayout:
    """Layout of a grid.

    Attributes:
        width: of the grid in pixels.
        height: of the grid in pixels.
        zoom: pixels along a side of one value.
        columns: maps in a row.
        labels: whether there is space for an index above the maps.
        boxes: ``(x, y, width, height)`` of each map, row by row.
    """

    width: int
    height: int
    zoom: int
    columns: int
    labels: bool
    boxes: tuple[Box, ...]


def near_square(count: int) -> int:
    """Columns for ``count`` maps: the square root, rounded up, or the next number up to twice
    the root that fills every row.
    """
    root = math.ceil(math.sqrt(count))
    full = (columns for columns in range(root, 2 * root + 1) if count % columns == 0)
    return next(full, root)


def preferred_zoom(height: int, width: int) -> int:
    """The zoom that makes a map about 56 pixels wide, within the allowed zooms."""
    return max(MIN_ZOOM, min(MAX_ZOOM, _PREFERRED_MAP_SIDE_PX // max(height, width)))


def largest_fitting_zoom(columns: int, height: int, width: int) -> int:
    """The largest allowed zoom that keeps a grid within 356 pixels and a map's sides within 112."""
    across = ((_MAX_GRID_WIDTH_PX - GAP) // columns - GAP) // width
    return max(MIN_ZOOM, min(MAX_ZOOM, across, MAX_MAP_SIDE_PX // max(height, width)))


def layout_rows(  # noqa: PLR0913  # one parameter a measure
    rows: int,
    columns: int,
    height: int,
    width: int,
    *,
    zoom: int,
    gap: int = GAP,
    margin: int = 0,
) -> GridLayout:
    """Lay out a table of maps, with indices above the first row only: a column is one filter.

    Args:
        rows: of maps.
        columns: likewise.
        height: of a map, in values.
        width: likewise.
        zoom: pixels along a side of one value.
        gap: pixels from one map to the next in a row.
        margin: pixels to the left of the maps.

    Raises:
        InvalidParameterError: the image would have more than 16 million pixels.
    """
    return _lay_out(
        rows * columns, height, width, columns, zoom, LABEL_HEIGHT, 0, gap, margin=margin
    )


def layout_grid(  # noqa: PLR0913  # one parameter a measure
    count: int, height: int, width: int, *, columns: int, zoom: int, labels: bool, gap: int = GAP
) -> GridLayout:
    """Lay out ``count`` maps of ``height`` by ``width`` values in rows, with gaps around them, and
    a gap from one to the next.

    Raises:
        InvalidParameterError: the image would have more than 16 million pixels.
    """
    above = LABEL_HEIGHT if labels else 0
    return _lay_out(count, height, width, min(columns, count), zoom, 0, above, gap)


def _lay_out(  # noqa: PLR0913, PLR0917  # one parameter a measure
    count: int,
    height: int,
    width: int,
    columns: int,
    zoom: int,
    top: int,
    above: int,
    gap: int,
    *,
    margin: int = 0,
) -> GridLayout:
    """Maps in rows, with space for indices above the first row, or above every row."""
    labels = top + above > 0
    map_width, map_height = width * zoom, height * zoom
    across = gap + (max(map_width, MIN_LABEL_WIDTH) if labels and gap else map_width)
    down = GAP + above + map_height
    rows = math.ceil(count / columns)
    all_width, all_height = margin + GAP + columns * across + GAP - gap, top + GAP + rows * down
    if all_width * all_height > MAX_PIXELS:  # before millions of boxes are made
        raise InvalidParameterError(
            f"zoom {zoom} with {columns} columns gives {all_width} x {all_height} pixels; "
            f"at most {MAX_PIXELS} are allowed"
        )
    lefts = range(margin + GAP, margin + GAP + columns * across, across)
    tops = range(top + GAP + above, top + GAP + above + rows * down, down)
    boxes = [(left, upper, map_width, map_height) for upper in tops for left in lefts]
    return GridLayout(
        width=all_width,
        height=all_height,
        zoom=zoom,
        columns=columns,
        labels=labels,
        boxes=tuple(boxes[:count]),
    )


Levels = NDArray[np.uint8]

_COMPRESSION: Final = 3  # less than half the time of 6 for 6 % more bytes


def draw(
    levels: Sequence[Levels] | Levels,
    layout: GridLayout,
    indices: Sequence[int | None],
    flagged: Sequence[bool],
) -> Levels:
    """Draw maps into one image of palette levels.

    Args:
        levels: uint8 ``(n, H, W)`` palette levels, one map for each box.
        layout: of the maps; each value becomes a square of ``zoom`` pixels.
        indices: filter index to draw above each map, if the layout has labels. One that would
            touch the one before it in the row, or the image's edge, is left out.
        flagged: whether to draw a dotted frame in the gap around each map, for dead maps.

    Returns:
        uint8 ``(height, width)``; gaps have the transparent level.
    """
    canvas = np.full((layout.height, layout.width), CLEAR_LEVEL, np.uint8)
    zoom, labelled = layout.zoom, (0, 0)
    for level, box, index, flag in zip(levels, layout.boxes, indices, flagged, strict=True):
        x, y, width, height = box
        if flag:
            _outline(canvas, box)
        squares = canvas[y : y + height, x : x + width]
        for row, column in product(range(zoom), repeat=2):  # faster than to repeat each value
            squares[row::zoom, column::zoom] = level
        if layout.labels and index is not None and (y, x) > labelled:
            labelled = _label(canvas, box, index) or labelled
    return canvas


def _outline(canvas: Levels, box: Box) -> None:
    """Draw dots one pixel outside the map."""
    x, y, width, height = box
    canvas[[y - 1, y + height], x - 1 : x + width + 1 : 2] = FLAG_LEVEL
    canvas[y - 1 : y + height + 1 : 2, [x - 1, x + width]] = FLAG_LEVEL


def _label(canvas: Levels, box: Box, index: int) -> tuple[int, int] | None:
    """Draw an index above a map, if it has room; returns the map's top and where the index ends."""
    ink = draw_index(index)
    top, left = box[1] - LABEL_HEIGHT, box[0]
    label = canvas[top : top + GLYPH_HEIGHT, left : left + ink.shape[1]]
    if label.shape != ink.shape:
        return None
    label[ink] = LABEL_LEVEL
    return box[1], left + ink.shape[1]


def encode(levels: Levels, palette: NDArray[np.uint8]) -> bytes:
    """Palette levels as a PNG (W3C, PNG Specification, third edition); the same input gives the
    same bytes. Written here, as Pillow takes twice as long for 6 % fewer bytes.

    Args:
        levels: uint8 ``(height, width)``.
        palette: uint8 ``(256, 3)`` sRGB.
    """
    height, width = levels.shape
    rows = np.zeros((height, 1 + width), np.uint8)  # each begins with the number of no filter
    rows[:, 1:] = levels
    chunks = {
        b"IHDR": struct.pack(">2I5B", width, height, 8, 3, 0, 0, 0),  # 8 bits of a palette
        b"PLTE": palette.tobytes(),
        b"tRNS": b"\xff" * CLEAR_LEVEL + b"\0",
        b"IDAT": zlib.compress(rows.tobytes(), 1),
        b"IEND": b"",
    }
    return b"".join((b"\x89PNG\r\n\x1a\n", *starmap(_chunk, chunks.items())))


def _chunk(name: bytes, content: bytes) -> bytes:
    """A part of a PNG, with its length and checksum."""
    checksum = zlib.crc32(content, zlib.crc32(name))
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def encode_grey(pixels: NDArray[np.uint8], zoom: int = 1) -> bytes:
    """A uint8 ``(H, W)`` array as a grey PNG, or ``(H, W, 3)`` as RGB; each value is a square of
    ``zoom`` pixels.
    """
    enlarged = np.ascontiguousarray(pixels.repeat(zoom, axis=0).repeat(zoom, axis=1))
    buffer = io.BytesIO()
    Image.fromarray(enlarged).save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()
