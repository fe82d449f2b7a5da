"""The block page: x, F(x), sum and output, with metrics per block and per filter."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

from skiplens.core.block_metrics import block_metrics, filter_metrics
from skiplens.core.manifest import BlockInfo, BlockMetrics, FilterMetrics
from skiplens.service.analysis import classic_blocks
from skiplens.service.images import FeatureMapTable, block_table
from skiplens.web.links import Links
from skiplens.web.pages import common, text
from skiplens.web.pages import format as fmt
from skiplens.web.pages.common import DigitCard, PredictionView, ViewPage, prediction_view
from skiplens.web.pages.compare import default_comparison_link
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.depth import accuracy_drop
from skiplens.web.pages.downloads import Downloads, of_block
from skiplens.web.pages.figures import (
    Legend,
    Picture,
    StripRow,
    ZoomedPicture,
    matrix_legend,
    strip_alt,
    strip_rows,
)
from skiplens.web.pages.layer import Neighbour, kernels_picture
from skiplens.web.pages.text import Symbols

Order = Literal["filter", "norm_x", "norm_residual", "norm_sum", "ratio", "cosine", "relu_zeroed"]
BY_INDEX: Final[Order] = "filter"


@dataclass(frozen=True)
class Heading:
    """A column, and the page with the filters sorted by it."""

    text: str
    tone: str
    href: str
    chosen: bool


@dataclass(frozen=True)
class FilterRow:
    """One filter; a cell is empty where the figure is undefined."""

    index: int
    href: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class FilterTable:
    """Every filter of a block in numbers.

    Attributes:
        headings: of the filter and of every figure that is defined.
        rows: one for each filter.
        chosen: whether another order than the strip's was asked for.
    """

    headings: tuple[Heading, ...]
    rows: tuple[FilterRow, ...]
    chosen: bool


_Read = Callable[[FilterMetrics], float | None]


@dataclass(frozen=True)
class _Figure:
    text: str
    tone: str
    read: _Read
    write: Callable[[float], str]


def _figures(names: Symbols) -> dict[Order, _Figure]:
    return {
        "norm_x": _Figure(names.norm_x, "identity", lambda one: one.norm_x, fmt.number),
        "norm_residual": _Figure(
            names.norm_residual, "residual", lambda one: one.norm_residual, fmt.number
        ),
        "norm_sum": _Figure("|sum|", "", lambda one: one.norm_sum, fmt.number),
        "ratio": _Figure(names.ratio, "", lambda one: one.ratio, fmt.number),
        "cosine": _Figure("cosine", "", lambda one: one.cosine, fmt.cosine),
        "relu_zeroed": _Figure("ReLU cuts", "", lambda one: one.relu_zeroed, fmt.percent),
    }


def filter_table(
    found: Sequence[FilterMetrics], block: BlockInfo, order: Order, view: Links
) -> FilterTable:
    """The table of a block's filters.

    Args:
        found: the figures of every filter.
        block: whose filters they are.
        order: which figure sorts them, largest first; undefined ones come last.
        view: for the links.
    """

    def address(name: Order) -> str:
        kept = None if name == BY_INDEX else name
        return view.block(block.name, order=kept) + "#filters"

    shown = {
        name: figure
        for name, figure in _figures(text.symbols_of_block(block)).items()
        if any(figure.read(one) is not None for one in found)
    }
    return FilterTable(
        headings=(
            Heading("filter", "", address(BY_INDEX), order == BY_INDEX),
            *(
                Heading(figure.text, figure.tone, address(name), order == name)
                for name, figure in shown.items()
            ),
        ),
        rows=tuple(
            FilterRow(
                one.filter,
                view.filter(block.output, one.filter),
                tuple(_cell(figure, one) for figure in shown.values()),
            )
            for one in (_sorted(found, shown[order].read) if order in shown else found)
        ),
        chosen=order != BY_INDEX,
    )


def _cell(figure: _Figure, one: FilterMetrics) -> str:
    value = figure.read(one)
    return "" if value is None else figure.write(value)


def _sorted(found: Sequence[FilterMetrics], read: _Read) -> list[FilterMetrics]:
    values = {one.filter: read(one) for one in found}
    known = [one for one in found if values[one.filter] is not None]
    missing = [one for one in found if values[one.filter] is None]
    return sorted(known, key=lambda one: -(values[one.filter] or 0.0)) + missing


def in_words(one: FilterMetrics, names: Symbols) -> str:
    """A filter's figures in a phrase; what is undefined is left out."""
    parts = [
        (names.x, one.norm_x, fmt.number),
        (names.f, one.norm_residual, fmt.number),
        (names.over, one.ratio, fmt.number),
        ("cosine", one.cosine, fmt.cosine),
    ]
    said = [f"{name} {write(value)}" for name, value, write in parts if value is not None]
    return f"filter {one.filter}: {', '.join(said)}, ReLU cuts {fmt.percent(one.relu_zeroed)}"


