"""The block page: x, F(x), sum and output, with metrics per block and per filter."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from skiplens.core.block_metrics import block_metrics, filter_metrics
from skiplens.core.manifest import BlockInfo, BlockMetrics, FilterMetrics
from skiplens.service.analysis import classic_blocks
from skiplens.service.images import FeatureMapTable, block_table
from skiplens.web.links import Links
from skiplens.web.pages import common, text
from skiplens.web.pages import format as fmt
from skiplens.web.pages.common import (
    ViewPage,
    neighbour_links,
    prediction_view,
)
from skiplens.web.pages.compare import default_comparison_link
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.depth import accuracy_drops, test_set_means
from skiplens.web.pages.downloads import block_downloads
from skiplens.web.pages.figures import (
    Picture,
    row_tone,
    table_alt,
    table_legend,
)
from skiplens.web.pages.layer import kernels_picture
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
    title: str
    """In the table of the block."""
    explanation: str
    tone: str = ""
    write: Callable[[float], str] = fmt.number

    def read(self, metrics: BlockMetrics | FilterMetrics) -> float | None:
        """The value; ``None`` if it is undefined."""
        value: float | None = getattr(metrics, self.name)
        return value

    def text(self, metrics: BlockMetrics | FilterMetrics) -> str:
        """The value as text, empty if it is undefined."""
        value = self.read(metrics)
        return "" if value is None else self.write(value)


METRICS: Final = (
    Metric(
        "norm_x",
        "{0.x}",
        "{0.norm_x}",
        "norm of {0.x}",
        "Euclidean norm of the identity as it enters the sum",
        "identity",
    ),
    Metric(
        "norm_residual",
        "{0.f}",
        "{0.norm_residual}",
        "norm of {0.f}",
        "Euclidean norm of the residual as it enters the sum",
        "residual",
    ),
    Metric("norm_sum", "", "|sum|", "norm of the sum", "Euclidean norm of the sum of the two"),
    Metric(
        "ratio",
        "{0.over}",
        "{0.ratio}",
        "{0.over}",
        "below 1 the block refines its input, above 1 it replaces it",
    ),
    Metric(
        "cosine",
        "cosine",
        "cosine",
        "{0.cosine}",
        f"1: same direction as {{0.x}}; 0: orthogonal; {fmt.MINUS}1: opposite",
        write=fmt.cosine,
    ),
    Metric(
        "relu_zeroed",
        "ReLU zeroes",
        "ReLU zeroes",
        "zeroed by ReLU",
        "share of the sum below zero, which ReLU sets to zero",
        write=fmt.percent,
    ),
)
# Title and explanation in a block without an identity path, where the sum is F(x).
_WITHOUT_IDENTITY: Final[dict[MetricName, tuple[str, str]]] = {
    "norm_x": ("norm of the input", "Euclidean norm of the block's input"),
    "norm_residual": ("norm of F(x)", "Euclidean norm of what the block computes"),
    "ratio": ("F(x) over the input", "ratio of the two norms"),
    "relu_zeroed": ("zeroed by ReLU", "share of F(x) below zero, which ReLU sets to zero"),
}


@dataclass(frozen=True)
class Heading:
    """A column, and the page with the filters sorted by it."""

    text: str
    tone: str
    href: str
    chosen: bool


@dataclass(frozen=True)
class FilterRow:
    """One filter; the cell of an undefined metric is empty."""

    index: int
    href: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class FilterTable:
    """Metrics of every filter of a block, in columns that some filter has a value in."""

    headings: tuple[Heading, ...]
    rows: tuple[FilterRow, ...]
    chosen: bool
    """Whether a column other than the first was chosen to sort by."""


def filter_table(
    found: Sequence[FilterMetrics], block: BlockInfo, order: Order, links: Links
) -> FilterTable:
    """The table, sorted by a metric, largest first and undefined values last."""
    names = text.symbols_of_block(block)
    shown = [m for m in METRICS if any(m.read(metrics) is not None for metrics in found)]
    columns: list[tuple[Order, str, str]] = [
        (BY_INDEX, "filter", ""),
        *((metric.name, metric.heading.format(names), metric.tone) for metric in shown),
    ]
    return FilterTable(
        headings=tuple(
            Heading(
                heading,
                tone,
                links.block(block.name, order=None if name == BY_INDEX else name) + "#filters",
                order == name,
            )
            for name, heading, tone in columns
        ),
        rows=tuple(
            FilterRow(
                metrics.filter,
                links.filter(block.output, metrics.filter),
                tuple(metric.text(metrics) for metric in shown),
            )
            for metrics in _sorted(found, order)
        ),
        chosen=order != BY_INDEX,
    )


def _sorted(found: Sequence[FilterMetrics], order: Order) -> Sequence[FilterMetrics]:
    metric = next((metric for metric in METRICS if metric.name == order), None)
    if metric is None:
        return found
    return sorted(found, key=lambda row: (metric.read(row) is None, -(metric.read(row) or 0.0)))


def describe_filter(metrics: FilterMetrics, names: Symbols) -> str:
    """A filter's metrics in a phrase, without the undefined ones."""
    parts = [
        f"{metric.label.format(names)} {metric.text(metrics)}"
        for metric in METRICS
        if metric.label and metric.read(metrics) is not None
    ]
    return f"filter {metrics.filter}: {', '.join(parts)}"


