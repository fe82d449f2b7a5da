"""Figures of the pages: map pictures with legends, number grids, kernels."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core import grid_image
from skiplens.core.colormaps import PaletteName, colours
from skiplens.core.feature_stats import Sort
from skiplens.core.grid_image import GridLayout, near_square
from skiplens.core.manifest import BlockInfo, LayerInfo
from skiplens.core.value_range import TOP_LEVEL, Normalisation, ValueRange, quantise
from skiplens.engine.base import Engine
from skiplens.errors import UnknownLayerError
from skiplens.service.forward import ForwardPass
from skiplens.service.images import FeatureMapTable, Grid, GridOptions, kernel_grid, layer_grid
from skiplens.service.registry import check_filter
from skiplens.web.links import Links
from skiplens.web.pages import format as fmt
from skiplens.web.pages import text
from skiplens.web.pages.context import PageContext


@dataclass(frozen=True)
class MapAttributes:
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


def map_attributes(
    forward: ForwardPass, layer: LayerInfo, grid: Grid, view: Links
) -> MapAttributes:
    """The plate of a layer's grid."""
    stands = bool(forward.range_group(layer))
    return MapAttributes(
        layer=layer.name,
        values=view.data(layer.name, "activations.npy"),
        filter_href=view.filter(layer.name, "{filter}"),
        shape=" ".join(map(str, layer.shape)),
        signed=forward.is_signed(layer),
        columns=grid.geometry.columns,
        zoom=grid.geometry.zoom,
        order=None if view.sort is Sort.INDEX else ",".join(str(one.filter) for one in grid.cells),
        block_range=_pair(forward.scope(layer, Normalisation.BLOCK)) if stands else None,
        switch=_switch(forward.layer_scale(layer)),
    )


def _switch(factor: float | None) -> str | None:
    return None if factor is None else "on" if factor else "off"


def network_range(forward: ForwardPass) -> str:
    """Smallest and largest value of what shares a scale under ``normalize=network``."""
    return _pair(forward.network_range)


def _pair(values: ValueRange) -> str:
    """Both values with every digit that they have, so that a script works with the same ones."""
    return "{!r} {!r}".format(*values)


SLIM_WIDTH: Final = 300  # pixels that a grid may take beside the rail on the narrowest screen
RAMP_STOPS: Final = 21


@dataclass(frozen=True)
class Picture:
    """A picture and its size in CSS pixels."""

    src: str
    width: int
    height: int


@dataclass(frozen=True)
class ZoomedPicture(Picture):
    """A picture of maps, with the pixels along a side of one value."""

    zoom: int

    @classmethod
    def of(cls, src: str, layout: GridLayout) -> "ZoomedPicture":
        """A picture that is laid out so."""
        return cls(src, layout.width, layout.height, layout.zoom)


@dataclass(frozen=True)
class Legend:
    """What the colours of a grid stand for.

    Attributes:
        low: value at the lower end, as text.
        zero: whether zero is in the middle of the ramp.
        high: value at the upper end, as text.
        ramp: ``signed`` or ``positive``.
        sharing: what shares the scale.
    """

    low: str
    zero: bool
    high: str
    ramp: str
    sharing: str


@dataclass(frozen=True)
class LayerFigure:
    """A layer in the gallery.

    Attributes:
        name: of the layer.
        symbol: what it is to its block, if that has a symbol.
        tone: ``identity``, ``residual`` or nothing.
        kind: class or operation.
        shape: as text.
        href: the layer's page.
        plate: the grid as a script finds it.
        picture: the grid.
        slim: the same for narrow screens.
        alt: what the grid shows.
        legend: of its colours.
        note: about silent filters, or that the layer is switched off.
    """

    name: str
    symbol: str | None
    tone: str
    kind: str
    shape: str
    href: str
    plate: MapAttributes
    picture: Picture
    slim: ZoomedPicture | None
    alt: str
    legend: Legend
    note: str | None


def layer_figure(forward: ForwardPass, layer: LayerInfo, view: Links) -> LayerFigure:
    """A layer's figure."""
    grid = layer_grid(forward, layer, tuple(range(layer.filters)), view.options)
    dead = sorted(cell.filter for cell in grid.cells if cell.dead)
    return LayerFigure(
        name=layer.name,
        symbol=text.symbol(layer),
        tone=text.tone(layer),
        kind=layer.kind,
        shape=fmt.shape(*layer.shape),
        href=view.layer(layer.name),
        plate=map_attributes(forward, layer, grid, view),
        picture=Picture(view.grid(layer.name), grid.geometry.width, grid.geometry.height),
        slim=_slim(layer, grid, view),
        alt=alt_text(forward, layer, grid),
        legend=legend(grid),
        note=fmt.silent(layer, dead, off=forward.is_disabled(layer)),
    )


