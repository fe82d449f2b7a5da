"""Where each map of a grid lies, in pixels."""

import math
from dataclasses import dataclass
from typing import Final

from app.core import numerals

Box = tuple[int, int, int, int]

GAP: Final = 2
MIN_ZOOM: Final = 1
MAX_ZOOM: Final = 16
LABEL_HEIGHT: Final = numerals.HEIGHT + 2
_COMFORTABLE_SIDE: Final = 56
_LARGEST_SIDE: Final = 112
_COMFORTABLE_WIDTH: Final = 356  # three grids stand side by side on a laptop's screen


@dataclass(frozen=True)
class Geometry:
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


def comfortable_zoom(height: int, width: int) -> int:
    """The zoom at which a map is about 56 pixels wide, within what is allowed."""
    return max(MIN_ZOOM, min(MAX_ZOOM, _COMFORTABLE_SIDE // max(height, width)))


def fitting_zoom(columns: int, height: int, width: int) -> int:
    """The largest zoom at which a grid is at most 356 pixels wide and a map at most 112 on a side,
    within what is allowed.
    """
    across = ((_COMFORTABLE_WIDTH - GAP) // columns - GAP) // width
    return max(MIN_ZOOM, min(MAX_ZOOM, across, _LARGEST_SIDE // max(height, width)))


def lay_out_rows(rows: int, columns: int, height: int, width: int, *, zoom: int) -> Geometry:
    """Lay ``rows`` rows of ``columns`` maps each out, with room for indices above the first row
    alone: a column is one filter all the way down.
    """
    cell = max(width * zoom, 2 * (numerals.WIDTH + 1))
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
    return Geometry(
        width=GAP + columns * (cell + GAP),
        height=LABEL_HEIGHT + GAP + rows * (height * zoom + GAP),
        zoom=zoom,
        columns=columns,
        labels=True,
        boxes=boxes,
    )


def lay_out(
    count: int, height: int, width: int, *, columns: int, zoom: int, labels: bool
) -> Geometry:
    """Lay ``count`` maps of ``height`` by ``width`` values out in rows, the first top left, with
    a gap between and around them.
    """
    columns = min(columns, count)
    above = LABEL_HEIGHT if labels else 0
    # A label of two numerals is wider than a map of one value at zoom 1.
    map_width, map_height = width * zoom, height * zoom
    cell = max(map_width, 2 * (numerals.WIDTH + 1)) if labels else map_width
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
    return Geometry(
        width=GAP + columns * (cell + GAP),
        height=GAP + rows * (map_height + above + GAP),
        zoom=zoom,
        columns=columns,
        labels=labels,
        boxes=boxes,
    )
