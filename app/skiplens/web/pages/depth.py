"""The depth page: every block in order, early exits, gradients, filters across blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from skiplens.core.manifest import BlockMetrics
from skiplens.service.analysis import (
    GradientByPath,
    all_block_metrics,
    early_exits,
    gradient_by_path,
)
from skiplens.service.images import stage_table, stages
from skiplens.web.pages import common, text
from skiplens.web.pages import format as fmt
from skiplens.web.pages.charts import GradientChart, gradient_chart, in_words
from skiplens.web.pages.common import DigitCard, PredictionView, ViewPage, prediction_view
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import Legend, Picture, matrix_legend
from skiplens.web.pages.text import Symbols

BAR: Final = 100.0


@dataclass(frozen=True)
class BlockRow:
    """A block's figures, one row of the depth chart. Bars are 0..100, all on one scale.

    Attributes:
        name: of the block.
        href: its page.
        off: whether its branch is switched off.
        identity: bar of the norm of the identity as it enters the sum.
        residual: bar of the norm of the residual as it enters the sum.
        usual_identity: where the first usually ends; nothing where it was not measured.
        usual_residual: where the second usually ends.
        norm_x: as text.
        norm_residual: as text.
        ratio: of the second norm over the first, as text.
        mean_ratio: as text; nothing where it was not measured.
        cosine: as text; nothing without an identity path.
        relu_zeroed: as text.
        lost: accuracy lost over the test digits without the block, as text.
    """

    name: str
    href: str
    off: bool
    identity: float
    residual: float
    usual_identity: float | None
    usual_residual: float | None
    norm_x: str
    norm_residual: str
    ratio: str
    mean_ratio: str | None
    cosine: str | None
    relu_zeroed: str
    lost: str | None


@dataclass(frozen=True)
class GradientRow:
    """The gradient at one block's input. Bars are 0..100, all on one scale.

    Attributes:
        name: of the block.
        total: bar of the whole gradient's norm.
        identity: bar of the part through the identity; nothing without an identity path.
        residual: bar of the part through F.
        norms: of the whole, and, where there are two routes, of each part, as text.
        cosine: of the two parts, as text; nothing without an identity path.
        beside: norm of the whole in the network beside, as text; nothing where there is none.
    """

    name: str
    total: float
    identity: float | None
    residual: float
    norms: tuple[str, ...]
    cosine: str | None
    beside: str | None


@dataclass(frozen=True)
class AblationCell:
    """Accuracy lost with two blocks off, or with one, on the diagonal."""

    text: str
    bar: float


def block_rows(context: PageContext, found: Sequence[BlockMetrics]) -> tuple[BlockRow, ...]:
    """The figures of every block."""
    manifest, view = context.engine.manifest, context.view
    evaluation = manifest.evaluation
    usual = {one.block: one for one in evaluation.blocks} if evaluation else {}
    lost = {one.off: one.accuracy_drop for one in evaluation.ablations} if evaluation else {}
    measured: list[BlockMetrics] = [*found, *usual.values()]
    norms = [norm for one in measured for norm in (one.norm_x, one.norm_residual)]
    largest = max(norms) or 1.0
    rows = []
    for one in found:
        known: BlockMetrics | None = usual.get(one.block)
        rows.append(
            BlockRow(
                name=one.block,
                href=view.block(one.block),
                off=one.block in view.scales.off,
                identity=bar(one.norm_x, largest),
                residual=bar(one.norm_residual, largest),
                usual_identity=bar(known.norm_x, largest) if known else None,
                usual_residual=bar(known.norm_residual, largest) if known else None,
                norm_x=fmt.number(one.norm_x),
                norm_residual=fmt.number(one.norm_residual),
                ratio=fmt.number(one.ratio),
                mean_ratio=fmt.number(known.ratio) if known else None,
                cosine=None if one.cosine is None else fmt.cosine(one.cosine),
                relu_zeroed=fmt.percent(one.relu_zeroed),
                lost=accuracy_drop(lost[(one.block,)]) if (one.block,) in lost else None,
            )
        )
    return tuple(rows)


def flow_rows(computed: GradientByPath, beside: GradientByPath | None) -> tuple[GradientRow, ...]:
    """The gradient at every block's input, by route, and in all in another network."""
    others = {one.block: fmt.number(one.total) for one in beside.blocks} if beside else {}
    parts = [part for one in computed.blocks for part in (one.total, one.identity, one.residual)]
    largest = max(part for part in parts if part is not None) or 1.0
    rows = []
    for one in computed.blocks:
        norms = [one.total] if one.identity is None else [one.total, one.identity, one.residual]
        rows.append(
            GradientRow(
                name=one.block,
                total=bar(one.total, largest),
                identity=None if one.identity is None else bar(one.identity, largest),
                residual=bar(one.residual, largest),
                norms=tuple(fmt.number(norm) for norm in norms),
                cosine=None if one.cosine is None else fmt.cosine(one.cosine),
                beside=others.get(one.block),
            )
        )
    return tuple(rows)


