"""Figures of the pages: map pictures with legends, number grids, kernels."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core import grid_image
from skiplens.core.colormaps import PaletteName, colours
from skiplens.core.feature_stats import Sort
from skiplens.core.grid_image import GridLayout, near_square
from skiplens.core.input_image import Digit
from skiplens.core.manifest import INPUT, BlockInfo, LayerInfo, Manifest
from skiplens.core.value_range import TOP_LEVEL, Normalisation, ValueRange, quantise
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError, UnknownLayerError
from skiplens.service.feature_map_table import FeatureMapTable
from skiplens.service.forward import ForwardPass
from skiplens.service.map_grids import Grid, GridOptions, kernel_grid, layer_grid, sequence_zoom
from skiplens.service.registry import check_filter
from skiplens.web import links as addresses
from skiplens.web.links import Links
from skiplens.web.pages import fmt, text
from skiplens.web.pages.context import PageContext


@dataclass(frozen=True)
class MapAttributes:
    """Data attributes with which the script finds the values under the pointer."""

    layer: LayerInfo
    layout: GridLayout
    values: str
    """Address of the maps as NPY."""
    filter_href: str
    """A filter's page, with the placeholder ``{filter}``."""
    order: str | None
    """Indices of the maps as shown; ``None`` if they are sorted by index."""


def map_attributes(layer: LayerInfo, grid: Grid, links: Links) -> MapAttributes:
    """The attributes of a layer's grid."""
    return MapAttributes(
        layer=layer,
        layout=grid.layout,
        values=links.data(layer.name, "activations.npy"),
        filter_href=links.filter(layer.name, "{filter}"),
        order=None
        if links.sort is Sort.INDEX and len(grid.cells) == layer.filters
        else ",".join(str(cell.filter) for cell in grid.cells),
    )


RAMP_STOPS: Final = 21


@dataclass(frozen=True)
class Picture:
    """An image and its size in CSS pixels; a value of a map is a square of ``zoom`` pixels.

    Attributes:
        light: its address on a light page, where that is another.
    """

    src: str
    width: int
    height: int
    zoom: int = 1
    light: str | None = None

    @classmethod
    def of(cls, src: str, layout: GridLayout) -> "Picture":
        """The image of maps in a layout."""
        light = addresses.in_light(src)
        return cls(src, layout.width, layout.height, layout.zoom, light)


WIDE_SCREENS: Final = (1900, 2400)
"""Pixels across from which on there is more room; ``maps.css`` tells them too."""

WiderPictures = tuple[tuple[int, Picture], ...]
"""The same picture, larger, and the pixels across of the screen from which on it is shown."""


def wider_pictures(
    picture: Picture, zooms: Iterable[int], drawn: Callable[[int], Picture]
) -> WiderPictures:
    """A picture at the zooms for which the wide screens have room, where they are larger."""
    last, found = picture.zoom, []
    for screen, zoom in zip(WIDE_SCREENS, zooms, strict=False):
        if zoom > last:
            last = zoom
            found.append((screen, drawn(zoom)))
    return tuple(found)


def input_picture(forward: ForwardPass) -> Picture:
    """The input as the network gets it."""
    manifest, image = forward.manifest, forward.digit
    height, width, _ = manifest.input_shape
    is_stored_so = manifest.takes_digits and isinstance(image, Digit)
    address = addresses.input_png(image.id, None if is_stored_so else manifest.id)
    return Picture(address, width, height)


@dataclass(frozen=True)
class Legend:
    """What the colours of maps mean."""

    low: str
    zero: bool
    """Whether zero is the middle of the ramp."""
    high: str
    ramp: str
    """``signed`` or ``positive``."""
    sharing: str
    """What shares the value range."""


@dataclass(frozen=True)
class MapFigure:
    """An image of maps with its caption."""

    name: str
    picture: Picture
    alt: str
    legend: Legend
    tone: str = ""
    meta: str = ""
    href: str = ""
    wider: WiderPictures = ()


@dataclass(frozen=True, kw_only=True)
class LayerFigure(MapFigure):
    """A layer in the gallery."""

    attributes: MapAttributes
    symbol: str | None
    note: str | None