ROW_HEIGHT: Final = 56  # pixels from one chart to the next, as in the style sheet
PLOT_HEIGHT: Final = 44.0  # of which bars may take
_OCTAVES: Final = 3  # ratios are drawn from 1/8 to 8
_LEAST: Final = 1.0  # pixels of a bar that is not nothing


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: its tone, and its box in pixels."""

    tone: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ChartRow:
    """A chart that runs under all columns.

    Attributes:
        title: what is drawn.
        series: the symbols that stand behind the title, with the tone of their bars.
        scale: what the ends of its height stand for.
        axis: where a bar begins, pixels from the top of all charts.
    """

    title: str
    series: tuple[tuple[str, str], ...]
    scale: str
    axis: float


@dataclass(frozen=True)
class FilterColumn:
    """One filter under its column of the strip.

    Attributes:
        x: left edge of the column, pixels.
        width: of the column.
        bars: of all charts.
        text: its figures in words.
        href: its page.
    """

    x: int
    width: int
    bars: tuple[Bar, ...]
    text: str
    href: str


@dataclass(frozen=True)
class FilterCharts:
    """The charts under a strip.

    Attributes:
        lanes: top to bottom.
        columns: one for each filter.
        width: the strip's, in pixels.
        height: of all charts.
    """

    lanes: tuple[ChartRow, ...]
    columns: tuple[FilterColumn, ...]
    width: int
    height: int


@dataclass(frozen=True)
class ChartSpec:
    """What one lane draws: series of a symbol and a tone each, as shares of its room."""

    title: str
    scale: str
    series: tuple[tuple[str, str, _Read], ...]
    signed: bool = False


def filter_charts(
    found: Sequence[FilterMetrics], block: BlockInfo, strip: FeatureMapTable, view: Links
) -> FilterCharts:
    """The charts of a block's filters.

    Args:
        found: the figures of every filter.
        block: whose filters they are.
        strip: the picture that the charts stand under.
        view: for the links.
    """
    names = text.symbols_of_block(block)
    kinds = [kind for one in _kinds(found, names) if (kind := _drawn(one, found)).series]
    return FilterCharts(
        lanes=tuple(
            ChartRow(kind.title, tuple(one[:2] for one in kind.series), kind.scale, _axis(kind, at))
            for at, kind in enumerate(kinds)
        ),
        columns=tuple(
            FilterColumn(
                x,
                width,
                tuple(
                    bar for at, kind in enumerate(kinds) for bar in _bars(kind, one, at, x, width)
                ),
                in_words(one, names),
                view.filter(block.output, one.filter),
            )
            for one, (x, width) in zip(found, _columns(strip), strict=True)
        ),
        width=strip.geometry.width,
        height=ROW_HEIGHT * len(kinds),
    )


def _kinds(found: Sequence[FilterMetrics], names: Symbols) -> tuple[ChartSpec, ...]:
    norms = (norm for one in found for norm in (one.norm_x, one.norm_residual) if norm)
    largest = max(norms, default=1.0)
    # Beside the lane there is room on a phone for two lines of ten letters.
    title, x, f = ("size of", names.x, names.f) if names is text.PLAIN else ("", *names.norms)
    return (
        ChartSpec(
            title,
            f"0 to {fmt.number(largest)}",
            (
                (x, "identity", lambda one: _over(one.norm_x, largest)),
                (f, "residual", lambda one: _over(one.norm_residual, largest)),
            ),
        ),
        ChartSpec(names.over, f"{fmt.EIGHTH} to 8", (("", "", _octaves),), signed=True),
        ChartSpec(
            "cosine",
            f"{fmt.MINUS}1 to 1",
            (("", "", lambda one: one.cosine),),
            signed=True,
        ),
        ChartSpec("cut by ReLU", "0 to 100 %", (("", "", lambda one: one.relu_zeroed),)),
    )


def _drawn(kind: ChartSpec, found: Sequence[FilterMetrics]) -> ChartSpec:
    """The same with those series alone that some filter has."""
    series = tuple(one for one in kind.series if any(one[-1](two) is not None for two in found))
    return replace(kind, series=series)


def _over(norm: float | None, largest: float) -> float | None:
    return None if norm is None else norm / largest


def _octaves(one: FilterMetrics) -> float | None:
    """How often the identity must be doubled to come to the residual, as a share of the room."""
    return one.ratio and max(-1.0, min(math.log2(one.ratio) / _OCTAVES, 1.0))


def _columns(strip: FeatureMapTable) -> Iterator[tuple[int, int]]:
    """Left edge and width of every column of a strip."""
    for column in range(strip.geometry.columns):
        box = next(box for row in strip.rows if (box := strip.box(row, column)) is not None)
        yield box[0], box[2]


def _axis(kind: ChartSpec, at: int) -> float:
    return (
        ROW_HEIGHT * at
        + (ROW_HEIGHT - PLOT_HEIGHT) / 2
        + (PLOT_HEIGHT / 2 if kind.signed else PLOT_HEIGHT)
    )


def _bars(kind: ChartSpec, one: FilterMetrics, at: int, x: int, width: int) -> Iterator[Bar]:
    pitch = width / len(kind.series)
    room = PLOT_HEIGHT / 2 if kind.signed else PLOT_HEIGHT
    for place, (_, tone, read) in enumerate(kind.series):
        value = read(one)
        if value:
            height = max(abs(value) * room, _LEAST)
            yield Bar(
                tone=tone,
                x=round(x + place * pitch + pitch / 8, 2),
                y=round(_axis(kind, at) - (height if value > 0 else 0), 2),
                width=round(pitch * 3 / 4, 2),
                height=round(height, 2),
            )


_ALONG: Final = 0.3  # a cosine beyond which two directions count as alike


@dataclass(frozen=True)
class Figure:
    """One of the block's figures.

    Attributes:
        name: what it is called.
        tone: ``identity``, ``residual`` or nothing.
        value: on this digit.
        usual: over the test digits; nothing where it was not measured.
        explanation: what it says.
    """

    name: str
    tone: str
    value: str
    usual: str | None
    explanation: str


@dataclass(frozen=True)
class _Row:
    name: str
    tone: str
    explanation: str
    read: Callable[[BlockMetrics], float | None]
    write: Callable[[float], str] = fmt.number


def _explained(names: Symbols) -> tuple[_Row, ...]:
    return (
        _Row(
            f"size of {names.x}",
            "identity",
            "Euclidean norm of the identity as it enters the sum",
            lambda one: one.norm_x,
        ),
        _Row(
            f"size of {names.f}",
            "residual",
            "Euclidean norm of what the branch adds",
            lambda one: one.norm_residual,
        ),
        _Row("size of the sum", "", "Euclidean norm of the two added", lambda one: one.norm_sum),
        _Row(
            names.over,
            "",
            "below 1 the block refines, above 1 it rewrites",
            lambda one: one.ratio,
        ),
        _Row(
            names.cosine,
            "",
            f"1: along {names.x}; 0: something new; {fmt.MINUS}1: against {names.x}",
            lambda one: one.cosine,
            fmt.cosine,
        ),
        _Row(
            "cut by ReLU",
            "",
            "share of the sum below zero, which the activation removes",
            lambda one: one.relu_zeroed,
            fmt.percent,
        ),
    )


_WITHOUT_IDENTITY: Final = (
    _Row(
        "size of the input",
        "",
        "Euclidean norm of what the block is given",
        lambda one: one.norm_x,
    ),
    _Row(
        "size of F(x)",
        "residual",
        "Euclidean norm of what it makes of it",
        lambda one: one.norm_residual,
    ),
    _Row("F(x) over the input", "", "how much larger, or smaller", lambda one: one.ratio),
    _Row(
        "cut by ReLU",
        "",
        "share of F(x) below zero, which the activation removes",
        lambda one: one.relu_zeroed,
        fmt.percent,
    ),
)


def metric_rows(context: PageContext, block: BlockInfo) -> tuple[Figure, ...]:
    """The figures of a block, beside what is usual."""
    evaluation = context.engine.manifest.evaluation
    usual = (
        next((one for one in evaluation.blocks if one.block == block.name), None)
        if evaluation
        else None
    )
    here = block_metrics(block, context.forward.activations)
    found = []
    for row in _explained(text.symbols_of_block(block)) if block.identity else _WITHOUT_IDENTITY:
        value = row.read(here)
        if value is None:
            continue
        measured = row.read(usual) if usual else None
        found.append(
            Figure(
                row.name,
                row.tone,
                row.write(value),
                row.write(measured) if measured is not None else None,
                row.explanation,
            )
        )
    return tuple(found)


def in_a_sentence(figures: BlockMetrics, block: BlockInfo, *, off: bool) -> str:
    """A block's figures on one digit, in words."""
    names = text.symbols_of_block(block)
    if off:
        return text.when_off(block)
    direction = ""
    if figures.cosine is not None:
        direction = f" and {_direction(figures.cosine)} (cosine {fmt.cosine(figures.cosine)})"
    return (
        f"On this digit {names.f} is {fmt.number(figures.ratio)} times as large as "
        f"{names.x}{direction}. "
        f"ReLU then cuts {fmt.percent(figures.relu_zeroed)} of the sum."
    )


