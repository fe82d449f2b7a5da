"""Grids of maps: those of a layer, and the kernels of a convolution."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core import grid_image
from skiplens.core.colormaps import LABEL_LEVEL, PaletteName, colours
from skiplens.core.feature_stats import FilterSummary, Sort, extent, summarise
from skiplens.core.grid_image import GAP, Box, GridLayout
from skiplens.core.manifest import LayerInfo
from skiplens.core.published import Published
from skiplens.core.timing import timed
from skiplens.core.value_range import (
    Normalisation,
    ValueRange,
    around_zero,
    display_ranges,
    quantise,
)
from skiplens.engine.base import Array
from skiplens.service.forward import ForwardPass
from skiplens.service.registry import find_block

KERNEL_ZOOM: Final = 6


@dataclass(frozen=True)
class GridOptions:
    """How a grid is drawn; ``None`` depends on the layer.

    Attributes:
        normalize: what shares a range of values.
        palette: one for signed and one for other values.
        zoom: pixels along a side of one value, 1..16.
        columns: maps in a row.
        labels: whether each map has its index above it, where that has room.
        sort: order of a layer's maps.
        block: name of the block that gives the range under ``block``; by default the layer's own.
    """

    normalize: Normalisation = Normalisation.BLOCK
    palette: PaletteName = PaletteName.DARK
    zoom: int | None = None
    columns: int | None = None
    labels: bool = True
    sort: Sort = Sort.INDEX
    block: str | None = None


@dataclass(frozen=True)
class GridCell(Published):
    """One map in a grid."""

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
    """Maps in a grid.

    Attributes:
        source: of the maps.
        layout: of the maps.
        cells: in the order of the image.
        options: how it is drawn.
        diverging: whether the signed palette is used.
        steps: whether maps are the units of a sequence, side by side without gaps, time downwards.
    """

    source: "Source"
    layout: GridLayout
    cells: tuple[GridCell, ...]
    options: GridOptions
    diverging: bool
    steps: bool = False

    @cached_property
    def maps(self) -> Array:
        """float32 ``(H, W, n)``, one map for each cell."""
        return self.source.read([cell.filter for cell in self.cells])

    @property
    def extent(self) -> ValueRange:
        """The smallest and the largest value of all maps that are shown."""
        summary, filters = self.source.summary, [cell.filter for cell in self.cells]
        return float(summary.low[filters].min()), float(summary.high[filters].max())

    @property
    def range(self) -> ValueRange:
        """The widest range of any cell, which is that of all if they share one."""
        return min(cell.range[0] for cell in self.cells), max(cell.range[1] for cell in self.cells)

    def levels(self) -> NDArray[np.uint8]:
        """The image as palette levels, uint8 ``(height, width)``."""
        filters = [cell.filter for cell in self.cells]
        indices = _some_indices(filters, self.layout.columns) if self.steps else filters
        flagged = [not self.steps and (cell.dead or cell.constant) for cell in self.cells]
        scales = tuple(cell.range for cell in self.cells)
        levels = quantise(self.maps, scales, centred=self.diverging)
        return grid_image.draw(levels, self.layout, indices, flagged)

    def png(self) -> bytes:
        """The image."""
        return render_png(self.levels, self.options.palette, diverging=self.diverging)


def render_png(
    levels: Callable[[], NDArray[np.uint8]], palette: PaletteName, *, diverging: bool = True
) -> bytes:
    """An image of palette levels, as PNG."""
    with timed("render"):
        drawn = levels()
    with timed("encode"):
        return grid_image.encode(drawn, colours(palette, diverging=diverging))


UNITS_PER_INDEX: Final = 8  # the units of a sequence are as narrow as one value


def _some_indices(filters: Sequence[int], columns: int) -> list[int | None]:
    """The index of each filter, and ``None`` where its neighbour's index takes the room."""
    return [None if at % columns % UNITS_PER_INDEX else index for at, index in enumerate(filters)]


def as_drawn(maps: Array, layer: LayerInfo) -> Array:
    """A layer's maps as a picture has them, ``(H, W, C)``: a sequence as ``(T, 1, C)``."""
    return maps.reshape(*layer.drawn_size, -1)