def _slim(layer: LayerInfo, grid: Grid, view: Links) -> ZoomedPicture | None:
    """A grid for narrow screens, with as large a zoom as fits; nothing where the usual one fits."""
    if grid.geometry.width <= SLIM_WIDTH:
        return None
    height, width, count = layer.shape
    for zoom in range(grid.geometry.zoom - 1, 0, -1):
        layout = grid_image.layout_grid(
            count, height, width, columns=grid.geometry.columns, zoom=zoom, labels=True
        )
        if layout.width <= SLIM_WIDTH:
            return ZoomedPicture.of(view.grid(layer.name, zoom=zoom), layout)
    return None


def alt_text(forward: ForwardPass, layer: LayerInfo, grid: Grid) -> str:
    """What a grid shows, for people who do not see it."""
    height, width, count = layer.shape
    low, high = float(grid.maps.min()), float(grid.maps.max())
    text = (
        f"Activation maps of the {fmt.pluralise(count, 'filter')} of {layer.name}, "
        f"{height} by {width}, values from {fmt.number(low)} to {fmt.number(high)}"
    )
    if forward.is_disabled(layer):
        return f"{text}; switched off"
    dead = sorted(cell.filter for cell in grid.cells if cell.dead)
    return f"{text}; silent: {fmt.join_and(dead)}" if dead else text


def legend(grid: Grid) -> Legend:
    """The legend of a grid."""
    low, high = grid.range
    _, sharing = text.SHARING[grid.options.normalisation]
    if low == high or grid.options.normalisation is not Normalisation.FILTER:
        return legend_of(grid.range, ramp(grid), sharing)
    return Legend(
        low="lowest" if low < 0 else fmt.number(low),
        zero=low < 0,
        high="highest",
        ramp=ramp(grid),
        sharing=f"{sharing}, at most {fmt.number(high)}",
    )


def legend_of(scale: ValueRange, ramp: str, sharing: str) -> Legend:
    """The legend of maps on one scale, which is a point where all of them are zero."""
    low, high = scale
    if low == high:
        return Legend("", zero=False, high="", ramp=ramp, sharing="zero everywhere")
    return Legend(fmt.number(low), low < 0, fmt.number(high), ramp, sharing)


def matrix_legend(matrix: FeatureMapTable) -> Legend:
    """The legend of a matrix."""
    gated = any(row.role == "gate" for row in matrix.rows)
    sharing = "one scale for every row" + ("; the gate from 0 to 1" if gated else "")
    return legend_of(matrix.range, "signed", sharing)


def ramp(grid: Grid) -> str:
    """Which of a palette's two ramps a grid is drawn with."""
    return "signed" if grid.diverging else "positive"


@dataclass(frozen=True)
class Stop:
    """A colour stop of a ramp: where, and what colour, as SVG takes them."""

    offset: str
    colour: str


def ramp_stops(view: Links, *, diverging: bool) -> tuple[Stop, ...]:
    """A palette as the stops of a gradient."""
    table = colours(view.palette, diverging=diverging)
    levels = [round(at * TOP_LEVEL / (RAMP_STOPS - 1)) for at in range(RAMP_STOPS)]
    return tuple(
        Stop(f"{100 * level / TOP_LEVEL:.1f}%", "#{:02x}{:02x}{:02x}".format(*table[level]))
        for level in levels
    )


_X: Final = "x: what the block is given, the output of the one before."
_TONES: Final = {"x": "identity", "projected x": "identity", "F(x)": "residual"}


@dataclass(frozen=True)
class StripRow:
    """One row of a strip.

    Attributes:
        role: ``x``, ``F(x)`` and so on.
        tone: ``identity``, ``residual`` or nothing.
        href: the page of the layer that it shows.
        layer: name of that layer.
        values: address of its maps as an array.
        filter_href: a filter's page, with ``{filter}`` to be filled in.
        explanation: what it is.
    """

    role: str
    tone: str
    href: str
    layer: str
    values: str
    filter_href: str
    explanation: str


def tone(role: str) -> str:
    """Which of the two colours a row has, if any: ``identity`` or ``residual``."""
    return _TONES.get(role, "")


def strip_rows(context: PageContext, strip: FeatureMapTable) -> tuple[StripRow, ...]:
    """The rows of a strip, top to bottom."""
    manifest = context.engine.manifest
    return tuple(
        StripRow(
            role=row.role,
            tone=tone(row.role),
            href=context.view.layer(row.layer.name),
            layer=row.layer.name,
            values=context.view.data(row.layer.name, "activations.npy"),
            filter_href=context.view.filter(row.layer.name, "{filter}"),
            explanation=_X if row.role == "x" else text.of_layer(manifest, row.layer),
        )
        for row in strip.rows
    )


