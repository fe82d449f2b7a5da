"""The filter page: map, kernels, the filter across its block, top-activating digits."""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Final

from skiplens.core import grid_image
from skiplens.core.feature_stats import FilterStatistics, describe
from skiplens.core.manifest import BlockInfo, LayerInfo, Manifest
from skiplens.service.dataset.activation_index import TopActivation
from skiplens.service.dataset.indexer import DatasetIndexer
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.service.images import GridOptions, block_table, layer_grid
from skiplens.web.links import Links
from skiplens.web.pages import charts, common, figures, text
from skiplens.web.pages import format as fmt
from skiplens.web.pages.charts import Histogram
from skiplens.web.pages.common import DigitCard, Sheet, ViewPage, sheet_of
from skiplens.web.pages.compare import default_comparison_link
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.downloads import Downloads, of_filter
from skiplens.web.pages.figures import (
    Kernel,
    Legend,
    MapAttributes,
    Picture,
    kernel_of,
    legend_of,
    map_attributes,
    network_range,
    tone,
)
from skiplens.web.pages.layer import Neighbour
from skiplens.web.pages.unit import UnitQuery, UnitSection, unit_section

_WORDS: Final[dict[str | None, str]] = {
    "add": "What the block is given, what it adds, what comes of it: place by place, the second "
    "map is added to the first.",
    None: "What the block's layers make of it, before and after ReLU.",
}
_SIGNS: Final = {"F(x)": "+", "sum": "=", "output": "\N{RIGHTWARDS ARROW}"}


@dataclass(frozen=True)
class Part:
    """A part of the block: one map cut from the strip.

    Attributes:
        text: what it is: ``x``, ``F(x)``, ``sum``, ``output`` or ``gate``.
        sign: how it follows from the parts before it, where those are simply added.
        tone: ``identity``, ``residual`` or nothing.
        href: the filter's page in this part.
        box: of the map in the strip, as an SVG view box has it.
        current: whether it is the part that is shown.
    """

    text: str
    sign: str
    tone: str
    href: str
    box: str
    current: bool


@dataclass(frozen=True)
class PartsRow:
    """A filter in the parts of its block.

    Attributes:
        block: name of the block.
        words: how the parts follow from each other.
        strip: the picture that the maps are cut from.
        parts: as they follow from each other.
        legend: of the scale that they share.
    """

    block: str
    words: str
    strip: Picture
    parts: tuple[Part, ...]
    legend: Legend


def parts_row(context: PageContext, layer: LayerInfo, index: int) -> PartsRow | None:
    """A filter in the parts of the block that its layer is a part of, if it is."""
    view = context.view
    block = _block_of_part(context.forward.manifest, layer.name)
    if block is None:
        return None
    strip = block_table(context.forward, block, view.palette)
    size = strip.geometry
    column = index + next(row.first for row in strip.rows if row.layer == layer)
    boxes = [(row, strip.box(row, column)) for row in strip.rows]
    parts = tuple(
        Part(
            text=row.role,
            sign=_SIGNS.get(row.role, "") if block.merge == "add" else "",
            tone=tone(row.role),
            href=view.filter(row.layer.name, column - row.first),
            box=" ".join(map(str, box)),
            current=row.layer == layer,
        )
        for row, box in boxes
        if box is not None
    )
    return PartsRow(
        block=block.name,
        words=_WORDS.get(block.merge) or text.explain_block(block),
        strip=Picture(view.block_maps(block.name), size.width, size.height),
        parts=parts,
        legend=legend_of(strip.range, "signed", "one scale for all of them"),
    )


def _block_of_part(manifest: Manifest, layer: str) -> BlockInfo | None:
    """The block that a layer is a part of other than as what it is given, if any."""
    for block in manifest.blocks:
        if layer != block.input and layer in {
            block.identity,
            block.residual,
            block.gate,
            block.sum,
            block.output,
        }:
            return block
    return None


@dataclass(frozen=True)
class TopActivationTile:
    """A digit that excites the filter.

    Attributes:
        href: the filter's page on it.
        box: of it on the sheet.
        value: the largest of the filter's map, as text.
        words: the same in full.
        current: whether it is the digit that is shown.
    """

    href: str
    box: str
    value: str
    words: str
    current: bool


@dataclass(frozen=True)
class TopActivationRow:
    """The digits that excite a filter most.

    Attributes:
        sentence: where they were looked for.
        labels: how many there are of each label, in words; nothing where there is no digit.
        sheet: the picture that they are cut from; nothing where there is none.
        tiles: largest value first.
    """

    sentence: str
    labels: str | None
    sheet: Sheet | None
    tiles: tuple[TopActivationTile, ...]


