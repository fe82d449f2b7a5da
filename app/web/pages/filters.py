"""The page of a filter: one map with hard pixels, what it amounts to, and where it comes from."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from app.core import geometry
from app.core.manifest import LayerInfo, Manifest
from app.core.palettes import colours
from app.core.scaling import TOP_LEVEL
from app.core.statistics import FilterStatistics, describe
from app.engine.protocol import Engine
from app.service.digits import StoredDigit
from app.service.examination import Examination
from app.service.grids import Grid, GridOptions, layer_grid
from app.service.services import Services
from app.web import urls
from app.web.pages import charts, explanations, figures, parts, shell, wording
from app.web.pages.charts import Histogram
from app.web.pages.figures import Legend, Picture
from app.web.pages.layers import Neighbour
from app.web.pages.pictures import filter_kernel
from app.web.pages.shell import DigitCard, ViewPage
from app.web.pages.view import View

_FEW: Final = 1  # input channels of a kernel whose weights are written out


@dataclass(frozen=True)
class Shown:
    """A map cut from a picture: ``box`` is an SVG view box."""

    text: str
    tone: str
    href: str
    box: str


@dataclass(frozen=True)
class Weight:
    """One weight of a small kernel: its place, its colour and the text on it."""

    x: int
    y: int
    colour: str
    text: str
    light: bool


@dataclass(frozen=True)
class Kernel:
    """A filter's kernel.

    Attributes:
        picture: one map for each input channel; nothing where the weights are written out.
        weights: the weights, where there are few.
        legend: of the colours.
        side: ``(height, width)``.
        channels: number of maps that the layer is given.
    """

    picture: Picture | None
    weights: tuple[Weight, ...]
    legend: Legend
    side: tuple[int, int]
    channels: int


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
        picture: the map.
        box: of the map in the picture.
        alt: what it shows.
        legend: of its colours.
        statistics: the map in numbers.
        histogram: of its values.
        kernel: of a convolution's filter.
        parts: the same filter in x, F(x), sum and output.
        parts_picture: that they are cut from.
        parts_legend: of the scale that they share.
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
    picture: Picture
    box: str
    alt: str
    legend: Legend
    statistics: FilterStatistics
    histogram: Histogram | None
    kernel: Kernel | None
    parts: tuple[Shown, ...]
    parts_picture: Picture | None
    parts_legend: Legend | None
    downloads: tuple[Neighbour, ...]


def filter_page(
    services: Services,
    engine: Engine,
    stored: StoredDigit,
    examination: Examination,
    layer: LayerInfo,
    index: int,
    view: View,
) -> FilterPage:
    """The page of one filter of a layer."""
    manifest = engine.manifest
    maps = examination.maps(layer)
    return FilterPage(
        title=f"{layer.name}:{index} in {manifest.title}",
        **vars(shell.shell(services, view)),
        layer=layer.name,
        index=index,
        symbol=explanations.symbol(layer),
        tone=explanations.tone(layer),
        explanation=explanations.of_layer(manifest, layer),
        digit=shell.digit_card(stored),
        back=view.layer(layer.name),
        home=view.gallery(layer.place),
        before=_neighbour(layer, index - 1, view),
        after=_neighbour(layer, index + 1, view),
        **_map(examination, layer, index, view),
        statistics=describe(maps)[index],
        histogram=charts.histogram(maps[:, :, index], signed=layer.signed),
        kernel=_kernel(engine, layer, index, view),
        **_parts(examination, manifest, layer, index, view),
        downloads=(
            Neighbour("map as PNG", view.grid(layer.name, filters=index, zoom=geometry.MAX_ZOOM)),
            Neighbour("layer as NPY", view.data(layer.name, "activations.npy")),
        ),
    )
