"""Images of activations and kernels: layer grids, kernels, maps of a block or a stage."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core import grid_image
from skiplens.core.block_metrics import column_offsets
from skiplens.core.colormaps import LABEL_LEVEL, PaletteName, colours
from skiplens.core.feature_stats import FilterStatistics, Sort, describe, ordered
from skiplens.core.grid_image import GAP, Box, GridLayout
from skiplens.core.manifest import DESCRIBED, BlockInfo, LayerInfo, Manifest
from skiplens.core.timing import timed
from skiplens.core.value_range import Normalisation, ValueRange, display_ranges, quantise
from skiplens.errors import InvalidParameterError, quoted
from skiplens.service.forward import ForwardPass
from skiplens.service.registry import find_layer

MAX_PIXELS: Final = 16_000_000


def bounded(layout: GridLayout) -> GridLayout:
    """The layout of a picture that is not too large to draw.

    Raises:
        InvalidParameterError: it would have more than 16 million pixels.
    """
    if layout.width * layout.height > MAX_PIXELS:
        raise InvalidParameterError(
            f"zoom {layout.zoom} with {layout.columns} columns gives {layout.width} x "
            f"{layout.height} pixels; at most {MAX_PIXELS} are allowed"
        )
    return layout


Array = NDArray[np.float32]

KERNEL_ZOOM: Final = 6


@dataclass(frozen=True)
class GridOptions:
    """How a grid is drawn; ``None`` lets the layer decide.

    Attributes:
        normalisation: what shares a range of values.
        palette: which pair of palettes.
        zoom: pixels along a side of one value, 1..16.
        columns: maps in a row.
        labels: whether each map's index is written above it.
        sort: what a layer's maps are sorted by.
    """

    normalisation: Normalisation = Normalisation.BLOCK
    palette: PaletteName = PaletteName.DARK
    zoom: int | None = None
    columns: int | None = None
    labels: bool = True
    sort: Sort = Sort.INDEX


@dataclass(frozen=True)
class GridCell:
    """One map in a grid."""

    __pydantic_config__ = DESCRIBED

    filter: int
    """Index of the filter, from 0."""
    box: Box
    """x, y, width, height of the map in the image, in pixels."""
    range: ValueRange
    """Values at the two ends of the palette."""
    dead: bool
    """Whether every value is zero."""
    constant: bool
    """Whether all values are equal; the map is drawn in one colour."""


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid, ready to be stated or drawn.

    Attributes:
        maps: float32 ``(H, W, n)``, the chosen filters.
        geometry: where they lie.
        cells: one for each chosen filter.
        options: as asked for.
        diverging: whether the palette is the signed one.
    """

    maps: Array
    geometry: GridLayout
    cells: tuple[GridCell, ...]
    options: GridOptions
    diverging: bool

    @property
    def range(self) -> ValueRange:
        """The widest range of any cell: the one range where all share it."""
        return min(cell.range[0] for cell in self.cells), max(cell.range[1] for cell in self.cells)

    def png(self) -> bytes:
        """The picture."""
        indices = [cell.filter for cell in self.cells]
        flagged = [cell.dead or cell.constant for cell in self.cells]
        with timed("render"):
            scales = tuple(cell.range for cell in self.cells)
            levels = quantise(self.maps, scales, centred=self.diverging)
            drawn = grid_image.draw(levels, self.geometry, indices, flagged)
        with timed("encode"):
            return grid_image.encode(drawn, colours(self.options.palette, diverging=self.diverging))


def layer_grid(
    forward: ForwardPass, layer: LayerInfo, filters: tuple[int, ...], options: GridOptions
) -> Grid:
    """The grid of a layer's maps.

    The range is chosen over all filters of the layer, shown or not, so that a filter looks the
    same alone as among the others.

    Raises:
        InvalidParameterError: the picture would have more than 16 million pixels.
    """
    maps = forward.maps(layer)
    if options.normalisation is Normalisation.BLOCK and not forward.range_group(layer):
        options = replace(options, normalisation=Normalisation.LAYER)  # what it comes to
    scope, signed = forward.scope(layer, options.normalisation), forward.is_signed(layer)
    scales = display_ranges(maps, options.normalisation, signed=signed, scope=scope)
    diverging = signed or options.normalisation is Normalisation.SYMMETRIC
    statistics = forward.statistics(layer)
    return grid_of(
        maps,
        scales,
        options,
        diverging=diverging,
        filters=ordered(statistics, filters, options.sort),
        statistics=statistics,
    )