def strong_row(context: PageContext, layer: LayerInfo, index: int) -> TopActivationRow:
    """The digits that excite a filter most: of the data set once it is indexed, else samples."""
    indexes = context.services.indexes
    collection, found = indexes.best_available(context.engine)
    strong = found.top_activations(context.engine.manifest, layer, index)
    sheet = sheet_of(collection, [one.place for one in strong]) if strong else None
    return TopActivationRow(
        sentence=_sentence(context, indexes, collection, any_digit=bool(strong)),
        labels=_labels(collection, strong) if strong else None,
        sheet=sheet,
        tiles=tuple(
            _tile(context, layer, index, collection, one, box)
            for one, box in zip(strong, sheet.boxes if sheet else (), strict=True)
        ),
    )


def _tile(
    context: PageContext,
    layer: LayerInfo,
    index: int,
    collection: LabelledDigits,
    strong: TopActivation,
    box: str,
) -> TopActivationTile:
    digit, label = collection.ids[strong.place], collection.label(strong.place)
    kind = "test digit" if collection.kind == "dataset" else "sample"
    value = fmt.number(strong.value)
    return TopActivationTile(
        href=context.view.with_digit(digit).filter(layer.name, index),
        box=box,
        value=value,
        words=f"{value} on {kind} {strong.place:,}, {fmt.with_article(str(label))}",
        current=digit == context.view.digit,
    )


def _sentence(
    context: PageContext, indexes: DatasetIndexer, collection: LabelledDigits, *, any_digit: bool
) -> str:
    count = f"{len(collection):,}"
    if collection.kind == "dataset":
        where = f"the {count} test digits"
        more = ""
    else:
        where = f"the {count} samples"
        more = (
            " The test set is still being indexed; then they are looked for there."
            if indexes.has_dataset
            else " Started with --data and a folder with MNIST, skiplens looks through its test "
            "digits."
        )
    found = (
        f"Of {where}, those on which its map reaches the largest values, written below each."
        if any_digit
        else f"None of {where} excites it: no value of its map is above zero on any of them."
    )
    whole = " Measured with every block on." if context.view.scales else ""
    return found + whole + more


def _labels(collection: LabelledDigits, strong: tuple[TopActivation, ...]) -> str:
    counts = Counter(collection.label(one.place) for one in strong)
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed = fmt.join_and([f"{count} labelled {label}" for label, count in common])
    return f"Among them {listed}."


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
    plate: MapAttributes
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
    strong: TopActivationRow
    kernel: Kernel | None
    parts: PartsRow | None
    compare: str
    away: Downloads


def filter_page(
    context: PageContext, layer: LayerInfo, index: int, wish: UnitQuery, origin: str
) -> FilterPage:
    """The page of one filter of a layer, with the value that is wished for explained.

    ``origin`` is the server's address, for what is copied.

    Raises:
        InvalidParameterError, UnknownUnitError, UnknownFilterError: as
            :func:`skiplens.web.pages.unit.unit_section` does.
    """
    manifest, view = context.engine.manifest, context.view
    maps = context.forward.maps(layer)
    statistics = describe(maps)[index]
    off = context.forward.is_disabled(layer)
    unit = unit_section(context, layer, index, wish)
    return FilterPage(
        title=f"{layer.name}:{index} in {manifest.title}",
        **vars(common.shell(context.services, view)),
        layer=layer.name,
        index=index,
        symbol=text.symbol(layer),
        tone=text.tone(layer),
        explanation=text.of_layer(manifest, layer),
        digit=common.digit_card(context.stored),
        back=view.layer(layer.name),
        home=view.gallery(layer.place),
        before=_neighbour(layer, index - 1, view),
        after=_neighbour(layer, index + 1, view),
        map=_map(context, layer, index),
        unit=unit,
        note=fmt.silent_map(off=off) if statistics.dead else None,
        statistics=statistics,
        histogram=charts.histogram(maps[:, :, index]),
        strong=strong_row(context, layer, index),
        kernel=kernel_of(context, layer, index),
        parts=parts_row(context, layer, index),
        compare=default_comparison_link(context, layer.name),
        away=of_filter(view, layer, index, (unit.row, unit.column), origin),
    )


def _neighbour(layer: LayerInfo, index: int, view: Links) -> Neighbour | None:
    if not 0 <= index < layer.filters:
        return None
    return Neighbour(f"filter {index}", view.filter(layer.name, index))


def _map(context: PageContext, layer: LayerInfo, index: int) -> Map:
    view = context.view
    options = GridOptions(view.normalize, view.palette, grid_image.MAX_ZOOM, labels=False)
    grid = layer_grid(context.forward, layer, (index,), options)
    size, (cell,) = grid.geometry, grid.cells
    height, width, _ = layer.shape
    low, high = float(grid.maps.min()), float(grid.maps.max())
    address = view.grid(layer.name, filters=index, zoom=size.zoom, labels="false")
    return Map(
        picture=Picture(address, size.width, size.height),
        box=" ".join(map(str, cell.box)),
        alt=f"Activation map of filter {index} of {layer.name}, {height} by {width}, values from "
        f"{fmt.number(low)} to {fmt.number(high)}",
        legend=figures.legend(grid),
        plate=map_attributes(context.forward, layer, grid, view),
        network_range=network_range(context.forward),
    )
