"""Tables of feature maps: a row for each layer of a block, or for each block of a stage."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core import grid_image
from skiplens.core.block_metrics import first_columns
from skiplens.core.colormaps import PaletteName
from skiplens.core.grid_image import GAP, Box, GridLayout
from skiplens.core.manifest import SUMS, BlockInfo, LayerInfo, Manifest
from skiplens.core.value_range import ValueRange, around_zero, quantise
from skiplens.engine.base import Array
from skiplens.errors import InvalidParameterError, NotFoundError, quoted
from skiplens.service.forward import ForwardPass
from skiplens.service.map_grids import UNITS_PER_INDEX, as_drawn, render_png, sequence_zoom
from skiplens.service.registry import find_layer

_PREFERRED_TABLE_WIDTH_PX: Final = 960
_MIN_ROW_HEIGHT_PX: Final = 24  # so that the link beside a row can be hit by a finger


@dataclass(frozen=True)
class FeatureMapRow:
    """One row of a table.

    Attributes:
        role: ``x``, ``projected x``, ``F(x)``, ``gate``, ``sum``, ``merge`` or ``output``; in a
            stage, the name of the block.
        layer: that computes the maps.
        range: values at the two ends of the palette.
        first: column of its first filter.
    """

    role: str
    layer: LayerInfo
    range: ValueRange
    first: int = 0


@dataclass(frozen=True, eq=False)
class FeatureMapTable:
    """Maps of several layers, one layer a row, one filter a column.

    Attributes:
        rows: top to bottom.
        columns: filter of each column.
        layout: of the maps, row by row, without a box where a row has no map.
        maps: float32 ``(H, W, n)`` of each row, those of its columns.
        palette: one for signed and one for other values.
        diverging: whether the signed palette is used, as it is where any row may be negative.
    """

    rows: tuple[FeatureMapRow, ...]
    columns: tuple[int, ...]
    layout: GridLayout
    maps: tuple[Array, ...]
    palette: PaletteName
    diverging: bool

    @property
    def steps(self) -> bool:
        """Whether the rows are sequences, time downwards."""
        return _are_sequences(self.rows)

    @property
    def range(self) -> ValueRange:
        """The range that all rows share, but for a gate beside others."""
        others = (row.range for row in self.rows if row.layer.role != "gate")
        return next(others, self.rows[0].range)

    @property
    def gate_range(self) -> ValueRange | None:
        """The range of the gate beside other rows, if there is one."""
        gates = [row.range for row in self.rows if row.layer.role == "gate"]
        return gates[0] if 0 < len(gates) < len(self.rows) else None

    def zoom_within(self, room: int, side: int = grid_image.MAX_MAP_SIDE_PX) -> int:
        """The largest zoom at which the table is at most ``room`` pixels across and the maps
        ``side``, or the present zoom if it has no room at a larger one.
        """
        height, width = (max(row.layer.drawn_size[axis] for row in self.rows) for axis in (0, 1))
        more = (room - self.layout.width) // (len(self.columns) * width)
        largest = min(self.layout.zoom + more, side // max(height, width), grid_image.MAX_ZOOM)
        return max(self.layout.zoom, largest)

    def places(self, row: FeatureMapRow) -> tuple[int, ...]:
        """The columns in which a row has a map, counted from the left."""
        return _places(row, self.columns)

    def box(self, row: FeatureMapRow, column: int) -> Box | None:
        """The box of a row's map in the column of a filter, if it has one."""
        at, places = self.rows.index(row), self.places(row)
        before = sum(len(self.places(above)) for above in self.rows[:at])
        place = self.columns.index(column) if column in self.columns else None
        return self.layout.boxes[before + places.index(place)] if place in places else None

    def levels(self) -> NDArray[np.uint8]:
        """The image as palette levels, uint8 ``(height, width)``; constant maps have a frame."""
        levels = [
            level
            for row, maps in zip(self.rows, self.maps, strict=True)
            for level in quantise(maps, (row.range,) * maps.shape[-1], centred=self.diverging)
        ]
        flagged = [
            bool(constant) and not self.steps
            for maps in self.maps
            for constant in maps.min(axis=(0, 1)) == maps.max(axis=(0, 1))
        ]
        return grid_image.draw(levels, self.layout, self._indices(), flagged)

    def png(self) -> bytes:
        """The image."""
        return render_png(self.levels, self.palette, diverging=self.diverging)

    def _indices(self) -> list[int | None]:
        """The index of each column, above its uppermost map."""
        indices: list[int | None] = []
        named: set[int] = set()
        for row in self.rows:
            columns = [self.columns[place] for place in self.places(row)]
            indices += [None if column in named else column for column in columns]
            named.update(columns)
        if not self.steps:
            return indices
        return [None if index is None or index % UNITS_PER_INDEX else index for index in indices]


def block_table(
    forward: ForwardPass,
    block: BlockInfo,
    palette: PaletteName,
    zoom: int | None = None,
    filters: tuple[int, ...] | None = None,
) -> FeatureMapTable:
    """A block's x, F(x), sum (another merge is called that) and output, and a highway's gate; of
    some filters of the output, or of all.

    The first row is the projected x if the block changes shape. A block without an identity path
    has only F(x) and output. If the merge concatenates, one of
    x and F(x) begins in the column after the other.
    """
    named = {
        "projected x" if forward.manifest.projects(block) else "x": block.identity,
        "F(x)": block.residual,
        "gate": block.gate,
        "sum" if block.merge in SUMS else "merge": block.sum,
        "output": block.output if block.output != block.sum else None,
    }
    layers = {role: name for role, name in named.items() if name is not None}
    x, fx = first_columns(block, forward.activations)
    first = {"x": x, "projected x": x, "F(x)": fx}
    return feature_map_table(forward, layers.items(), palette, zoom, first, filters)