ROW_HEIGHT: Final = 56  # pixels from one chart to the next, as in the style sheet
PLOT_HEIGHT: Final = 44.0
_OCTAVES: Final = 3  # ratios are drawn from 1/8 to 8
_MIN_BAR_HEIGHT: Final = 1.0  # pixels, of a value other than zero


@dataclass(frozen=True)
class Bar:
    """A bar: its box in pixels."""

    tone: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ChartRow:
    """A chart across all columns."""

    title: str
    series: tuple[tuple[str, str], ...]
    """Symbol, which follows the title, and tone of the bars."""
    scale: str
    axis: float
    """Where bars begin, in pixels from the top of all charts."""


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

    rows: tuple[ChartRow, ...]
    columns: tuple[FilterColumn, ...]
    width: int
    height: int


_Series = tuple[str, str, MetricName]  # symbol, tone and what is drawn


@dataclass(frozen=True)
class ChartSpec:
    """A chart of one or more metrics; ``share`` of 1 is a bar over the whole height."""

    title: str
    scale: str
    series: tuple[_Series, ...]
    share: Callable[[float], float] = float
    signed: bool = False

    @property
    def room(self) -> float:
        """Height of the largest bar, in pixels."""
        return PLOT_HEIGHT / 2 if self.signed else PLOT_HEIGHT


def filter_charts(
    found: Sequence[FilterMetrics], block: BlockInfo, table: FeatureMapTable, links: Links
) -> FilterCharts:
    """The charts of a block's filters, below its maps."""
    names = text.symbols_of_block(block)
    specs = [spec for spec in _chart_specs(found, names) if spec.series]
    return FilterCharts(
        rows=tuple(
            ChartRow(
                spec.title,
                tuple((symbol, tone) for symbol, tone, _ in spec.series),
                spec.scale,
                _axis(spec, row),
            )
            for row, spec in enumerate(specs)
        ),
        columns=tuple(
            FilterColumn(
                x,
                width,
                tuple(
                    bar
                    for row, spec in enumerate(specs)
                    for bar in _bars(spec, metrics, row, x, width)
                ),
                describe_filter(metrics, names),
                links.filter(block.output, metrics.filter),
            )
            for metrics, (x, width) in zip(found, _columns(table), strict=True)
        ),
        width=table.geometry.width,
        height=ROW_HEIGHT * len(specs),
    )


def _chart_specs(found: Sequence[FilterMetrics], names: Symbols) -> Iterator[ChartSpec]:
    """Every chart, without the series that no filter has a value of."""
    norms = (norm for metrics in found for norm in (metrics.norm_x, metrics.norm_residual) if norm)
    largest = max(norms, default=1.0)
    # Beside the charts there is room on a phone for two lines of ten letters.
    title, x, f = ("norm of", names.x, names.f) if names is text.PLAIN else ("", *names.norms)
    for spec in (
        ChartSpec(
            title,
            f"0 to {fmt.number(largest)}",
            ((x, "identity", "norm_x"), (f, "residual", "norm_residual")),
            lambda norm: norm / largest,
        ),
        ChartSpec(names.over, f"{fmt.EIGHTH} to 8", (("", "", "ratio"),), _octaves, signed=True),
        ChartSpec("cosine", f"{fmt.MINUS}1 to 1", (("", "", "cosine"),), signed=True),
        ChartSpec("zeroed by ReLU", "0 to 100 %", (("", "", "relu_zeroed"),)),
    ):
        series = tuple(
            line for line in spec.series if any(getattr(m, line[-1]) is not None for m in found)
        )
        yield replace(spec, series=series)


def _octaves(ratio: float) -> float:
    """Doublings from the identity to the residual, as a share of those that are drawn."""
    return ratio and max(-1.0, min(math.log2(ratio) / _OCTAVES, 1.0))


def _columns(table: FeatureMapTable) -> Iterator[tuple[int, int]]:
    """Left edge and width of every column."""
    for column in range(table.geometry.columns):
        box = next(box for row in table.rows if (box := table.box(row, column)) is not None)
        yield box[0], box[2]


def _axis(spec: ChartSpec, row: int) -> float:
    return ROW_HEIGHT * row + (ROW_HEIGHT - PLOT_HEIGHT) / 2 + spec.room


def _bars(spec: ChartSpec, metrics: FilterMetrics, row: int, x: int, width: int) -> Iterator[Bar]:
    pitch = width / len(spec.series)
    for position, (_, tone, name) in enumerate(spec.series):
        value = getattr(metrics, name)
        if value and (share := spec.share(value)):
            height = max(abs(share) * spec.room, _MIN_BAR_HEIGHT)
            yield Bar(
                tone=tone,
                x=round(x + position * pitch + pitch / 8, 2),
                y=round(_axis(spec, row) - (height if share > 0 else 0), 2),
                width=round(pitch * 3 / 4, 2),
                height=round(height, 2),
            )


