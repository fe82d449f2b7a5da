"""The page of a filter: one map with hard pixels, what it amounts to, and where it comes from."""

from dataclasses import dataclass
from typing import ClassVar

from app.core import geometry
from app.core.manifest import LayerInfo
from app.core.statistics import FilterStatistics, describe
from app.service.grids import GridOptions, layer_grid
from app.web.pages import charts, explanations, figures, shell, wording
from app.web.pages.charts import Histogram
from app.web.pages.compare import way_in
from app.web.pages.figures import Legend, Picture
from app.web.pages.kernels import Kernel, kernel_of
from app.web.pages.layers import Neighbour
from app.web.pages.parts import PartsRow, parts_row
from app.web.pages.plates import Plate, network_range, plate
from app.web.pages.shell import DigitCard, ViewPage
from app.web.pages.strongest import StrongRow, strong_row
from app.web.pages.subject import Subject
from app.web.pages.taking import TakeAway, of_filter
from app.web.pages.units.section import UnitSection, Wish, unit_section
from app.web.pages.view import View


@dataclass(frozen=True)
class Map:
    """The filter's map.

    Attributes:
        picture: it, large.
        box: of the map in the picture, as an SVG view box has it.
        alt: what it shows.
        legend: of its colours.
        plate: its layer's maps as a script finds them.
        network_range: of every map, for a script.
    """

    picture: Picture
    box: str
    alt: str
    legend: Legend
    plate: Plate
    network_range: str


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
        unit: how one value of it comes about.
        note: that the map is zero everywhere, and why; nothing where it is not.
        statistics: the map in numbers.
        histogram: of its values.
        strong: the digits that excite it most.
        kernel: of a convolution's filter.
        parts: the same filter in x, F(x), sum and output.
        compare: its layer beside that of another digit.
        away: what can be taken away.
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
    unit: UnitSection
    note: str | None
    statistics: FilterStatistics
    histogram: Histogram | None
    strong: StrongRow
    kernel: Kernel | None
    parts: PartsRow | None
    compare: str
    away: TakeAway


def filter_page(
    subject: Subject, layer: LayerInfo, index: int, wish: Wish, origin: str
) -> FilterPage:
    """The page of one filter of a layer, with the value that is wished for explained.

    ``origin`` is the server's address, for what is copied.

    Raises:
        InvalidParameterError, UnknownUnitError, UnknownFilterError: as
            :func:`app.web.pages.units.section.unit_section` does.
    """
    manifest, view = subject.engine.manifest, subject.view
    maps = subject.examination.maps(layer)
    statistics = describe(maps)[index]
    off = bool(subject.examination.switched(layer))
    unit = unit_section(subject, layer, index, wish)
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
        unit=unit,
        note=wording.silent_map(off=off) if statistics.dead else None,
        statistics=statistics,
        histogram=charts.histogram(maps[:, :, index]),
        strong=strong_row(subject, layer, index),
        kernel=kernel_of(subject, layer, index),
        parts=parts_row(subject, layer, index),
        compare=way_in(subject, layer.name),
        away=of_filter(view, layer, index, (unit.row, unit.column), origin),
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
        plate=plate(subject.examination, layer, grid, view),
        network_range=network_range(subject.examination),
    )
