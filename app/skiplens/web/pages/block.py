"""The block page: x, F(x), sum and output, with metrics per block and per filter."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from skiplens.core.block_metrics import FilterMetrics, filter_metrics
from skiplens.core.manifest import SUMS, BlockInfo, BlockMetrics, LayerInfo
from skiplens.service.feature_map_table import FeatureMapTable, block_table
from skiplens.service.map_grids import kernel_range
from skiplens.service.registry import find_layer
from skiplens.web.links import Links
from skiplens.web.pages import fmt, text
from skiplens.web.pages.blocks import ablated_accuracies, test_set_means
from skiplens.web.pages.charts import Bar, Strip, strip
from skiplens.web.pages.classic import classic_blocks
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.downloads import block_downloads
from skiplens.web.pages.figures import (
    MOST_COLUMNS,
    FilterPart,
    Legend,
    Picture,
    filter_part,
    layer_figure,
    legend_of,
    table_alt,
    table_legend,
    wider_pictures,
)
from skiplens.web.pages.layer import kernels_picture
from skiplens.web.pages.network_page import NetworkPage, neighbour_links
from skiplens.web.pages.text import Symbols

MetricName = Literal["norm_x", "norm_residual", "norm_sum", "ratio", "cosine", "relu_zeroed"]
Order = Literal["filter", MetricName]
BY_INDEX: Final[Order] = "filter"


@dataclass(frozen=True)
class Metric:
    """A metric of blocks and of their filters. Texts are formats of :class:`Symbols`."""

    name: MetricName
    label: str
    """In a phrase; empty if it is left out there."""
    heading: str
    """Above a column."""
    described: tuple[str, str]
    """Title and explanation in the table of the block."""
    without_identity: tuple[str, str] | None = None
    """The same in a block without an identity path, whose sum is F(x); ``None`` if undefined."""
    tone: str = ""
    write: Callable[[float], str] = fmt.number
    ends: tuple[float, float] | None = None
    """The values that are possible; ``None`` for any from 0 on."""

    def read(self, metrics: BlockMetrics | FilterMetrics) -> float | None:
        """The value; ``None`` if it is undefined."""
        value: float | None = getattr(metrics, self.name)
        return value

    def text(self, metrics: BlockMetrics | FilterMetrics) -> str:
        """The value as text, empty if it is undefined."""
        value = self.read(metrics)
        return "" if value is None else self.write(value)

    def describe(self, block: BlockInfo) -> tuple[str, ...]:
        """Title and explanation for a block; empty if it has no such metric."""
        described = self.described if block.identity else self.without_identity
        return tuple(self._worded(part, block) for part in described or ())

    def head(self, block: BlockInfo) -> str:
        """Heading of its column for a block."""
        return self._worded(self.heading, block)

    @staticmethod
    def _worded(text_: str, block: BlockInfo) -> str:
        words = text_.format(text.symbols_of_block(block))
        return words if block.merge in (None, *SUMS) else words.replace("sum", "merge")


METRICS: Final = (
    Metric(
        "norm_x",
        "{0.x}",
        "{0.norm_x}",
        ("norm of {0.x}", "Euclidean norm of the identity as it enters the sum"),
        ("norm of the input", "Euclidean norm of the block's input"),
        "identity",
    ),
    Metric(
        "norm_residual",
        "{0.f}",
        "{0.norm_residual}",
        ("norm of {0.f}", "Euclidean norm of the residual as it enters the sum"),
        ("norm of F(x)", "Euclidean norm of what the block computes"),
        "residual",
    ),
    Metric("norm_sum", "", "|sum|", ("norm of the sum", "Euclidean norm of the sum of the two")),
    Metric(
        "ratio",
        "{0.over}",
        "{0.ratio}",
        ("{0.over}", "ratio of the two norms"),
        ("F(x) over the input", "ratio of the two norms"),
    ),
    Metric(
        "cosine",
        "cosine",
        "cosine",
        ("{0.cosine}", f"1: same direction as {{0.x}}; 0: orthogonal; {fmt.MINUS}1: opposite"),
        write=fmt.cosine,
        ends=(-1, 1),
    ),
    Metric(
        "relu_zeroed",
        "ReLU zeroes",
        "ReLU zeroes",
        ("zeroed by ReLU", "share of the sum below zero, which ReLU sets to zero"),
        ("zeroed by ReLU", "share of F(x) below zero, which ReLU sets to zero"),
        write=fmt.percent,
        ends=(0, 1),
    ),
)


def _defined(found: Sequence[FilterMetrics]) -> tuple[Metric, ...]:
    """The metrics that some filter has a value of."""
    return tuple(m for m in METRICS if any(m.read(metrics) is not None for metrics in found))


@dataclass(frozen=True)
class Heading:
    """A column, and the page with the filters sorted by it."""

    text: str
    tone: str
    href: str
    chosen: bool


@dataclass(frozen=True)
class FilterTable:
    """Metrics of every filter of a block, in columns that some filter has a value in."""

    headings: tuple[Heading, ...]
    metrics: tuple[Metric, ...]
    rows: Sequence[FilterMetrics]
    """Of the first filters, if there are very many."""
    count: int
    """Of all filters."""
    chosen: bool
    """Whether a column other than the first was chosen to sort by."""


_MOST_ROWS: Final = 256


def filter_table(
    found: Sequence[FilterMetrics],
    block: BlockInfo,
    order: Order,
    links: Links,
    noun: str = "filter",
    page: int = 1,
) -> FilterTable:
    """The table of filters, called ``noun``, by a metric, largest first, undefined values last;
    ``page`` is the part of them whose maps are shown.
    """
    shown = _defined(found)

    def heading(name: Order, label: str, tone: str = "") -> Heading:
        address = links.block(block.name, **_shown(name, page))
        return Heading(label, tone, f"{address}#filters", chosen=order == name)

    headings = [heading(m.name, m.head(block), m.tone) for m in shown]
    rows = _sorted(found, order)[:_MOST_ROWS]
    columns = (heading(BY_INDEX, noun), *headings)
    return FilterTable(columns, shown, rows, len(found), order != BY_INDEX)


def _shown(order: Order, page: int) -> dict[str, object]:
    """What the address of a block's page says of its filters: their order, and the part shown."""
    return {"order": None if order == BY_INDEX else order, "page": page if page > 1 else None}