GRID_WIDTH: Final = 250  # pixels: four grids and the signs between them, on a laptop's screen
_WIDER_ROOMS: Final = (1.44, 1.84)  # times that, on the wide screens


def layer_figure(
    forward: ForwardPass,
    layer: LayerInfo,
    links: Links,
    *,
    x_of: str | None = None,
    room: int = GRID_WIDTH,
    beside: LayerInfo | None = None,
) -> LayerFigure:
    """All maps of a layer, with a legend.

    Args:
        forward: of the input.
        layer: which.
        links: with the display options.
        x_of: the block that it is the input of, if it is shown as that: in the block's range.
        room: pixels across; more on a wide screen.
        beside: the layer whose strongest filters are shown where there is not room for all.
    """
    options = replace(links.options, block=x_of)
    normal, *wider = (_fitting_zoom(layer, round(room * times)) for times in (1, *_WIDER_ROOMS))
    filters, shape = _fitting_filters(forward, layer, links, normal, room, beside)
    if len(filters) < layer.filters:
        normal, wider = _legible_zoom(layer), []
    elif layer.is_sequence:
        wider = []  # the digit's rows lie beside it, at one size
    options = replace(options, columns=shape.get("columns"))
    given = shape if x_of is None else {**shape, "block": x_of}

    def drawn(zoom: int) -> tuple[Grid, Picture]:
        grid = layer_grid(forward, layer, filters, replace(options, zoom=zoom))
        return grid, Picture.of(links.grid(layer.name, **given, zoom=zoom), grid.layout)

    grid, picture = drawn(normal)
    figure = _figure(forward, layer, links, grid, picture)
    if x_of is not None:
        figure = replace(figure, symbol="x", tone="identity")
    return replace(figure, wider=wider_pictures(picture, wider, lambda zoom: drawn(zoom)[1]))


def _figure(
    forward: ForwardPass, layer: LayerInfo, links: Links, grid: Grid, picture: Picture
) -> LayerFigure:
    """A layer's figure, which describes the maps of its grid."""
    dead = np.flatnonzero(forward.summary(layer).dead).tolist()
    return LayerFigure(
        name=layer.name,
        symbol=text.symbol(layer),
        tone=text.tone(layer),
        meta=_meta(layer, grid),
        href=links.layer(layer.name),
        attributes=map_attributes(layer, grid, links),
        picture=picture,
        alt=alt_text(forward, layer, grid),
        legend=legend(grid),
        note=fmt.dead_filters_note(
            layer, dead, off=forward.is_disabled(layer), noun=forward.manifest.noun
        ),
    )


_STRIP_MAP, _STRIP_VALUE = 56, 12  # pixels along a side of a map, and of a value


