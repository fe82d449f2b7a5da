"""The map that a unit looks at, with the window that it sees."""

from dataclasses import dataclass
from typing import Final

from app.core.digit import SIDE
from app.core.geometry import Box
from app.core.palettes import PaletteName
from app.core.scaling import Normalisation, Range
from app.service.examination import Examination
from app.service.grids import GridOptions, layer_grid
from app.web import urls
from app.web.pages import wording
from app.web.pages.figures import Picture
from app.web.pages.units.sources import Sources

_ZOOM: Final = 4


@dataclass(frozen=True)
class Lookout:
    """A map and a window on it.

    Attributes:
        picture: that it is cut from.
        box: of the map and the window in the picture, as an SVG view box has it.
        window: ``(x, y, width, height)`` of the window in the picture.
        text: what the window is, in words.
        scale: values at the ends of the map's palette.
        palette: which pair of palettes.
        pinned: whether that is the same on every page: of the digit itself.
    """

    picture: Picture
    box: str
    window: Box
    text: str
    scale: Range
    palette: PaletteName
    pinned: bool


def lookout(
    examination: Examination,
    sources: Sources,
    channel: int,
    corner: tuple[int, int],
    size: tuple[int, int],
) -> Lookout:
    """The window of a size at a corner of one of the maps that the unit's layer is given."""
    row, column = corner
    height, width = size
    name = sources.name()
    layer, view = sources.layer(), sources.view
    where = name if layer is None else f"filter {channel} of {name}"
    text = f"{_span('row', row, height)} and {_span('column', column, width)} of {where}"
    if layer is None:
        picture = Picture(urls.input_png(view.digit), SIDE, SIDE)
        window = (column, row, width, height)
        box = _around((0, 0, SIDE, SIDE), window)
        return Lookout(picture, box, window, text, (0.0, 1.0), PaletteName.GREY, pinned=True)
    options = GridOptions(Normalisation.LAYER, view.palette, _ZOOM, labels=False)
    grid = layer_grid(examination, layer, (channel,), options)
    (cell,) = grid.cells
    x, y, _, _ = cell.box
    window = (x + column * _ZOOM, y + row * _ZOOM, width * _ZOOM, height * _ZOOM)
    address = view.grid(layer.name, normalize="layer", filters=channel, zoom=_ZOOM, labels="false")
    return Lookout(
        Picture(address, grid.geometry.width, grid.geometry.height),
        _around(cell.box, window),
        window,
        text,
        cell.range,
        view.palette,
        pinned=False,
    )


def _around(map_: Box, window: Box) -> str:
    """The smallest box that holds both."""
    boxes = (map_, window)
    left, top = (min(box[axis] for box in boxes) for axis in (0, 1))
    right, bottom = (max(box[axis] + box[axis + 2] for box in boxes) for axis in (0, 1))
    return f"{left} {top} {right - left} {bottom - top}"


def _span(noun: str, first: int, length: int) -> str:
    ends = [str(at).replace("-", wording.MINUS) for at in (first, first + length - 1)]
    return f"{noun} {ends[0]}" if length == 1 else f"{noun}s {ends[0]} to {ends[1]}"