def feature_map_table(  # one parameter each
    forward: ForwardPass,
    parts: Iterable[tuple[str, str]],
    palette: PaletteName,
    zoom: int | None,
    first: Mapping[str, int] | None = None,
    columns: tuple[int, ...] | None = None,
) -> FeatureMapTable:
    """The table of any layers, which share one range; gates share one of their own.

    Ranges are centred on zero if any of the layers may be negative, and else begin there.

    Args:
        forward: of the digit.
        parts: role and layer of each row.
        palette: one for signed and one for other values.
        zoom: pixels a value; by default it depends on the size of the maps.
        first: column in which a role begins, by default the first.
        columns: filters to show, by default all.

    Raises:
        InvalidParameterError: the image would have more than 16 million pixels.
    """
    pairs = [(role, find_layer(forward.manifest, name)) for role, name in parts]
    layers = [layer for _, layer in pairs]
    reach, gate_reach = _reach(forward, layers), _gate_reach(forward, layers)
    diverging = any(forward.is_signed(layer) for layer in layers)
    rows = tuple(
        FeatureMapRow(
            role,
            layer,
            around_zero(0.0, gate_reach if layer.role == "gate" else reach, centred=diverging),
            (first or {}).get(role, 0),
        )
        for role, layer in pairs
    )
    columns = columns or tuple(range(max(row.first + row.layer.filters for row in rows)))
    layout = _layout_table(rows, columns, zoom)
    maps = tuple(_maps(forward, row, columns) for row in rows)
    return FeatureMapTable(rows, columns, layout, maps, palette, diverging)


def _places(row: FeatureMapRow, columns: Sequence[int]) -> tuple[int, ...]:
    return tuple(at for at, c in enumerate(columns) if 0 <= c - row.first < row.layer.filters)


def _maps(forward: ForwardPass, row: FeatureMapRow, columns: Sequence[int]) -> Array:
    """The maps of a row's columns, as they are drawn; a view of the layer's if those are all."""
    filters = [columns[place] - row.first for place in _places(row, columns)]
    maps = forward.maps(row.layer)
    if filters != list(range(row.layer.filters)):
        maps = maps[:, :, filters]
    return as_drawn(maps, row.layer)


def _gate_reach(forward: ForwardPass, layers: Sequence[LayerInfo]) -> float:
    """1, the most that a gate can be, or the largest factor of one."""
    gates = [layer for layer in layers if layer.role == "gate"]
    return max([1.0, *(abs(forward.layer_scale(gate) or 0.0) for gate in gates)])


def _reach(forward: ForwardPass, layers: Sequence[LayerInfo]) -> float:
    """The largest magnitude of all layers but gates, or of the gates if there is nothing else."""
    values = [layer for layer in layers if layer.role != "gate"] or layers
    return max(float(np.abs(forward.maps(layer)).max()) for layer in values)


def _layout_table(
    rows: tuple[FeatureMapRow, ...], shown: Sequence[int], zoom: int | None
) -> GridLayout:
    """A box for each map; smaller maps lie in the upper left corner of their cells."""
    columns = len(shown)
    height, width = (max(row.layer.drawn_size[axis] for row in rows) for axis in (0, 1))
    gap = 0 if _are_sequences(rows) else GAP
    chosen = zoom or (
        _default_table_zoom(height, width, columns)
        if gap
        else sequence_zoom(height, columns, _PREFERRED_TABLE_WIDTH_PX)
    )
    layout = grid_image.layout_rows(len(rows), columns, height, width, zoom=chosen, gap=gap)
    boxes = tuple(
        (x, y, row.layer.drawn_size[1] * chosen, row.layer.drawn_size[0] * chosen)
        for at, row in enumerate(rows)
        for place in _places(row, shown)
        for x, y, _, _ in (layout.boxes[at * columns + place],)
    )
    return replace(layout, boxes=boxes)


def _are_sequences(rows: Iterable[FeatureMapRow]) -> bool:
    return all(row.layer.is_sequence for row in rows)


def _default_table_zoom(height: int, width: int, columns: int) -> int:
    fitting = _PREFERRED_TABLE_WIDTH_PX // (columns * width)
    smallest = -(-_MIN_ROW_HEIGHT_PX // height)
    return max(smallest, min(grid_image.preferred_zoom(height, width), fitting))


def stages(manifest: Manifest) -> tuple[tuple[BlockInfo, ...], ...]:
    """Runs of blocks whose outputs have the same shape."""
    runs = groupby(manifest.blocks, lambda block: find_layer(manifest, block.output).shape)
    return tuple(tuple(blocks) for _, blocks in runs)


def stage_table(
    forward: ForwardPass, stage: int, role: str, palette: PaletteName, zoom: int | None = None
) -> FeatureMapTable:
    """One layer of each block of a stage, so that filters can be followed through the depth.

    Args:
        forward: of the digit.
        stage: its number in :func:`stages`, from 1.
        role: ``output``, ``residual``, ``sum`` or ``gate``.
        palette: one for signed and one for other values.
        zoom: pixels a value; by default it depends on the size of the maps.

    Raises:
        NotFoundError: there is no such stage.
        InvalidParameterError: a block has no such layer.
    """
    runs = stages(forward.manifest)
    if not 1 <= stage <= len(runs):
        raise NotFoundError(f"stage must be 1 to {len(runs)}; got {quoted(str(stage))}")
    parts = [(block.name, getattr(block, role)) for block in runs[stage - 1]]
    if any(layer is None for _, layer in parts):
        raise InvalidParameterError(
            f"role {role} is not available: blocks of network {forward.manifest.id} have none"
        )
    return feature_map_table(forward, parts, palette, zoom)