def _sorted(found: Sequence[FilterMetrics], order: Order) -> Sequence[FilterMetrics]:
    metric = next((metric for metric in METRICS if metric.name == order), None)
    if metric is None:
        return found
    return sorted(found, key=lambda row: (metric.read(row) is None, -(metric.read(row) or 0.0)))


def describe_filter(metrics: FilterMetrics, names: Symbols, noun: str) -> str:
    """The metrics of a filter, called ``noun``, in a phrase, without the undefined ones."""
    parts = [
        f"{metric.label.format(names)} {metric.text(metrics)}"
        for metric in METRICS
        if metric.label and metric.read(metrics) is not None
    ]
    return f"{noun} {metrics.filter}: {', '.join(parts)}"


ROW_HEIGHT: Final = 56  # pixels from one chart to the next, as in the style sheet
PLOT_HEIGHT: Final = 44.0
_OCTAVES: Final = 3  # ratios are drawn from 1/8 to 8
_MIN_BAR_HEIGHT: Final = 1.0  # pixels, of a value other than zero


@dataclass(frozen=True)
class FilterChart:
    """A chart of one or more metrics across all columns, in pixels."""

    title: str
    scale: str
    bars: Mapping[MetricName, tuple[str, str]]
    """Symbol, which follows the title, and tone of each metric's bars."""
    share: Callable[[float], float] = float
    """Of a value: 1 is a bar over the whole height."""
    signed: bool = False
    row: int = 0
    """Its place, from above."""

    @property
    def series(self) -> tuple[tuple[str, str], ...]:
        """Symbol and tone of the bars of a column."""
        return tuple(self.bars.values())

    @property
    def room(self) -> float:
        """Height of the largest bar."""
        return PLOT_HEIGHT / 2 if self.signed else PLOT_HEIGHT

    @property
    def axis(self) -> float:
        """Where bars begin, from the top of all charts."""
        return ROW_HEIGHT * self.row + (ROW_HEIGHT - PLOT_HEIGHT) / 2 + self.room


@dataclass(frozen=True)
class FilterColumn:
    """One filter below its column of maps, in pixels."""

    x: int
    width: int
    bars: tuple[Bar, ...]
    text: str
    href: str


@dataclass(frozen=True)
class FilterCharts:
    """The charts below a block's maps, in pixels."""

    rows: tuple[FilterChart, ...]
    columns: tuple[FilterColumn, ...]
    width: int
    height: int


def filter_charts(
    found: Sequence[FilterMetrics], block: BlockInfo, table: FeatureMapTable, links: Links
) -> FilterCharts:
    """The charts of those of a block's filters that the table of maps shows."""
    names, noun = text.symbols_of_block(block), table.rows[-1].layer.filter_noun
    charts = _charts(found, names)
    return FilterCharts(
        rows=charts,
        columns=tuple(
            FilterColumn(
                x,
                width,
                tuple(bar for chart in charts for bar in _bars(chart, metrics, x, width)),
                describe_filter(metrics, names, noun),
                links.filter(block.output, metrics.filter),
            )
            for column, (x, width) in zip(table.columns, _columns(table), strict=True)
            for metrics in (found[column],)
        ),
        width=table.layout.width,
        height=ROW_HEIGHT * len(charts),
    )