def lesion_rows(context: PageContext) -> tuple[tuple[str, tuple[AblationCell, ...]], ...]:
    """What is lost with each pair of blocks off; empty where it was not measured."""
    evaluation = context.engine.manifest.evaluation
    names = context.engine.manifest.disableable_blocks
    if evaluation is None or len(evaluation.ablations) < len(names) * (len(names) + 1) // 2:
        return ()
    lost = {frozenset(one.off): one.accuracy_drop for one in evaluation.ablations}
    return tuple(
        (
            row,
            tuple(
                AblationCell(accuracy_drop(share), bar(max(share, 0.0), 1.0))
                for share in (lost[frozenset((row, column))] for column in names)
            ),
        )
        for row in names
    )


def bar(value: float, largest: float) -> float:
    """A bar of 0..100."""
    return round(BAR * value / largest, 2)


def accuracy_drop(lost: float) -> str:
    """A share of the test digits that was lost; says so where it was gained instead."""
    return f"{fmt.MINUS}{fmt.percent(-lost)} (gained)" if lost < 0 else fmt.percent(lost)


_ROLES: Final = ("output", "residual", "gate")
_PARTS: Final = {"output": "Output", "residual": "F(x)", "gate": "Gate"}


@dataclass(frozen=True)
class StageFigure:
    """Every filter followed through a run of blocks.

    Attributes:
        title: which blocks, and which part of them.
        tone: ``residual`` or nothing.
        rows: what each row is.
        picture: the matrix.
        alt: what it shows.
        legend: of its colours.
    """

    title: str
    tone: str
    rows: tuple[str, ...]
    picture: Picture
    alt: str
    legend: Legend


@dataclass(frozen=True)
class EarlyExitRow:
    """The head's answer at one depth: each class's probability as a bar of 0..100 and as text."""

    after: str
    label: str
    share: str
    bars: tuple[tuple[str, float, str], ...]


def stream_figures(context: PageContext) -> tuple[StageFigure, ...]:
    """Outputs, residuals and gates of every run of blocks of one shape."""
    manifest, view = context.engine.manifest, context.view
    found = []
    for number, run in enumerate(stages(manifest), 1):
        names = fmt.join_and([block.name for block in run])
        for role in _ROLES:
            if any(getattr(block, role) is None for block in run):
                continue
            matrix = stage_table(context.forward, number, role, view.palette)
            columns = fmt.pluralise(matrix.geometry.columns, "filter")
            picture = Picture(
                view.stage_maps(number, role), matrix.geometry.width, matrix.geometry.height
            )
            found.append(
                StageFigure(
                    title=f"{_PARTS[role]} of {names}",
                    tone="residual" if role == "residual" else "",
                    rows=tuple(row.role for row in matrix.rows),
                    picture=picture,
                    alt=f"{_PARTS[role]} of {names} as rows, one column for each of {columns}",
                    legend=matrix_legend(matrix),
                )
            )
    return tuple(found)


def readout_rows(context: PageContext) -> tuple[EarlyExitRow, ...]:
    """The head's answer wherever it can be put."""
    classes = context.engine.manifest.classes
    rows = []
    for one in early_exits(context.forward, context.engine.weights):
        shares = [float(share) for share in one.probabilities]
        best = max(range(len(shares)), key=shares.__getitem__)
        bars = tuple(
            (label, bar(share, 1.0), fmt.percent(share))
            for label, share in zip(classes, shares, strict=True)
        )
        rows.append(EarlyExitRow(one.after, classes[best], fmt.percent(shares[best]), bars))
    return tuple(rows)


