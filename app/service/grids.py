"""Grids of a layer's maps: what a legend and a hover need, and the picture itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core import geometry, grid
from app.core.geometry import Box, Geometry
from app.core.manifest import LayerInfo
from app.core.ordering import Sort, ordered
from app.core.palettes import PaletteName, colours
from app.core.scaling import Normalisation, Range, ranges, to_levels
from app.core.stages import stage
from app.core.statistics import FilterStatistics, describe
from app.service.bounds import bounded
from app.service.examination import Examination

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
    palette: PaletteName = PaletteName.DUSK
    zoom: int | None = None
    columns: int | None = None
    labels: bool = True
    sort: Sort = Sort.INDEX


@dataclass(frozen=True)
class Cell:
    """One map of a grid.

    Attributes:
        filter: its index.
        box: ``(x, y, width, height)`` in the picture.
        range: the values at the ends of the palette.
        dead: every value is zero.
        constant: every value is the same, so that the map is drawn flat.
    """

    filter: int
    box: Box
    range: Range
    dead: bool
    constant: bool


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
    geometry: Geometry
    cells: tuple[Cell, ...]
    options: GridOptions
    diverging: bool

    @property
    def range(self) -> Range:
        """The widest range of any cell: the one range where all share it."""
        return min(cell.range[0] for cell in self.cells), max(cell.range[1] for cell in self.cells)

    def png(self) -> bytes:
        """The picture."""
        indices = [cell.filter for cell in self.cells]
        flagged = [cell.dead or cell.constant for cell in self.cells]
        with stage("render"):
            scales = tuple(cell.range for cell in self.cells)
            levels = to_levels(self.maps, scales, centred=self.diverging)
            drawn = grid.draw(levels, self.geometry, indices, flagged)
        with stage("encode"):
            return grid.encode(drawn, colours(self.options.palette, diverging=self.diverging))


def layer_grid(
    examination: Examination, layer: LayerInfo, filters: tuple[int, ...], options: GridOptions
) -> Grid:
    """The grid of a layer's maps.

    The range is chosen over all filters of the layer, shown or not, so that a filter looks the
    same alone as among the others.

    Raises:
        InvalidParameterError: the picture would have more than 16 million pixels.
    """
    maps = examination.maps(layer)
    if options.normalisation is Normalisation.BLOCK and not examination.standing_with(layer):
        options = replace(options, normalisation=Normalisation.LAYER)  # what it comes to
    scope = examination.scope(layer, options.normalisation)
    scales = ranges(maps, options.normalisation, signed=layer.signed, scope=scope)
    diverging = layer.signed or options.normalisation is Normalisation.SYMMETRIC
    statistics = examination.statistics(layer)
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
    scales: Sequence[Range],
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
        Cell(at, box, scales[at], known[at].dead, known[at].constant)
        for at, box in zip(chosen, layout.boxes, strict=True)
    )
    return Grid(maps[:, :, list(chosen)], layout, cells, options, diverging)


def _lay_out(maps: Array, shown: int, options: GridOptions) -> Geometry:
    height, width, count = maps.shape
    zoom = options.zoom  # else of the whole layer's grid: a filter alone looks as among the others
    if zoom is None:
        zoom = geometry.fitting_zoom(geometry.near_square(count), height, width)
    columns = options.columns or geometry.near_square(shown)
    return bounded(
        geometry.lay_out(shown, height, width, columns=columns, zoom=zoom, labels=options.labels)
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


def kernel_layout(shape: tuple[int, ...], options: GridOptions) -> Geometry:
    """Where the kernels of that shape, ``(h, w, in, out)``, lie in :func:`kernel_grid`."""
    height, width, channels, count = shape
    columns = options.columns or (channels if channels > 1 else geometry.near_square(count))
    zoom = options.zoom or KERNEL_ZOOM
    return bounded(
        geometry.lay_out(count * channels, height, width, columns=columns, zoom=zoom, labels=False)
    )