def _charts(found: Sequence[FilterMetrics], names: Symbols) -> tuple[FilterChart, ...]:
    """Every chart with its place, without the metrics that no filter has a value of."""
    norms = (norm for metrics in found for norm in (metrics.norm_x, metrics.norm_residual) if norm)
    largest = max(norms, default=1.0)
    # Beside the charts there is room on a phone for two lines of ten letters.
    title, x, f = ("norm of", names.x, names.f) if names is text.PLAIN else ("", *names.norms)
    sizes: dict[MetricName, tuple[str, str]] = {
        "norm_x": (x, "identity"),
        "norm_residual": (f, "residual"),
    }
    charts = (
        FilterChart(title, f"0 to {fmt.number(largest)}", sizes, lambda norm: norm / largest),
        FilterChart(names.over, f"{fmt.EIGHTH} to 8", {"ratio": ("", "")}, _octaves, True),
        FilterChart("cosine", f"{fmt.MINUS}1 to 1", {"cosine": ("", "")}, signed=True),
        FilterChart("zeroed by ReLU", "0 to 100 %", {"relu_zeroed": ("", "")}),
    )
    known = {metric.name for metric in _defined(found)}
    shown = [chart for chart in charts if known & set(chart.bars)]
    return tuple(
        replace(chart, row=row, bars={n: chart.bars[n] for n in chart.bars if n in known})
        for row, chart in enumerate(shown)
    )


def _octaves(ratio: float) -> float:
    """Doublings from the identity to the residual, as a share of those that are drawn."""
    return ratio and max(-1.0, min(math.log2(ratio) / _OCTAVES, 1.0))


def _columns(table: FeatureMapTable) -> Iterator[tuple[int, int]]:
    """Left edge and width of every column."""
    for column in table.columns:
        box = next(box for row in table.rows if (box := table.box(row, column)) is not None)
        yield box[0], box[2]


def _bars(chart: FilterChart, metrics: FilterMetrics, x: int, width: int) -> Iterator[Bar]:
    pitch = width / len(chart.bars)
    for position, (name, (_, tone)) in enumerate(chart.bars.items()):
        value = getattr(metrics, name)
        if value and (share := chart.share(value)):
            height = max(abs(share) * chart.room, _MIN_BAR_HEIGHT)
            yield Bar(
                x=round(x + position * pitch + pitch / 8, 2),
                y=round(chart.axis - (height if share > 0 else 0), 2),
                width=round(pitch * 3 / 4, 2),
                height=round(height, 2),
                tone=tone,
            )


def describe_metrics(
    metrics: BlockMetrics, block: BlockInfo, noun: str = "digit", *, off: bool
) -> str:
    """A block's metrics on one input, which is called ``noun``, in a sentence or two."""
    names = text.symbols_of_block(block)
    if off:
        return text.describe_disabled(block)
    angle = "" if metrics.cosine is None else f" (cosine {fmt.cosine(metrics.cosine)})"
    zeroed = (
        ""
        if metrics.relu_zeroed is None
        else f" ReLU then zeroes {fmt.percent(metrics.relu_zeroed)} of the sum."
    )
    if metrics.ratio is None:
        return zeroed.strip()
    return (
        f"On this {noun} {names.f} is {fmt.number(metrics.ratio)} times as large as "
        f"{names.x}{angle}.{zeroed}"
    )


def describe_ratio(
    block: BlockInfo,
    found: Sequence[BlockMetrics],
    mean: BlockMetrics | None,
    off: Sequence[str],
    noun: str = "digit",
) -> str:
    """Where a block's ratio stands among all blocks, and among inputs; nothing where it has none.

    Args:
        block: which has an identity path.
        found: metrics of every block on one digit.
        mean: of the block over the test set, if it was measured.
        off: names of the blocks that are switched off.
        noun: what the input is called.
    """
    if block.name in off:
        return text.describe_disabled(block)
    names = text.symbols_of_block(block)
    ratios = {
        metrics.block: metrics.ratio
        for metrics in found
        if metrics.block not in off and metrics.ratio is not None
    }
    own, count = ratios.get(block.name), len(ratios)
    if own is None:
        return ""
    said = f"On this {noun} {names.f} is {fmt.number(own)} times as large as {names.x}"
    if count > 1:
        on = " that are on" if off else ""
        said += f": the {fmt.place(own, [*ratios.values()])} of {fmt.count(count)} blocks{on}"
    if mean and mean.ratio is not None:
        said += f"; {fmt.number(mean.ratio)} on average over the test set"
    return f"{said}."