def layer_grid(
    forward: ForwardPass, layer: LayerInfo, filters: tuple[int, ...], options: GridOptions
) -> Grid:
    """The grid of a layer's maps.

    Ranges depend on all filters, shown or not, so a filter looks the same alone and among others.

    Raises:
        InvalidParameterError: the image would have more than 16 million pixels.
        NotFoundError: there is no such block.
    """
    of_block = options.normalize is Normalisation.BLOCK
    block = find_block(forward.manifest, options.block) if of_block and options.block else None
    if of_block and not (block or forward.range_group(layer)):
        options = replace(options, normalize=Normalisation.LAYER)  # its own range
    scope = forward.block_range(block) if block else forward.value_range(layer, options.normalize)
    signed = forward.is_signed(layer)
    summary = forward.summary(layer)
    return _grid(
        Source(
            (*layer.drawn_size, layer.filters),
            summary,
            lambda chosen: _some_maps(as_drawn(forward.maps(layer), layer), chosen),
        ),
        display_ranges((summary.low, summary.high), options.normalize, signed=signed, scope=scope),
        options,
        diverging=signed or options.normalize is Normalisation.SYMMETRIC,
        filters=forward.ordered(layer, filters, options.sort),
        steps=layer.is_sequence,
    )


@dataclass(frozen=True, eq=False)
class Source:
    """The maps that a grid is of.

    Attributes:
        shape: ``(H, W, C)``.
        summary: of all filters.
        read: the maps of some filters, float32 ``(H, W, n)``.
    """

    shape: tuple[int, int, int]
    summary: FilterSummary
    read: Callable[[list[int]], Array]


def grid_of(
    maps: Array,
    scales: Sequence[ValueRange],
    options: GridOptions,
    *,
    diverging: bool,
    steps: bool = False,
    filters: tuple[int, ...] | None = None,
) -> Grid:
    """The grid of any maps with given ranges.

    Args:
        maps: float32 ``(H, W, C)``.
        scales: the range of each filter.
        options: how to draw it; the normalisation is not applied.
        diverging: whether to use the signed palette.
        steps: whether maps are the units of a sequence, ``(T, 1)`` each.
        filters: to show, in this order; all by default.

    Raises:
        InvalidParameterError: the image would have more than 16 million pixels.
    """
    height, width, count = maps.shape
    source = Source(
        (height, width, count), summarise(maps), lambda chosen: _some_maps(maps, chosen)
    )
    shown = filters or tuple(range(count))
    return _grid(source, scales, options, diverging=diverging, filters=shown, steps=steps)


def _some_maps(maps: Array, chosen: list[int]) -> Array:
    """Maps of some filters; of all, in their order, without a copy."""
    return maps if chosen == list(range(maps.shape[-1])) else maps[:, :, chosen]


def _grid(
    source: Source,
    scales: Sequence[ValueRange],
    options: GridOptions,
    *,
    diverging: bool,
    filters: tuple[int, ...],
    steps: bool,
) -> Grid:
    """The grid of some filters of a source, in their order."""
    layout = _lay_out(source.shape, len(filters), options, steps=steps)
    dead, constant = source.summary.dead.tolist(), source.summary.constant.tolist()
    cells = tuple(
        GridCell(at, box, scales[at], dead[at], constant[at])
        for at, box in zip(filters, layout.boxes, strict=True)
    )
    return Grid(source, layout, cells, options, diverging, steps)


def _lay_out(
    shape: tuple[int, int, int], shown: int, options: GridOptions, *, steps: bool
) -> GridLayout:
    height, width, count = shape
    zoom = options.zoom  # by default that of all filters, so that one alone is as large
    if zoom is None and steps:
        zoom = sequence_zoom(height, count, _SEQUENCE_WIDTH_PX)
    elif zoom is None:
        zoom = grid_image.largest_fitting_zoom(grid_image.near_square(count), height, width)
    columns = options.columns or (shown if steps else grid_image.near_square(shown))
    return grid_image.layout_grid(
        shown,
        height,
        width,
        columns=columns,
        zoom=zoom,
        labels=options.labels,
        gap=0 if steps else grid_image.GAP,
    )


_SEQUENCE_WIDTH_PX: Final = 356
_SEQUENCE_HEIGHT_PX: Final = 224