def _direction(cosine: float) -> str:
    if cosine > _ALONG:
        return "points along it"
    return "points against it" if cosine < -_ALONG else "points across it"


@dataclass(frozen=True)
class KernelFigure:
    """All kernels of one convolution of the block."""

    layer: str
    href: str
    picture: Picture
    alt: str


@dataclass(frozen=True)
class BlockPage(ViewPage):
    """A block.

    Attributes:
        name: of the block.
        formula: what it computes.
        explanation: the same in words.
        digit: what the network is given.
        back: the gallery, at this block's section.
        before: the block before, if any.
        after: the block after, if any.
        off: whether its branch is switched off.
        switch_words: whether it is, in a sentence.
        toggle: this page with the branch switched over; nothing where that cannot be.
        reading: what the network answers.
        all_on: this page with every block on.
        strip: the picture.
        rows: of the strip, top to bottom.
        alike: whether each row has every filter, so that a script can tell what is where.
        alt: what the strip shows.
        legend: of its colours.
        figures: in numbers, beside what is usual.
        digits: how many digits the usual is the mean of.
        paired: whether x and F(x) stand against each other filter by filter.
        gated: whether a gate weighs the two before they are added.
        symbols: what the two are called as they enter the sum.
        charts: of every filter, under its column of the strip.
        table: every filter in numbers.
        kernels: of its convolutions.
        compare: its output beside that of another digit.
        classic: this block among the pictures of 2016, where the network has them.
        lost: accuracy lost without the branch; nothing where it was not measured.
        away: what can be taken away.
    """

    template: ClassVar[str] = "block.html"

    name: str
    formula: str
    explanation: str
    digit: DigitCard
    back: str
    before: Neighbour | None
    after: Neighbour | None
    off: bool
    switch_words: str
    toggle: str | None
    reading: PredictionView
    all_on: str
    strip: ZoomedPicture
    rows: tuple[StripRow, ...]
    alike: bool
    alt: str
    legend: Legend
    figures: tuple[Figure, ...]
    digits: int
    paired: bool
    gated: bool
    symbols: Symbols
    charts: FilterCharts
    table: FilterTable
    kernels: tuple[KernelFigure, ...]
    compare: str
    classic: str | None
    lost: str | None
    away: Downloads


