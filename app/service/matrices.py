"""Matrices of maps: one row a layer, one column a filter, one range for all.

The strip of a block is one (x, F(x), sum, output); :mod:`app.service.streams` has another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core import geometry, grid
from app.core.blocks import first_columns
from app.core.geometry import Box, Geometry
from app.core.manifest import BlockInfo, LayerInfo
from app.core.palettes import PaletteName, colours
from app.core.scaling import Range, to_levels
from app.core.stages import stage
from app.service.bounds import bounded
from app.service.catalogue import layer_of
from app.service.examination import Examination

Array = NDArray[np.float32]

_COMFORTABLE_WIDTH: Final = 960
_LEAST_ROW: Final = 24  # pixels: the name beside a row is a link, which a finger has to hit
_GATE_RANGE: Final = (-1.0, 1.0)  # a gate lies in 0..1: the upper half of the palette


@dataclass(frozen=True)
class Row:
    """One row of a matrix.

    Attributes:
        role: what its maps are: ``x``, ``projected x``, ``F(x)``, ``gate``, ``sum``, ``output``; in
            a stream, the name of the block.
        layer: the layer they come from.
        range: the values at the ends of the palette.
        first: the column of its first filter.
    """

    role: str
    layer: LayerInfo
    range: Range
    first: int = 0


@dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix, ready to be stated or drawn.

    Attributes:
        rows: top to bottom.
        geometry: where the maps lie, row by row; a row that has no map in a column leaves it out.
        maps: float32 ``(H, W, C)`` of each row.
        palette: its signed palette is used.
    """

    rows: tuple[Row, ...]
    geometry: Geometry
    maps: tuple[Array, ...]
    palette: PaletteName

    @property
    def range(self) -> Range:
        """The one range that all rows but a gate share."""
        return next(row.range for row in self.rows if row.role != "gate")

    def box(self, row: Row, column: int) -> Box | None:
        """Where a row has its map of a column; nothing where it has none."""
        at = self.rows.index(row)
        before = sum(one.layer.filters for one in self.rows[:at])
        index = column - row.first
        return self.geometry.boxes[before + index] if 0 <= index < row.layer.filters else None

    def png(self) -> bytes:
        """The picture; maps of one value alone are framed."""
        with stage("render"):
            levels = [
                level
                for row, maps in zip(self.rows, self.maps, strict=True)
                for level in to_levels(maps, (row.range,) * row.layer.filters, centred=True)
            ]
            flat = [one for maps in self.maps for one in maps.reshape(-1, maps.shape[-1]).T]
            flagged = [bool(one.min() == one.max()) for one in flat]
            drawn = grid.draw(levels, self.geometry, self._indices(), flagged)
        with stage("encode"):
            return grid.encode(drawn, colours(self.palette, diverging=True))

    def _indices(self) -> list[int | None]:
        """Each column's number above its uppermost map."""
        columns = [row.first + at for row in self.rows for at in range(row.layer.filters)]
        return [None if one in columns[:at] else one for at, one in enumerate(columns)]


def block_strip(
    examination: Examination, block: BlockInfo, palette: PaletteName, zoom: int | None = None
) -> Matrix:
    """The strip of a block: x, F(x), sum and output, and a highway's gate, on one range.

    Where the block changes shape, the first row is the projected x. A block without an identity
    path has F(x) and output alone. Where the merge lays F(x) behind x, so do the columns.
    """
    named = {
        "x" if block.identity == block.input else "projected x": block.identity,
        "F(x)": block.residual,
        "gate": block.gate,
        "sum": block.sum,
        "output": block.output,
    }
    layers = {role: name for role, name in named.items() if name is not None}
    _, behind = first_columns(block, examination.activations)
    return matrix_of(examination, layers.items(), palette, zoom, {"F(x)": behind})


def matrix_of(
    examination: Examination,
    parts: Iterable[tuple[str, str]],
    palette: PaletteName,
    zoom: int | None,
    first: Mapping[str, int] | None = None,
) -> Matrix:
    """The matrix of any layers, on one range.

    Args:
        examination: of the digit.
        parts: the role and the layer of each row.
        palette: its signed palette is used.
        zoom: pixels a value; by size of the maps.
        first: the column that a role begins in, where it is not the first.

    Raises:
        InvalidParameterError: the picture would have more than 16 million pixels.
    """
    pairs = [(role, layer_of(examination.manifest, name)) for role, name in parts]
    maps = tuple(examination.maps(layer) for _, layer in pairs)
    reach = _reach(examination, [layer for _, layer in pairs])
    rows = tuple(
        Row(
            role,
            layer,
            _GATE_RANGE if layer.role == "gate" else (-reach, reach),
            (first or {}).get(role, 0),
        )
        for role, layer in pairs
    )
    return Matrix(rows, _lay_out(rows, zoom), maps, palette)


def _reach(examination: Examination, layers: Sequence[LayerInfo]) -> float:
    """The largest magnitude of any map that is not a gate's, unless all are."""
    values = [layer for layer in layers if layer.role != "gate"] or layers
    return max(float(np.abs(examination.maps(layer)).max()) for layer in values)


def _lay_out(rows: tuple[Row, ...], zoom: int | None) -> Geometry:
    """A box for each map that there is; a smaller one takes its cell's upper left corner."""
    columns = max(row.first + row.layer.filters for row in rows)
    height, width = (max(row.layer.shape[axis] for row in rows) for axis in (0, 1))
    chosen = zoom or _comfortable_zoom(height, width, columns)
    layout = geometry.lay_out_rows(len(rows), columns, height, width, zoom=chosen)
    boxes = tuple(
        (x, y, row.layer.shape[1] * chosen, row.layer.shape[0] * chosen)
        for at, row in enumerate(rows)
        for x, y, _, _ in layout.boxes[at * columns + row.first :][: row.layer.filters]
    )
    return bounded(replace(layout, boxes=boxes))


def _comfortable_zoom(height: int, width: int, filters: int) -> int:
    fitting = _COMFORTABLE_WIDTH // (filters * width)
    pressed = -(-_LEAST_ROW // height)
    return max(pressed, min(geometry.comfortable_zoom(height, width), fitting))
