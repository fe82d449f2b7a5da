"""The page of a layer: every filter's map, large, and all of them in numbers."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from skiplens.core.feature_stats import FilterStatistics, describe
from skiplens.core.manifest import LayerInfo
from skiplens.engine.base import Engine
from skiplens.service.forward import ForwardPass
from skiplens.service.images import Grid, GridOptions, kernel_layout, layer_grid
from skiplens.web.links import Links
from skiplens.web.pages import charts, common, figures, text
from skiplens.web.pages import format as fmt
from skiplens.web.pages.charts import Histogram
from skiplens.web.pages.common import DigitCard, ViewPage
from skiplens.web.pages.compare import default_comparison_link
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.downloads import Downloads, of_layer
from skiplens.web.pages.figures import Legend, MapAttributes, Picture, map_attributes, network_range

KERNEL_WIDTH: Final = 900  # pixels that the picture of all kernels may take
_KERNEL_ZOOMS: Final = (6, 5, 4, 3, 2, 1)


@dataclass(frozen=True)
class Neighbour:
    """A page beside this one."""

    text: str
    href: str


@dataclass(frozen=True)
class Tile:
    """One map of the grid.

    Attributes:
        index: of the filter.
        href: the filter's page.
        box: ``x y width height`` in the picture, as an SVG view box has it.
        text: the map in words.
        flag: ``silent``, ``switched off`` or ``constant``, if any.
    """

    index: int
    href: str
    box: str
    text: str
    flag: str | None


@dataclass(frozen=True)
class LayerPage(ViewPage):
    """A layer.

    Attributes:
        name: of the layer.
        symbol: what it is to its block, if that has a symbol.
        tone: ``identity``, ``residual`` or nothing.
        explanation: what it does.
        facts: name and value.
        digit: what the network is given.
        back: the gallery, at this layer's section.
        before: the layer before, if any.
        after: the layer after, if any.
        picture: the grid that tiles are cut from.
        tiles: one for each filter.
        legend: of the colours.
        plate: the maps as a script finds them.
        network_range: of every map, for a script.
        note: about silent filters, or that the layer is switched off.
        silence: what a map that is zero everywhere is called.
        histogram: of every value of every map.
        statistics: one row for each filter, in the order of the tiles.
        kernels: picture of all kernels of a convolution.
        kernels_alt: what it shows.
        away: what can be taken away.
        compare: this layer beside that of another digit.
    """

    template: ClassVar[str] = "layer.html"

    name: str
    symbol: str | None
    tone: str
    explanation: str
    facts: tuple[tuple[str, str], ...]
    digit: DigitCard
    back: str
    before: Neighbour | None
    after: Neighbour | None
    picture: Picture
    tiles: tuple[Tile, ...]
    legend: Legend
    plate: MapAttributes
    network_range: str
    note: str | None
    silence: str
    histogram: Histogram | None
    statistics: tuple[FilterStatistics, ...]
    kernels: Picture | None
    kernels_alt: str
    away: Downloads
    compare: str


def layer_page(context: PageContext, layer: LayerInfo, origin: str) -> LayerPage:
    """The page of a layer; ``origin`` is the server's address, for what is copied."""
    manifest, view = context.engine.manifest, context.view
    forward = context.forward
    picture, tiles, grid = _tiles(forward, layer, view)
    names = [one.name for one in manifest.layers]
    at = names.index(layer.name)
    statistics, off = forward.statistics(layer), forward.is_disabled(layer)
    return LayerPage(
        title=f"{layer.name} in {manifest.title}",
        **vars(common.shell(context.services, view)),
        name=layer.name,
        symbol=text.symbol(layer),
        tone=text.tone(layer),
        explanation=text.of_layer(manifest, layer),
        facts=_facts(layer),
        digit=common.digit_card(context.stored),
        back=view.gallery(layer.place),
        before=_neighbour(names, at - 1, view),
        after=_neighbour(names, at + 1, view),
        picture=picture,
        tiles=tiles,
        legend=figures.legend(grid),
        plate=map_attributes(forward, layer, grid, view),
        network_range=network_range(forward),
        note=fmt.silent(layer, [one.index for one in statistics if one.dead], off=off),
        silence=_silence(forward, layer),
        histogram=charts.histogram(forward.maps(layer)),
        statistics=tuple(statistics[cell.filter] for cell in grid.cells),
        kernels=kernels_picture(context.engine, layer, view),
        kernels_alt=f"Every kernel of {layer.name}: a row for each filter, a column for each map "
        "that it is given",
        away=of_layer(view, layer, origin),
        compare=default_comparison_link(context, layer.name),
    )


def _neighbour(names: list[str], at: int, view: Links) -> Neighbour | None:
    return Neighbour(names[at], view.layer(names[at])) if 0 <= at < len(names) else None


def _facts(layer: LayerInfo) -> tuple[tuple[str, str], ...]:
    rows = [("kind", layer.kind), ("shape", fmt.shape(*layer.shape))]
    if layer.kernel:
        rows.append(("kernel", f"{layer.kernel[0]} {fmt.TIMES} {layer.kernel[1]}"))
    if layer.strides:
        rows.append(("stride", str(layer.strides[0])))
    rows.append(("weights", fmt.thousands(layer.parameters)))
    return tuple(rows)


def _tiles(
    forward: ForwardPass, layer: LayerInfo, view: Links
) -> tuple[Picture, tuple[Tile, ...], Grid]:
    options = replace(view.options, labels=False)
    grid = layer_grid(forward, layer, tuple(range(layer.filters)), options)
    silence = _silence(forward, layer)
    tiles = tuple(
        Tile(
            index=cell.filter,
            href=view.filter(layer.name, cell.filter),
            box=" ".join(map(str, cell.box)),
            text=f"filter {cell.filter}: {fmt.number(one.min)} to {fmt.number(one.max)}",
            flag=silence if cell.dead else "constant" if cell.constant else None,
        )
        for cell, one in zip(grid.cells, describe(grid.maps), strict=True)
    )
    size = grid.geometry
    picture = Picture(view.grid(layer.name, labels="false"), size.width, size.height)
    return picture, tiles, grid


def _silence(forward: ForwardPass, layer: LayerInfo) -> str:
    return "switched off" if forward.is_disabled(layer) else "silent"


def kernels_picture(engine: Engine, layer: LayerInfo, view: Links) -> Picture | None:
    """The picture of all kernels of a convolution; nothing of other layers."""
    if layer.kernel is None:
        return None
    shape = engine.weights[f"{layer.name}/kernel"].shape
    sizes = (kernel_layout(shape, GridOptions(zoom=zoom)) for zoom in _KERNEL_ZOOMS)
    size = next(size for size in sizes if size.width <= KERNEL_WIDTH or size.zoom == 1)
    return Picture(view.kernels_png(layer.name, zoom=size.zoom), size.width, size.height)