def block_page(context: PageContext, block: BlockInfo, order: Order, origin: str) -> BlockPage:
    """The page of a block, the table of its filters in the order asked for."""
    manifest, view, forward = context.engine.manifest, context.view, context.forward
    strip = block_table(forward, block, view.palette)
    found = filter_metrics(block, forward.activations)
    names = [one.name for one in manifest.blocks]
    at, off = names.index(block.name), block.name in view.scales.off
    return BlockPage(
        title=f"{block.name} in {manifest.title}",
        **vars(common.shell(context.services, view)),
        name=block.name,
        formula=text.formula(block),
        explanation=text.explain_block(block),
        digit=common.digit_card(context.stored),
        back=view.gallery(block.name),
        before=_neighbour(context, names, at - 1),
        after=_neighbour(context, names, at + 1),
        off=off,
        switch_words=_branch_state(block, view.scales.of(block.name)),
        toggle=view.with_block_toggled(block.name, manifest.disableable_blocks).block(block.name)
        if block.can_disable
        else None,
        reading=prediction_view(context.services, forward),
        all_on=view.all_on().block(block.name),
        strip=ZoomedPicture.of(view.block_maps(block.name), strip.geometry),
        rows=strip_rows(context, strip),
        alike=len({row.layer.shape for row in strip.rows}) == 1,
        alt=strip_alt(block, strip),
        legend=matrix_legend(strip),
        figures=metric_rows(context, block),
        digits=manifest.evaluation.digits if manifest.evaluation else 0,
        paired=any(one.cosine is not None for one in found),
        gated=block.gate is not None,
        symbols=text.symbols_of_block(block),
        charts=filter_charts(found, block, strip, view),
        table=filter_table(found, block, order, view),
        kernels=_kernels(context, block),
        compare=default_comparison_link(context, block.output),
        classic=f"{view.classic()}#{block.name}" if classic_blocks(manifest) else None,
        lost=_lost(context, block),
        away=of_block(view, block, origin),
    )


def _branch_state(block: BlockInfo, factor: float) -> str:
    if factor == 0:
        return text.when_off(block)
    state = "on" if factor == 1 else f"multiplied by {fmt.branch_factor(factor)}"
    return f"The branch is {state}."


def _neighbour(context: PageContext, names: list[str], at: int) -> Neighbour | None:
    inside = 0 <= at < len(names)
    return Neighbour(names[at], context.view.block(names[at])) if inside else None


def _kernels(context: PageContext, block: BlockInfo) -> tuple[KernelFigure, ...]:
    found = []
    for layer in context.engine.manifest.layers:
        if layer.block != block.name:
            continue
        picture = kernels_picture(context.engine, layer, context.view)
        if picture is not None:
            rows = fmt.pluralise(layer.filters, "filter")
            alt = f"Every kernel of {layer.name}: a row for each of its {rows}"
            found.append(KernelFigure(layer.name, context.view.layer(layer.name), picture, alt))
    return tuple(found)


def _lost(context: PageContext, block: BlockInfo) -> str | None:
    evaluation = context.engine.manifest.evaluation
    if evaluation is None:
        return None
    alone = (one for one in evaluation.ablations if one.off == (block.name,))
    return next((accuracy_drop(one.accuracy_drop) for one in alone), None)
