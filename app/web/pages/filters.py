"""The page of a filter: one map with hard pixels, what it amounts to, and where it comes from."""

from dataclasses import dataclass
from typing import ClassVar

from app.core import geometry
from app.core.manifest import LayerInfo
from app.core.statistics import FilterStatistics, describe
from app.service.grids import GridOptions, layer_grid
from app.web.pages import charts, explanations, figures, shell, wording
from app.web.pages.charts import Histogram
from app.web.pages.figures import Legend, Picture
from app.web.pages.kernels import Kernel, kernel_of
from app.web.pages.layers import Neighbour
from app.web.pages.parts import PartsRow, parts_row
from app.web.pages.shell import DigitCard, ViewPage
from app.web.pages.subject import Subject
from app.web.pages.view import View


@dataclass(frozen=True)
class Map:
    """The filter's map.

    Attributes:
        picture: it, large.
        box: of the map in the picture, as an SVG view box has it.
        alt: what it shows.
        legend: of its colours.
    """

    picture: Picture
    box: str
    alt: str
    legend: Legend


@dataclass(frozen=True)
class FilterPage(ViewPage):
    """A filter.

    Attributes:
        layer: name of its layer.
        index: of the filter.
        symbol: what the layer is to its block, if that has a symbol.
        tone: ``identity``, ``residual`` or nothing.
        explanation: what the layer does.
        digit: what the network is given.
        back: the layer's page.
        home: the gallery, at this layer's section.
        before: the filter before, if any.
        after: the filter after, if any.
        map: its map.
        statistics: the map in numbers.
        histogram: of its values.
        kernel: of a convolution's filter.
        parts: the same filter in x, F(x), sum and output.
        downloads: name and address.
    """

    template: ClassVar[str] = "filter.html"

    layer: str
    index: int
    symbol: str | None
    tone: str
    explanation: str
    digit: DigitCard
    back: str
    home: str
    before: Neighbour | None
    after: Neighbour | None
    map: Map
    statistics: FilterStatistics
    histogram: Histogram | None
    kernel: Kernel | None
    parts: PartsRow | None
    downloads: tuple[Neighbour, ...]


def filter_page(subject: Subject, layer: LayerInfo, index: int) -> FilterPage:
    """The page of one filter of a layer."""
    manifest, view = subject.engine.manifest, subject.view
    maps = subject.examination.maps(layer)
    return FilterPage(
        title=f"{layer.name}:{index} in {manifest.title}",
        **vars(shell.shell(subject.services, view)),
        layer=layer.name,
        index=index,
        symbol=explanations.symbol(layer),
        tone=explanations.tone(layer),
        explanation=explanations.of_layer(manifest, layer),
        digit=shell.digit_card(subject.stored),
        back=view.layer(layer.name),
        home=view.gallery(layer.place),
        before=_neighbour(layer, index - 1, view),
        after=_neighbour(layer, index + 1, view),
        map=_map(subject, layer, index),
        statistics=describe(maps)[index],
        histogram=charts.histogram(maps[:, :, index]),
        kernel=kernel_of(subject, layer, index),
        parts=parts_row(subject, layer, index),
        downloads=(
            Neighbour("map as PNG", view.grid(layer.name, filters=index, zoom=geometry.MAX_ZOOM)),
            Neighbour("layer as NPY", view.data(layer.name, "activations.npy")),
        ),
    )


def _neighbour(layer: LayerInfo, index: int, view: View) -> Neighbour | None:
    if not 0 <= index < layer.filters:
        return None
    return Neighbour(f"filter {index}", view.filter(layer.name, index))


def _map(subject: Subject, layer: LayerInfo, index: int) -> Map:
    view = subject.view
    options = GridOptions(view.normalize, view.palette, geometry.MAX_ZOOM, labels=False)
    grid = layer_grid(subject.examination, layer, (index,), options)
    size, (cell,) = grid.geometry, grid.cells
    height, width, _ = layer.shape
    low, high = float(grid.maps.min()), float(grid.maps.max())
    address = view.grid(layer.name, filters=index, zoom=size.zoom, labels="false")
    return Map(
        picture=Picture(address, size.width, size.height),
        box=" ".join(map(str, cell.box)),
        alt=f"Activation map of filter {index} of {layer.name}, {height} by {width}, values from "
        f"{wording.number(low)} to {wording.number(high)}",
        legend=figures.legend(grid),
    )