def _strips(
    metrics: Sequence[Metric],
    block: BlockInfo,
    found: Sequence[BlockMetrics],
    mean: BlockMetrics | None,
) -> dict[str, Strip]:
    """Each metric of every block on one axis, by the metric's name."""
    return {
        metric.name: strip(
            [(one.block, value) for one in found if (value := metric.read(one)) is not None],
            block.name,
            metric.read(mean) if mean else None,
            metric.ends,
            metric.write,
        )
        for metric in metrics
    }


_WIDER_ROOMS: Final = (1380, 1880)  # pixels: beside the names of the rows, on the wide screens
_X: Final = "x: the block's input."


def _map_values(
    context: PageContext, block: BlockInfo, table: FeatureMapTable, part: FilterPart, order: Order
) -> dict[str, Any]:
    """The table of maps, for the template."""
    links, maps = context.links, context.links.block_maps

    def drawn(zoom: int) -> Picture:
        larger = block_table(context.forward, block, links.options.palette, zoom, part.filters)
        return Picture.of(maps(block.name, **part.query, zoom=zoom), larger.layout)

    picture = Picture.of(maps(block.name, **part.query), table.layout)
    zooms = (table.zoom_within(room) for room in _WIDER_ROOMS)
    return {
        "pages": part.links(lambda number: links.block(block.name, **_shown(order, number))),
        "order": ",".join(map(str, table.columns)) if part.count > 1 else "",
        "picture": picture,
        "wider": wider_pictures(picture, zooms, drawn),
        "rows": tuple(
            (
                row,
                _X if row.role == "x" else text.describe_layer(context.engine.manifest, row.layer),
            )
            for row in table.rows
        ),
        "rows_equal_shape": len({row.layer.shape for row in table.rows}) == 1,
        "alt": table_alt(block, table),
        "legend": table_legend(table),
    }


def block_page(context: PageContext, block: BlockInfo, order: Order, page: int = 1) -> NetworkPage:
    """The page of a block; ``order`` sorts the table of its filters, ``page`` is the part of them
    whose maps are shown.

    Raises:
        InvalidParameterError: there is no such part.
    """
    manifest, links, forward = context.engine.manifest, context.links, context.forward
    output = find_layer(manifest, block.output)
    part = filter_part(forward, output, links, MOST_COLUMNS, page)
    table = block_table(forward, block, links.options.palette, filters=part.filters)
    noun = output.filter_noun
    gates = tuple(
        layer
        for layer in manifest.layers
        if layer.block == block.name and layer.role == "gate" and layer.is_sequence
    )
    every, mean = forward.block_metrics, test_set_means(manifest).get(block.name)
    metrics = next(one for one in every if one.block == block.name)
    of_filters = filter_metrics(block, forward.activations)
    shown = [m for m in METRICS if m.describe(block) and m.text(metrics)]
    names = [other.name for other in manifest.blocks]
    values = {
        "block": block,
        "formula": text.formula(block, output),
        "sentence": describe_ratio(block, every, mean, links.scales.off, manifest.noun)
        if block.identity
        else "",
        "explanation": text.describe_block(block, manifest),
        "neighbours": neighbour_links(names, block.name, links.block),
        **_map_values(context, block, table, part, order),
        "metrics": shown,
        "found": metrics,
        "mean": mean,
        "strips": _strips(shown, block, every, mean),
        "digits": manifest.evaluation.digits if manifest.evaluation else 0,
        "filter_noun": noun,
        "charts": filter_charts(of_filters, block, table, links),
        "table": filter_table(of_filters, block, order, links, noun, page),
        "kernels": _kernels(context, block),
        "gates": tuple(layer_figure(forward, gate, links) for gate in gates),
        "step": text.step_noun(manifest, gates[0]) if gates else "",
        "classic": f"{links.classic()}#{block.name}" if classic_blocks(manifest) else None,
        "ablated": ablated_accuracies(manifest).get(frozenset({block.name})),
        "downloads": block_downloads(links, block),
    }
    return NetworkPage(
        "block.html",
        f"{block.name} · {manifest.title}",
        context,
        address=lambda other: other.block(block.name, **_shown(order, page)),
        current_block=block.name,
        values=values,
    )


_KERNELS_WIDTH: Final = 520  # pixels: two beside each other on a laptop's screen


def _kernels(
    context: PageContext, block: BlockInfo
) -> tuple[tuple[LayerInfo, Picture, Legend], ...]:
    """Every convolution of a block with the image of its kernels."""
    engine, links = context.engine, context.links
    sharing = "one value range for all its kernels"
    pictures = (
        (layer, kernels_picture(engine, layer, links, _KERNELS_WIDTH))
        for layer in engine.manifest.layers
        if layer.block == block.name
    )
    return tuple(
        (layer, picture, legend_of(kernel_range(weights), "signed", sharing))
        for layer, picture in pictures
        if picture
        for weights in [engine.weights[f"{layer.name}/kernel"]]
    )