def sequence_zoom(steps: int, units: int, room: int) -> int:
    """The largest zoom at which a sequence is at most so wide, and 224 pixels high."""
    fitting = min((room - 2 * GAP) // units, _SEQUENCE_HEIGHT_PX // steps)
    return max(grid_image.MIN_ZOOM, min(fitting, grid_image.MAX_ZOOM))


def kernel_grid(kernel: Array, options: GridOptions) -> Grid:
    """The grid of a convolution's kernels: a row for each filter, a column for each input channel,
    or near-square if there is one channel. All share one range, centred on zero.

    Args:
        kernel: float32 ``(h, w, in, out)``.
        options: how to draw it; the normalisation is not applied.

    Raises:
        InvalidParameterError: the image would have more than 16 million pixels.
    """
    layout = kernel_layout(kernel.shape, options)  # refuses what is too large before it is copied
    maps = _kernel_maps(kernel)
    chosen = GridOptions(
        Normalisation.SYMMETRIC, options.palette, layout.zoom, layout.columns, False
    )
    return grid_of(maps, (kernel_range(kernel),) * maps.shape[-1], chosen, diverging=True)


def _kernel_maps(kernel: Array) -> Array:
    """The kernels of each filter in turn, float32 ``(h, w, out * in)``."""
    return kernel.transpose(0, 1, 3, 2).reshape(*kernel.shape[:2], -1)


def kernel_range(values: Array) -> ValueRange:
    """The range that all kernels of a convolution are drawn with, centred on zero."""
    return around_zero(*extent(values), centred=True)


def kernel_layout(shape: tuple[int, ...], options: GridOptions) -> GridLayout:
    """The layout of :func:`kernel_grid` for a kernel of shape ``(h, w, in, out)``."""
    height, width, channels, count = shape
    columns = options.columns or (channels if channels > 1 else grid_image.near_square(count))
    zoom = options.zoom or KERNEL_ZOOM
    return grid_image.layout_grid(
        count * channels, height, width, columns=columns, zoom=zoom, labels=False
    )


@dataclass(frozen=True, eq=False)
class LabelledKernelGrid:
    """Kernels in a table with the index of each filter to the left of its row.

    Attributes:
        kernel: float32 ``(h, w, in, out)``.
        layout: of the maps, row by row.
        palette: its signed palette is used.
    """

    kernel: Array
    layout: GridLayout
    palette: PaletteName

    @property
    def range(self) -> ValueRange:
        """Values at the two ends of the palette, symmetric."""
        return kernel_range(self.kernel)

    @classmethod
    def of(
        cls, kernel: Array, palette: PaletteName, zoom: int | None = None
    ) -> "LabelledKernelGrid":
        """Lay kernels out, by default with 6 pixels a weight.

        Raises:
            InvalidParameterError: the image would have more than 16 million pixels.
        """
        height, width, channels, count = kernel.shape
        margin = len(str(count - 1)) * (grid_image.GLYPH_WIDTH + 1) + GAP
        layout = grid_image.layout_rows(
            count, channels, height, width, zoom=zoom or KERNEL_ZOOM, margin=margin
        )
        return cls(kernel, layout, palette)

    def levels(self) -> NDArray[np.uint8]:
        """The image as palette levels, uint8 ``(height, width)``."""
        channels, count = self.kernel.shape[2:]
        scales = (self.range,) * (count * channels)
        levels = quantise(_kernel_maps(self.kernel), scales, centred=True)
        indices = [*range(channels), *[None] * (channels * (count - 1))]
        drawn = grid_image.draw(levels, self.layout, indices, [False] * len(levels))
        for row in range(count):
            _draw_row_index(drawn, row, self.layout.boxes[row * channels])
        return drawn

    def png(self) -> bytes:
        """The image."""
        return render_png(self.levels, self.palette)


def _draw_row_index(drawn: NDArray[np.uint8], row: int, box: Box) -> None:
    """Draw a row's index to the left of its first kernel, vertically centred."""
    ink = grid_image.draw_index(row)
    right, top = box[0] - GAP, box[1] + (box[3] - grid_image.GLYPH_HEIGHT) // 2
    drawn[top : top + ink.shape[0], right - ink.shape[1] : right][ink] = LABEL_LEVEL