def grid_of(
    maps: Array,
    scales: Sequence[ValueRange],
    options: GridOptions,
    *,
    diverging: bool,
    filters: tuple[int, ...] | None = None,
    statistics: tuple[FilterStatistics, ...] | None = None,
) -> Grid:
    """The grid of any maps on given ranges.

    Args:
        maps: float32 ``(H, W, C)``.
        scales: the range of each filter.
        options: how to draw; the normalisation is stated, not applied.
        diverging: whether to use the signed palette.
        filters: which to show, in which order; all by default.
        statistics: of every filter, where they are known already.

    Raises:
        InvalidParameterError: the picture would have more than 16 million pixels.
    """
    chosen = tuple(range(maps.shape[-1])) if filters is None else filters
    layout = _lay_out(maps, len(chosen), options)
    known = statistics or describe(maps)
    cells = tuple(
        GridCell(at, box, scales[at], known[at].dead, known[at].constant)
        for at, box in zip(chosen, layout.boxes, strict=True)
    )
    return Grid(maps[:, :, list(chosen)], layout, cells, options, diverging)


def _lay_out(maps: Array, shown: int, options: GridOptions) -> GridLayout:
    height, width, count = maps.shape
    zoom = options.zoom  # else of the whole layer's grid: a filter alone looks as among the others
    if zoom is None:
        zoom = grid_image.largest_fitting_zoom(grid_image.near_square(count), height, width)
    columns = options.columns or grid_image.near_square(shown)
    return bounded(
        grid_image.layout_grid(
            shown, height, width, columns=columns, zoom=zoom, labels=options.labels
        )
    )


def kernel_grid(kernel: Array, options: GridOptions) -> Grid:
    """The grid of a convolution's kernels, one row an output filter, one column an input channel;
    near-square where there is but one channel. One range for all, centred on zero.

    Args:
        kernel: float32 ``(h, w, in, out)``.
        options: the normalisation is not used.

    Raises:
        InvalidParameterError: the picture would have more than 16 million pixels.
    """
    height, width, channels, count = kernel.shape
    maps = kernel.transpose(0, 1, 3, 2).reshape(height, width, count * channels)
    layout = kernel_layout(kernel.shape, options)
    chosen = GridOptions(
        Normalisation.SYMMETRIC, options.palette, layout.zoom, layout.columns, False
    )
    reach = float(np.abs(maps).max())
    return grid_of(maps, ((-reach, reach),) * (count * channels), chosen, diverging=True)


def kernel_layout(shape: tuple[int, ...], options: GridOptions) -> GridLayout:
    """Where the kernels of that shape, ``(h, w, in, out)``, lie in :func:`kernel_grid`."""
    height, width, channels, count = shape
    columns = options.columns or (channels if channels > 1 else grid_image.near_square(count))
    zoom = options.zoom or KERNEL_ZOOM
    return bounded(
        grid_image.layout_grid(
            count * channels, height, width, columns=columns, zoom=zoom, labels=False
        )
    )