def strip_alt(block: BlockInfo, strip: FeatureMapTable) -> str:
    """What a strip shows, for people who do not see it."""
    roles = fmt.join_and([row.role for row in strip.rows])
    low, high = strip.range
    return (
        f"{roles} of {block.name} as rows, one column for each of its "
        f"{fmt.pluralise(strip.geometry.columns, 'filter')}, on one scale from "
        f"{fmt.number(low)} to {fmt.number(high)}"
    )


_BRIGHT: Final = 140  # luma above which dark text is read more easily


@dataclass(frozen=True)
class NumberCell:
    """One number.

    Attributes:
        x: column.
        y: row.
        level: of the palette.
        colour: as SVG takes it; ``none`` for what is not there.
        text: the number.
        bright: whether dark text is read more easily on it.
    """

    x: int
    y: int
    level: int
    colour: str
    text: str
    bright: bool


@dataclass(frozen=True)
class NumberGrid:
    """A small array as coloured squares.

    Attributes:
        rows: height.
        columns: width.
        squares: row by row.
        signed: whether the signed palette is used.
        pinned: whether it stays as it is when the page takes another palette.
        text: every number, row by row.
    """

    rows: int
    columns: int
    squares: tuple[NumberCell, ...]
    signed: bool
    pinned: bool

    @property
    def text(self) -> str:
        """Every number, row by row."""
        return ", ".join(square.text for square in self.squares)


def number_grid(
    values: NDArray[np.floating],
    scale: ValueRange,
    palette: PaletteName,
    *,
    there: NDArray[np.bool_] | None = None,
    pinned: bool = False,
) -> NumberGrid:
    """An array as coloured squares.

    Args:
        values: ``(H, W)``.
        scale: values at the ends of the palette; the signed one where the lower is below zero.
        palette: which pair of palettes.
        there: bool ``(H, W)``, which of the values exist; all by default.
        pinned: whether the palette is another than the page's.
    """
    centred = scale[0] < 0
    maps = np.asarray(values, np.float32)[:, :, None]
    levels = quantise(maps, (scale,), centred=centred)[0]
    table = colours(palette, diverging=centred)
    height, width = values.shape
    texts = fmt.aligned(maps.ravel().tolist())
    return NumberGrid(
        height,
        width,
        tuple(
            _swatch(x, y, int(levels[y, x]), table, texts[y * width + x])
            if there is None or there[y, x]
            else NumberCell(x, y, 0, "none", "0", bright=False)
            for y in range(height)
            for x in range(width)
        ),
        signed=centred,
        pinned=pinned,
    )


def _swatch(x: int, y: int, level: int, table: NDArray[np.uint8], text: str) -> NumberCell:
    red, green, blue = (int(part) for part in table[level])
    # Luma, as ITU-R BT.601 weighs the primaries.
    bright = 0.299 * red + 0.587 * green + 0.114 * blue > _BRIGHT
    return NumberCell(x, y, level, f"#{red:02x}{green:02x}{blue:02x}", text, bright)


ZOOM: Final = 12


@dataclass(frozen=True)
class Kernel:
    """A filter's kernel.

    Attributes:
        picture: one map for each input channel.
        weights: written out, where the layer is given one map only.
        legend: of the colours.
        side: both, as text.
        channels: number of maps that the layer is given, in words.
    """

    picture: Picture
    weights: NumberGrid | None
    legend: Legend
    side: str
    channels: str


def filter_kernel_grid(engine: Engine, layer: LayerInfo, index: int, palette: PaletteName) -> Grid:
    """The grid of one filter's kernel, one map for each input channel.

    Raises:
        UnknownLayerError: the layer has no kernels.
        UnknownFilterError: the layer has no filter of that index.
    """
    check_filter(layer, index)
    if layer.kernel is None:
        raise UnknownLayerError(f"layer {layer.name} has no kernels; convolutions have")
    kernel = engine.weights[f"{layer.name}/kernel"][:, :, :, index : index + 1]
    columns = near_square(kernel.shape[2])
    return kernel_grid(kernel, GridOptions(palette=palette, zoom=ZOOM, columns=columns))


def kernel_of(context: PageContext, layer: LayerInfo, index: int) -> Kernel | None:
    """The kernel of a convolution's filter; nothing of other layers."""
    if layer.kernel is None:
        return None
    view = context.view
    grid = filter_kernel_grid(context.engine, layer, index, view.palette)
    height, width, channels = grid.maps.shape
    return Kernel(
        picture=Picture(
            view.kernel_png(layer.name, index), grid.geometry.width, grid.geometry.height
        ),
        weights=number_grid(grid.maps[:, :, 0], grid.range, view.palette)
        if channels == 1
        else None,
        legend=legend(grid),
        side=f"{height} {fmt.TIMES} {width}",
        channels=fmt.pluralise(channels, "map"),
    )