@dataclass(frozen=True)
class MetricRow:
    """A metric of the block on this digit, and its mean over the test set, if known."""

    name: str
    tone: str
    value: str
    mean: str
    explanation: str


def metric_rows(context: PageContext, block: BlockInfo) -> tuple[MetricRow, ...]:
    """The metrics that are defined for a block."""
    mean = test_set_means(context.engine.manifest).get(block.name)
    names = text.symbols_of_block(block)
    metrics = block_metrics(block, context.forward.activations)
    rows = []
    for metric in METRICS:
        title, explanation, tone = metric.title, metric.explanation, metric.tone
        if not block.identity:
            if metric.name not in _WITHOUT_IDENTITY:
                continue
            title, explanation = _WITHOUT_IDENTITY[metric.name]
            tone = tone.replace("identity", "")
        if value := metric.text(metrics):
            measured = metric.text(mean) if mean else ""
            rows.append(
                MetricRow(title.format(names), tone, value, measured, explanation.format(names))
            )
    return tuple(rows)


_ALIGNED_COSINE: Final = 0.3  # beyond which two directions count as alike


def describe_metrics(metrics: BlockMetrics, block: BlockInfo, *, off: bool) -> str:
    """A block's metrics on one digit, in a sentence or two."""
    names = text.symbols_of_block(block)
    if off:
        return text.describe_disabled(block)
    direction = ""
    if metrics.cosine is not None:
        direction = f" and {_direction(metrics.cosine)} (cosine {fmt.cosine(metrics.cosine)})"
    return (
        f"On this digit {names.f} is {fmt.number(metrics.ratio)} times as large as "
        f"{names.x}{direction}. "
        f"ReLU then zeroes {fmt.percent(metrics.relu_zeroed)} of the sum."
    )


def _direction(cosine: float) -> str:
    if cosine > _ALIGNED_COSINE:
        return "points in the same direction"
    return (
        "points in the opposite direction"
        if cosine < -_ALIGNED_COSINE
        else "is nearly orthogonal to it"
    )


_X: Final = "x: the block's input, the output of the block before."


def block_page(context: PageContext, block: BlockInfo, order: Order, origin: str) -> ViewPage:
    """The page of a block; ``order`` sorts the table of its filters."""
    manifest, links, forward = context.engine.manifest, context.links, context.forward
    table = block_table(forward, block, links.palette)
    found = filter_metrics(block, forward.activations)
    names = [other.name for other in manifest.blocks]
    before, after = neighbour_links(
        names, names.index(block.name), lambda at: links.block(names[at])
    )
    off = block.name in links.scales.off
    return ViewPage(
        "block.html",
        f"{block.name} in {manifest.title}",
        context.services,
        links,
        {
            "name": block.name,
            "formula": text.formula(block),
            "explanation": text.describe_block(block),
            "digit": common.digit_card(context.stored),
            "before": before,
            "after": after,
            "off": off,
            "switch_text": _describe_branch(block, links.scales.of(block.name)),
            "toggle": links.with_block_toggled(block.name, manifest.disableable_blocks).block(
                block.name
            )
            if block.can_disable
            else None,
            "prediction": prediction_view(context.services, forward),
            "all_on": links.all_on().block(block.name),
            "picture": Picture.of(links.block_maps(block.name), table.geometry),
            "rows": tuple(
                (
                    row,
                    row_tone(row.role),
                    _X if row.role == "x" else text.describe_layer(manifest, row.layer),
                )
                for row in table.rows
            ),
            "rows_equal_shape": len({row.layer.shape for row in table.rows}) == 1,
            "alt": table_alt(block, table),
            "legend": table_legend(table),
            "metrics": metric_rows(context, block),
            "digits": manifest.evaluation.digits if manifest.evaluation else 0,
            "has_cosine": any(metrics.cosine is not None for metrics in found),
            "has_gate": block.gate is not None,
            "symbols": text.symbols_of_block(block),
            "charts": filter_charts(found, block, table, links),
            "table": filter_table(found, block, order, links),
            "kernels": _kernels(context, block),
            "compare": default_comparison_link(context, block.output),
            "classic": f"{links.classic()}#{block.name}" if classic_blocks(manifest) else None,
            "accuracy_drop": accuracy_drops(manifest).get((block.name,)),
            "downloads": block_downloads(links, block, origin),
        },
    )


def _describe_branch(block: BlockInfo, factor: float) -> str:
    if factor == 0:
        return text.describe_disabled(block)
    state = "on" if factor == 1 else f"multiplied by {fmt.branch_factor(factor)}"
    return f"The branch is {state}."


def _kernels(context: PageContext, block: BlockInfo) -> tuple[tuple[str, Picture, str], ...]:
    """All kernels of each convolution of the block: layer, image and text alternative."""
    found = []
    for layer in context.engine.manifest.layers:
        picture = kernels_picture(context.engine, layer, context.links)
        if layer.block == block.name and picture is not None:
            rows = fmt.pluralise(layer.filters, "filter")
            alt = f"All kernels of {layer.name}: one row for each of its {rows}"
            found.append((layer.name, picture, alt))
    return tuple(found)