def layer_strip(forward: ForwardPass, layer: LayerInfo, links: Links) -> LayerFigure:
    """All maps of a layer in one row, as large as a thumbnail, without their indices."""
    zoom = min(max(1, _STRIP_MAP // max(layer.shape[:2])), _STRIP_VALUE)
    if layer.is_sequence:
        zoom = _fitting_zoom(layer, GRID_WIDTH)
    most = min(_MOST_IN_STRIP, max(_FEWEST_IN_STRIP, _MOST_VALUES // prod(layer.shape[:2])))
    filters, given = strongest(forward, layer, links, most)
    shape = {**given, "zoom": zoom, "columns": len(filters)}
    options = replace(links.options, zoom=zoom, columns=len(filters))
    grid = layer_grid(forward, layer, filters, options)
    picture = Picture.of(links.grid(layer.name, **shape), grid.layout)
    return _figure(forward, layer, links, grid, picture)


_FEWEST_IN_STRIP, _MOST_IN_STRIP = 6, 64
_MOST_VALUES: Final = 60_000  # of a strip: some thirty kilobytes
_TALLEST: Final = 190  # pixels of a grid that has not room for all maps


def strongest(
    forward: ForwardPass, layer: LayerInfo, links: Links, most: int, first: int = 0
) -> tuple[tuple[int, ...], dict[str, str]]:
    """Filters of a layer, all if they are at most so many, with the parameters of their grid's
    address; else those that come ``first`` and next in the order of the page, by the largest value
    where that is the order of their indices.
    """
    every = tuple(range(layer.filters))
    if layer.filters <= most or layer.is_sequence:
        return every, {}
    order = Sort.MAXIMUM if links.sort is Sort.INDEX else links.sort
    chosen = forward.ordered(layer, every, order)[first : first + most]
    return chosen, {"filters": ",".join(map(str, chosen))}


MOST_COLUMNS: Final = 64
"""Filters whose maps stand beside each other in a block's table, the strongest first where there
are more.
"""


@dataclass(frozen=True)
class FilterPart:
    """One of the parts in which the filters of a layer are shown."""

    filters: tuple[int, ...]
    query: dict[str, str]
    """Parameters of the address of its picture; none if it is the only part."""
    number: int
    """From 1."""
    count: int
    """Of parts."""

    def links(self, address: Callable[[int], str]) -> list[tuple[int, str, bool]]:
        """Number, address and whether it is this one, of every part; none of the only one."""
        numbers = range(1, self.count + 1) if self.count > 1 else ()
        return [(number, address(number), number == self.number) for number in numbers]


def count_parts(layer: LayerInfo, most: int) -> int:
    """In how many parts a layer's filters are shown, at most ``most`` in each."""
    return 1 if layer.is_sequence else -(-layer.filters // most)


def filter_part(
    forward: ForwardPass, layer: LayerInfo, links: Links, most: int, number: int
) -> FilterPart:
    """A part of a layer's filters, at most ``most`` of them.

    Raises:
        InvalidParameterError: there is no such part.
    """
    count = count_parts(layer, most)
    if not 1 <= number <= count:
        raise InvalidParameterError(f"page must be 1 to {count}; got {number}")
    filters, query = strongest(forward, layer, links, most, (number - 1) * most)
    return FilterPart(filters, query, number, count)


def _fitting_filters(
    forward: ForwardPass,
    layer: LayerInfo,
    links: Links,
    zoom: int,
    room: int,
    beside: LayerInfo | None,
) -> tuple[tuple[int, ...], dict[str, Any]]:
    """The filters that have room in a grid, all if they fit, and its address's parameters."""
    height, width, count = layer.shape
    across = max(width * zoom, grid_image.MIN_LABEL_WIDTH) + grid_image.GAP
    if layer.is_sequence or near_square(count) * across <= room:
        return tuple(range(count)), {}
    zoom = _legible_zoom(layer)
    across = width * zoom + grid_image.GAP
    columns = max(1, (room - grid_image.GAP) // across)
    rows = max(1, _TALLEST // (height * zoom + grid_image.GAP + grid_image.LABEL_HEIGHT))
    judged = beside if beside and beside.filters == count else layer
    filters, given = strongest(forward, judged, links, columns * rows)
    return filters, {**given, "columns": columns} if given else {}


_LEGIBLE: Final = 20  # pixels along a side of a map


def _legible_zoom(layer: LayerInfo) -> int:
    """The zoom of maps where there is not room for all of a layer."""
    return max(grid_image.MIN_ZOOM, -(-_LEGIBLE // max(layer.shape[:2])))


def _meta(layer: LayerInfo, grid: Grid) -> str:
    """Kind and shape of a layer, or how many of its maps are shown, if not all."""
    shape, shown = fmt.shape(*layer.shape), len(grid.cells)
    return f"{layer.kind} · {shape}" if shown == layer.filters else f"{shape}, {shown} strongest"


def _fitting_zoom(layer: LayerInfo, room: int) -> int:
    """The largest zoom at which a layer's grid is at most so wide, and a map at most 112 pixels."""
    height, width, count = layer.shape
    if layer.is_sequence:
        return sequence_zoom(width, count, max(room, _SEQUENCE_WIDTH))
    columns = near_square(count)
    across = ((room - grid_image.GAP) // columns - grid_image.GAP) // width
    return max(
        grid_image.MIN_ZOOM,
        min(across, grid_image.MAX_MAP_SIDE_PX // max(height, width), grid_image.MAX_ZOOM),
    )


_SEQUENCE_WIDTH: Final = 264  # pixels: 64 units of 4


def alt_text(forward: ForwardPass, layer: LayerInfo, grid: Grid) -> str:
    """Text alternative of a grid."""
    (height, width, count), noun = layer.shape, layer.filter_noun
    low, high = grid.extent
    what = f"Activation maps of the {fmt.pluralise(count, noun)} of {layer.name}"
    if len(grid.cells) < count:
        what = f"Activation maps of {len(grid.cells)} of {count} {noun}s of {layer.name}"
    size = f"{height} by {width}"
    if layer.is_sequence:
        what = f"The {fmt.pluralise(count, noun)} of {layer.name} side by side"
        size = f"with {width} steps downwards"
    found = f"{what}, {size}, values from {fmt.number(low)} to {fmt.number(high)}"
    if forward.is_disabled(layer):
        return f"{found}; switched off"
    dead = sorted(cell.filter for cell in grid.cells if cell.dead)
    return f"{found}; inactive: {fmt.join_and(dead)}" if dead else found


def legend(grid: Grid) -> Legend:
    """The legend of a grid."""
    low, high = grid.range
    _, sharing = text.SHARING[grid.options.normalize]
    if low == high or grid.options.normalize is not Normalisation.FILTER:
        return legend_of(grid.range, ramp(grid), sharing)
    return Legend(
        low="lowest" if low < 0 else fmt.number(low),
        zero=low < 0,
        high="highest",
        ramp=ramp(grid),
        sharing=f"{sharing}, at most {fmt.number(high)}",
    )


def legend_of(range_: ValueRange, ramp: str, sharing: str) -> Legend:
    """The legend of a value range, which is empty if all maps are zero."""
    low, high = range_
    if low == high:
        return Legend("", zero=False, high="", ramp=ramp, sharing="zero everywhere")
    return Legend(fmt.number(low), low < 0, fmt.number(high), ramp, sharing)


def table_legend(table: FeatureMapTable) -> Legend:
    """The legend of a table of maps."""
    sharing = "one value range for all rows"
    if table.gate_range:
        low, high = table.gate_range
        gates = (
            maps
            for row, maps in zip(table.rows, table.maps, strict=True)
            if row.layer.role == "gate"
        )
        low = low if high > 1 or any(maps.min() < 0 for maps in gates) else 0.0
        sharing += f"; the gate from {fmt.number(low)} to {fmt.number(high)}"
    return legend_of(table.range, ramp(table), sharing)


def ramp(grid: Grid | FeatureMapTable) -> str:
    """Name of the ramp that a grid or a table is drawn with."""
    return "signed" if grid.diverging else "positive"


_BY_THEME: Final = (PaletteName.LIGHT, PaletteName.DARK)


def ramp_stops(palette: PaletteName | None, *, diverging: bool) -> tuple[tuple[str, str], ...]:
    """A palette, or that of the theme, as an SVG gradient: offset and colour of each stop."""
    levels = [round(at * TOP_LEVEL / (RAMP_STOPS - 1)) for at in range(RAMP_STOPS)]
    return tuple(
        (f"{100 * level / TOP_LEVEL:.1f}%", _colour(level, palette, diverging=diverging))
        for level in levels
    )


def _colour(level: int, palette: PaletteName | None, *, diverging: bool) -> str:
    """``#rrggbb``, or ``light-dark(#rrggbb, #rrggbb)`` for the palettes of both themes."""
    found = [
        "#{:02x}{:02x}{:02x}".format(*colours(one, diverging=diverging)[level])
        for one in ((palette,) if palette else _BY_THEME)
    ]
    return found[0] if palette else f"light-dark({', '.join(found)})"


_TONES: Final = {"x": "identity", "projected x": "identity", "F(x)": "residual"}


def row_tone(role: str) -> str:
    """Colour of a row: ``identity``, ``residual`` or none."""
    return _TONES.get(role, "")


def table_alt(block: BlockInfo, table: FeatureMapTable) -> str:
    """Text alternative of a block's table of maps."""
    roles = fmt.join_and([row.role for row in table.rows])
    noun = table.rows[-1].layer.filter_noun
    low, high = table.range
    return (
        f"{roles} of {block.name} as rows, one column for each of its "
        f"{fmt.pluralise(table.layout.columns, noun)}, with values from "
        f"{fmt.number(low)} to {fmt.number(high)}"
    )


_BRIGHT: Final = 118  # luma above which dark text has more contrast (WCAG 2.2)


@dataclass(frozen=True)
class NumberCell:
    """A number on a square of its colour."""

    x: int
    y: int
    colour: str
    """As CSS has it; ``none`` outside the map."""
    text: str
    tone: str
    """What its text has contrast with: ``bright``, ``dark``, or on a light page one and on a dark
    page the other: ``bright-dark``.
    """


@dataclass(frozen=True)
class NumberGrid:
    """A small array as an annotated heat map, row by row."""

    rows: int
    columns: int
    cells: tuple[NumberCell, ...]

    @property
    def text(self) -> str:
        """Every number, row by row."""
        return ", ".join(cell.text for cell in self.cells)


def number_grid(
    values: NDArray[np.floating],
    range_: ValueRange,
    palette: PaletteName | None,
    *,
    mask: NDArray[np.bool_] | None = None,
) -> NumberGrid:
    """An array as an annotated heat map.

    Args:
        values: ``(H, W)``.
        range_: values at the ends of the palette; the signed one if the lower is negative.
        palette: pair of palettes; that of the theme by default.
        mask: bool ``(H, W)``, which of the values exist; all by default.
    """
    centred = range_[0] < 0
    maps = np.asarray(values, np.float32)[:, :, None]
    levels = quantise(maps, (range_,), centred=centred)[0]
    height, width = values.shape
    texts = fmt.aligned(maps.ravel().tolist())
    return NumberGrid(
        height,
        width,
        tuple(
            _number_cell((x, y), int(levels[y, x]), texts[y * width + x], palette, centred=centred)
            if mask is None or mask[y, x]
            else NumberCell(x, y, "none", "0", "")
            for y in range(height)
            for x in range(width)
        ),
    )


def _number_cell(
    place: tuple[int, int], level: int, text: str, palette: PaletteName | None, *, centred: bool
) -> NumberCell:
    tones = [
        # Luma, as ITU-R BT.601 weighs the primaries.
        "bright"
        if (0.299, 0.587, 0.114) @ colours(one, diverging=centred)[level] > _BRIGHT
        else "dark"
        for one in ((palette,) if palette else _BY_THEME)
    ]
    colour = _colour(level, palette, diverging=centred)
    return NumberCell(*place, colour, text, "-".join(dict.fromkeys(tones)))


ZOOM: Final = 12
_LARGE_ZOOMS: Final = (ZOOM, 6, 3)


@dataclass(frozen=True)
class Kernel:
    """A filter's kernel, one map for each input channel."""

    picture: Picture
    weights: NumberGrid | None
    """With numbers; ``None`` if there is more than one input channel."""
    legend: Legend
    side: str
    channels: str
    over: str
    """What it slides over."""


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
    for zoom in _LARGE_ZOOMS:
        with suppress(InvalidParameterError):
            return kernel_grid(kernel, GridOptions(palette=palette, zoom=zoom, columns=columns))
    return kernel_grid(kernel, GridOptions(palette=palette, zoom=1, columns=columns))


def filter_kernel(context: PageContext, layer: LayerInfo, index: int) -> Kernel | None:
    """The kernel of a convolution's filter; ``None`` for other layers."""
    if layer.kernel is None:
        return None
    links = context.links
    grid = filter_kernel_grid(context.engine, layer, index, links.options.palette)
    height, width, channels = grid.maps.shape
    return Kernel(
        picture=Picture.of(links.kernel_png(layer.name, index), grid.layout),
        weights=None
        if channels > 1
        else number_grid(grid.maps[:, :, 0], grid.range, links.palette),
        legend=legend(grid),
        side=f"{height} {fmt.TIMES} {width}",
        channels=fmt.pluralise(channels, "map"),
        over=_input_maps(context.engine.manifest, layer, channels),
    )


def _input_maps(manifest: Manifest, layer: LayerInfo, channels: int) -> str:
    """What a convolution's kernel of so many channels slides over."""
    if layer.inputs == (INPUT,) and manifest.input_shape[-1] == 1:
        return f"the {manifest.noun}"
    return "each input map" if channels > 1 else "one input map"