@dataclass(frozen=True, eq=False)
class LabelledKernelGrid:
    """Kernels, ready to be drawn on one range, centred on zero.

    Attributes:
        kernel: float32 ``(h, w, in, out)``.
        geometry: where they lie, row by row; a filter's index stands left of its row.
        palette: its signed palette is used.
    """

    kernel: NDArray[np.float32]
    geometry: GridLayout
    palette: PaletteName

    @property
    def range(self) -> ValueRange:
        """The values at the ends of the palette."""
        reach = float(np.abs(self.kernel).max())
        return -reach, reach

    @classmethod
    def of(
        cls, kernel: NDArray[np.float32], palette: PaletteName, zoom: int = KERNEL_ZOOM
    ) -> "LabelledKernelGrid":
        """Lay kernels out.

        Raises:
            InvalidParameterError: the picture would have more than 16 million pixels.
        """
        height, width, channels, count = kernel.shape
        layout = grid_image.layout_rows(count, channels, height, width, zoom=zoom)
        margin = len(str(count - 1)) * (grid_image.GLYPH_WIDTH + 1) + GAP
        boxes = tuple((x + margin, y, across, down) for x, y, across, down in layout.boxes)
        return cls(
            kernel,
            bounded(replace(layout, width=layout.width + margin, boxes=boxes)),
            palette,
        )

    def png(self) -> bytes:
        """The picture."""
        height, width, channels, count = self.kernel.shape
        maps = self.kernel.transpose(0, 1, 3, 2).reshape(height, width, count * channels)
        levels = quantise(maps, (self.range,) * (count * channels), centred=True)
        indices = [*range(channels), *[None] * (channels * (count - 1))]
        drawn = grid_image.draw(levels, self.geometry, indices, [False] * len(levels))
        for row in range(count):
            _write(drawn, row, self.geometry.boxes[row * channels])
        return grid_image.encode(drawn, colours(self.palette, diverging=True))


def _write(drawn: NDArray[np.uint8], row: int, box: tuple[int, int, int, int]) -> None:
    """A row's index, to the left of its first kernel and level with its middle."""
    ink = grid_image.draw_index(row)
    right, top = box[0] - GAP, box[1] + (box[3] - grid_image.GLYPH_HEIGHT) // 2
    drawn[top : top + ink.shape[0], right - ink.shape[1] : right][ink] = LABEL_LEVEL


_COMFORTABLE_WIDTH: Final = 960
_LEAST_ROW: Final = 24  # pixels: the name beside a row is a link, which a finger has to hit


@dataclass(frozen=True)
class Row:
    """One row of a matrix.

    Attributes:
        role: what its maps are: ``x``, ``projected x``, ``F(x)``, ``gate``, ``sum``, ``output``; in
            a stage, the name of the block.
        layer: the layer they come from.
        range: the values at the ends of the palette.
        first: the column of its first filter.
    """

    role: str
    layer: LayerInfo
    range: ValueRange
    first: int = 0


@dataclass(frozen=True, eq=False)
class FeatureMapTable:
    """A matrix, ready to be stated or drawn.

    Attributes:
        rows: top to bottom.
        geometry: where the maps lie, row by row; a row that has no map in a column leaves it out.
        maps: float32 ``(H, W, C)`` of each row.
        palette: its signed palette is used.
    """

    rows: tuple[Row, ...]
    geometry: GridLayout
    maps: tuple[Array, ...]
    palette: PaletteName

    @property
    def range(self) -> ValueRange:
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
        with timed("render"):
            levels = [
                level
                for row, maps in zip(self.rows, self.maps, strict=True)
                for level in quantise(maps, (row.range,) * row.layer.filters, centred=True)
            ]
            flat = [one for maps in self.maps for one in maps.reshape(-1, maps.shape[-1]).T]
            flagged = [bool(one.min() == one.max()) for one in flat]
            drawn = grid_image.draw(levels, self.geometry, self._indices(), flagged)
        with timed("encode"):
            return grid_image.encode(drawn, colours(self.palette, diverging=True))

    def _indices(self) -> list[int | None]:
        """Each column's number above its uppermost map."""
        columns = [row.first + at for row in self.rows for at in range(row.layer.filters)]
        return [None if one in columns[:at] else one for at, one in enumerate(columns)]


def block_table(
    forward: ForwardPass, block: BlockInfo, palette: PaletteName, zoom: int | None = None
) -> FeatureMapTable:
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
    _, behind = column_offsets(block, forward.activations)
    return feature_map_table(forward, layers.items(), palette, zoom, {"F(x)": behind})