@dataclass(frozen=True)
class Target:
    """A class, or a network, to choose: its value in the query, its name, whether it is chosen."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True)
class DepthPage(ViewPage):
    """What happens over the depth.

    Attributes:
        digit: what the network is given.
        back: the gallery.
        residual: whether there are identity paths.
        merge: how every block makes one of the two; nothing where they differ.
        symbols: what the two are called as they enter the sum.
        sentence: what the chart shows, in words.
        blocks: one row each.
        digits: how many digits the usual is the mean of; 0 where it was not measured.
        reading: what the network answers.
        all_on: the page with every block on.
        target: label of the class that the flow is for.
        targets: to choose from.
        others: networks whose flow can be drawn beside this one's.
        beside: title of the one that is; nothing where none is.
        chart: the flow over depth; nothing where there is no gradient at all.
        flow_words: what becomes of it.
        flow: one row a block.
        streams: filters followed through the depth.
        early_exits: the head's answers.
        ablations: names of the blocks and a square of what is lost; empty where not measured.
    """

    template: ClassVar[str] = "depth.html"

    digit: DigitCard
    back: str
    residual: bool
    merge: str | None
    symbols: Symbols
    sentence: str
    blocks: tuple[BlockRow, ...]
    digits: int
    reading: PredictionView
    all_on: str
    target: str
    targets: tuple[Target, ...]
    others: tuple[Target, ...]
    beside: str | None
    chart: GradientChart | None
    flow_words: str
    flow: tuple[GradientRow, ...]
    streams: tuple[StageFigure, ...]
    early_exits: tuple[EarlyExitRow, ...]
    ablations: tuple[tuple[str, tuple[AblationCell, ...]], ...]


def depth_page(context: PageContext, target: int | None, beside: str | None) -> DepthPage:
    """The page of the depth.

    Args:
        context: what it is about.
        target: index of the class that the flow is for, the predicted one by default.
        beside: id of another network, whose flow is drawn beside this one's.

    Raises:
        InvalidParameterError: there is no such class.
        UnknownNetworkError: there is no such network.
    """
    manifest, view = context.engine.manifest, context.view
    found = all_block_metrics(context.forward)
    gradients = gradient_by_path(context.engine, context.forward, target)
    other = None if beside is None else _flow_in(context, beside, gradients.target)
    flows = [(manifest.title, gradients), *([other] if other else [])]
    residual = any(block.identity for block in manifest.blocks)
    merges = {block.merge for block in manifest.blocks}
    names = text.of_blocks(manifest.blocks)
    return DepthPage(
        title=f"Depth of {manifest.title}",
        **vars(common.shell(context.services, view)),
        digit=common.digit_card(context.stored),
        back=view.gallery(),
        residual=residual,
        merge=merges.pop() if len(merges) == 1 else None,
        symbols=names,
        sentence=sentence(found, view.scales.off, names) if residual else _PLAIN,
        blocks=block_rows(context, found),
        digits=manifest.evaluation.digits if manifest.evaluation else 0,
        reading=prediction_view(context.services, context.forward),
        all_on=view.all_on().depth(),
        target=manifest.classes[gradients.target],
        targets=tuple(
            Target(str(at), label, at == gradients.target)
            for at, label in enumerate(manifest.classes)
        ),
        others=_others(context, beside),
        beside=other[0] if other else None,
        chart=gradient_chart(manifest.title, gradients, other),
        flow_words=in_words(flows),
        flow=flow_rows(gradients, other[1] if other else None),
        streams=stream_figures(context),
        early_exits=readout_rows(context),
        ablations=lesion_rows(context),
    )


def _flow_in(context: PageContext, network: str, target: int) -> tuple[str, GradientByPath]:
    """Another network's title, and its flow for the same digit and class."""
    engine = context.services.registry.network(network)
    scales = context.view.with_network(engine.manifest).scales
    forward = context.services.runner.run(engine, context.stored.digit, scales)
    return engine.manifest.title, gradient_by_path(engine, forward, target)


def _others(context: PageContext, beside: str | None) -> tuple[Target, ...]:
    manifests = [engine.manifest for engine in context.services.registry.networks]
    return tuple(
        Target(one.id, one.title, one.id == beside)
        for one in manifests
        if one.id != context.engine.manifest.id
    )


_PLAIN: Final = (
    "This network has no identity paths: every block makes its output anew, and there is nothing "
    "to fall back on."
)


def sentence(found: Sequence[BlockMetrics], off: Sequence[str], names: Symbols) -> str:
    """Which of the blocks that are on refine and which rewrite what they are given."""
    on = [one for one in found if one.block not in off]
    if not on:
        return (
            "Every branch is switched off: the identity runs from end to end, and nothing is added."
        )
    refining = [one.block for one in on if one.ratio < 1]
    gentlest = min(on, key=lambda one: one.ratio)
    extent = f"{names.f} is {fmt.number(gentlest.ratio)} times as large as {names.x}"
    if len(on) == 1 and not refining:
        return f"On this digit {gentlest.block} rewrites what it is given: {extent} there."
    if not refining:
        return (
            f"On this digit {names.f} is larger than {names.x} in every block"
            f"{' that is on' if off else ''}: they rewrite what they are given more than they "
            f"refine it. The gentlest is {gentlest.block}, where {extent}."
        )
    if len(refining) == 1:
        only = "only " if len(on) > 1 else ""
        return f"On this digit {only}{gentlest.block} refines what it is given: {extent} there."
    return (
        f"On this digit {fmt.join_and(refining)} refine what they are given: {names.f} is "
        f"smaller than {names.x} there. The gentlest is {gentlest.block}, where {extent}."
    )
