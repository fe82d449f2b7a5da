"""What a script needs to draw a layer's maps anew without asking the server how."""

from dataclasses import dataclass
from typing import Final

from app.core.manifest import LayerInfo
from app.core.ordering import Sort
from app.core.scaling import Normalisation, Range
from app.service.examination import Examination
from app.service.grids import Grid
from app.web.pages.view import View

_SWITCHES: Final[dict[bool | None, str | None]] = {None: None, False: "on", True: "off"}


@dataclass(frozen=True)
class Plate:
    """A layer's maps as a script finds them.

    Attributes:
        layer: its name.
        values: address of its maps as an array.
        filter_href: a filter's page, with ``{filter}`` to be filled in.
        shape: height, width and number of its maps, with spaces between.
        signed: whether values below zero can occur.
        columns: maps in a row of the grid.
        zoom: pixels along a side of one value in the grid.
        order: the grid's filters in their order, where that is not by index.
        block_range: smallest and largest value of what shares a scale with it under
            ``normalize=block``; nothing where it stands with no other layer.
        switch: ``on`` or ``off`` where a block's switch acts on the layer; else nothing.
    """

    layer: str
    values: str
    filter_href: str
    shape: str
    signed: bool
    columns: int
    zoom: int
    order: str | None
    block_range: str | None
    switch: str | None


def plate(examination: Examination, layer: LayerInfo, grid: Grid, view: View) -> Plate:
    """The plate of a layer's grid."""
    stands = bool(examination.standing_with(layer))
    return Plate(
        layer=layer.name,
        values=view.data(layer.name, "activations.npy"),
        filter_href=view.filter(layer.name, "{filter}"),
        shape=" ".join(map(str, layer.shape)),
        signed=layer.signed,
        columns=grid.geometry.columns,
        zoom=grid.geometry.zoom,
        order=None if view.sort is Sort.INDEX else ",".join(str(one.filter) for one in grid.cells),
        block_range=_pair(examination.scope(layer, Normalisation.BLOCK)) if stands else None,
        switch=_SWITCHES[examination.switched(layer)],
    )


def network_range(examination: Examination) -> str:
    """Smallest and largest value of what shares a scale under ``normalize=network``."""
    return _pair(examination.network_range)


def _pair(values: Range) -> str:
    """Both values with every digit that they have, so that a script works with the same ones."""
    return "{!r} {!r}".format(*values)