def feature_map_table(
    forward: ForwardPass,
    parts: Iterable[tuple[str, str]],
    palette: PaletteName,
    zoom: int | None,
    first: Mapping[str, int] | None = None,
) -> FeatureMapTable:
    """The matrix of any layers, on one range.

    Args:
        forward: of the digit.
        parts: the role and the layer of each row.
        palette: its signed palette is used.
        zoom: pixels a value; by size of the maps.
        first: the column that a role begins in, where it is not the first.

    Raises:
        InvalidParameterError: the picture would have more than 16 million pixels.
    """
    pairs = [(role, find_layer(forward.manifest, name)) for role, name in parts]
    maps = tuple(forward.maps(layer) for _, layer in pairs)
    reach = _reach(forward, [layer for _, layer in pairs])
    rows = tuple(
        Row(
            role,
            layer,
            _gate_range(forward, layer) if layer.role == "gate" else (-reach, reach),
            (first or {}).get(role, 0),
        )
        for role, layer in pairs
    )
    return FeatureMapTable(rows, _layout_table(rows, zoom), maps, palette)


def _gate_range(forward: ForwardPass, layer: LayerInfo) -> ValueRange:
    """A gate lies in 0..1, the upper half of the palette, unless a factor takes it further."""
    reach = max(1.0, abs(forward.layer_scale(layer) or 1.0))
    return -reach, reach


def _reach(forward: ForwardPass, layers: Sequence[LayerInfo]) -> float:
    """The largest magnitude of any map that is not a gate's, unless all are."""
    values = [layer for layer in layers if layer.role != "gate"] or layers
    return max(float(np.abs(forward.maps(layer)).max()) for layer in values)


def _layout_table(rows: tuple[Row, ...], zoom: int | None) -> GridLayout:
    """A box for each map that there is; a smaller one takes its cell's upper left corner."""
    columns = max(row.first + row.layer.filters for row in rows)
    height, width = (max(row.layer.shape[axis] for row in rows) for axis in (0, 1))
    chosen = zoom or _comfortable_zoom(height, width, columns)
    layout = grid_image.layout_rows(len(rows), columns, height, width, zoom=chosen)
    boxes = tuple(
        (x, y, row.layer.shape[1] * chosen, row.layer.shape[0] * chosen)
        for at, row in enumerate(rows)
        for x, y, _, _ in layout.boxes[at * columns + row.first :][: row.layer.filters]
    )
    return bounded(replace(layout, boxes=boxes))


def _comfortable_zoom(height: int, width: int, filters: int) -> int:
    fitting = _COMFORTABLE_WIDTH // (filters * width)
    pressed = -(-_LEAST_ROW // height)
    return max(pressed, min(grid_image.preferred_zoom(height, width), fitting))


def stages(manifest: Manifest) -> tuple[tuple[BlockInfo, ...], ...]:
    """Runs of blocks whose outputs have one shape, so that a filter's index can be followed."""
    runs: list[list[BlockInfo]] = []
    shape = None
    for block in manifest.blocks:
        here = find_layer(manifest, block.output).shape
        if here != shape:
            runs.append([])
        runs[-1].append(block)
        shape = here
    return tuple(tuple(run) for run in runs)


def stage_table(
    forward: ForwardPass, stage: int, role: str, palette: PaletteName, zoom: int | None = None
) -> FeatureMapTable:
    """One filter through the depth: a row a block, a column a filter.

    Args:
        forward: of the digit.
        stage: which of :func:`stages`, counted from 1.
        role: ``output``, ``residual``, ``sum`` or ``gate``.
        palette: its signed palette is used.
        zoom: pixels a value.

    Raises:
        InvalidParameterError: the network has no such stage, or its blocks no such part.
    """
    runs = stages(forward.manifest)
    if not 1 <= stage <= len(runs):
        raise InvalidParameterError(f"stage must be 1 to {len(runs)}; got {quoted(str(stage))}")
    parts = [(block.name, getattr(block, role)) for block in runs[stage - 1]]
    if any(layer is None for _, layer in parts):
        raise InvalidParameterError(
            f"role {role} is not to be had: blocks of network {forward.manifest.id} have none"
        )
    return feature_map_table(forward, parts, palette, zoom)
