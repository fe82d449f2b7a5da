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
from skiplens.web.pages.charts import describe_gradients, gradient_chart
from skiplens.web.pages.common import (
    SelectOption,
    ViewPage,
    prediction_view,
)
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import Legend, Picture, table_legend
from skiplens.web.pages.text import Symbols


@dataclass(frozen=True)
class BlockRow:
    """A block's metrics, and their means over the test set, if known."""

    name: str
    href: str
    off: bool
    metrics: BlockMetrics
    mean: BlockMetrics | None
    cosine: str | None
    accuracy_drop: str | None


@dataclass(frozen=True)
class GradientRow:
    """The gradient at one block's input. Bars are 0..100, on one scale."""

    name: str
    total: float
    identity: float | None
    residual: float
    norms: tuple[str, ...]
    """Of the total and, with an identity path, of each part."""
    cosine: str | None
    beside: str | None
    """Norm of the total in the network that is compared."""


@dataclass(frozen=True)
class AblationCell:
    """Accuracy drop with two blocks off, or with one, on the diagonal."""

    text: str
    bar: float


def block_rows(context: PageContext, found: Sequence[BlockMetrics]) -> tuple[BlockRow, ...]:
    """The metrics of every block."""
    evaluation, links = context.engine.manifest.evaluation, context.links
    means = {mean.block: mean for mean in evaluation.blocks} if evaluation else {}
    ablations = evaluation.ablations if evaluation else ()
    drops = {ablation.off: describe_accuracy_drop(ablation.accuracy_drop) for ablation in ablations}
    return tuple(
        BlockRow(
            name=block.block,
            href=links.block(block.block),
            off=block.block in links.scales.off,
            metrics=block,
            mean=means.get(block.block),
            cosine=None if block.cosine is None else fmt.cosine(block.cosine),
            accuracy_drop=drops.get((block.block,)),
        )
        for block in found
    )


def _largest_norm(rows: Sequence[BlockRow]) -> float:
    metrics = [known for row in rows for known in (row.metrics, row.mean) if known]
    return max(max(known.norm_x, known.norm_residual) for known in metrics) or 1.0


def gradient_rows(
    computed: GradientByPath, beside: GradientByPath | None
) -> tuple[GradientRow, ...]:
    """The gradient at every block's input, by path, and its total in another network."""
    others = {block.block: fmt.number(block.total) for block in beside.blocks} if beside else {}
    parts = {
        block.block: [
            part for part in (block.total, block.identity, block.residual) if part is not None
        ]
        for block in computed.blocks
    }
    largest = max(map(max, parts.values())) or 1.0
    return tuple(
        GradientRow(
            name=block.block,
            total=fmt.bar(block.total, largest),
            identity=None if block.identity is None else fmt.bar(block.identity, largest),
            residual=fmt.bar(block.residual, largest),
            norms=tuple(
                fmt.number(norm)
                for norm in (parts[block.block] if block.identity is not None else [block.total])
            ),
            cosine=None if block.cosine is None else fmt.cosine(block.cosine),
            beside=others.get(block.block),
        )
        for block in computed.blocks
    )


def ablation_rows(context: PageContext) -> tuple[tuple[str, tuple[AblationCell, ...]], ...]:
    """Accuracy drop with each pair of blocks off; empty if not measured."""
    evaluation = context.engine.manifest.evaluation
    names = context.engine.manifest.disableable_blocks
    if evaluation is None or len(evaluation.ablations) < len(names) * (len(names) + 1) // 2:
        return ()
    drops = {frozenset(ablation.off): ablation.accuracy_drop for ablation in evaluation.ablations}
    return tuple(
        (
            row,
            tuple(
                AblationCell(describe_accuracy_drop(drop), fmt.bar(max(drop, 0.0)))
                for drop in (drops[frozenset((row, column))] for column in names)
            ),
        )
        for row in names
    )


def describe_accuracy_drop(drop: float) -> str:
    """A share of the test digits; a negative one is a gain."""
    return f"{fmt.MINUS}{fmt.percent(-drop)} (gain)" if drop < 0 else fmt.percent(drop)


_ROLES: Final = {"output": "Output", "residual": "F(x)", "gate": "Gate"}


@dataclass(frozen=True)
class StageFigure:
    """Every filter in all blocks of a stage; ``rows`` are the blocks."""

    title: str
    tone: str
    rows: tuple[str, ...]
    picture: Picture
    alt: str
    legend: Legend


@dataclass(frozen=True)
class EarlyExitRow:
    """The head's prediction at one depth: each class's bar of 0..100, and its text."""

    after: str
    label: str
    share: str
    bars: tuple[tuple[str, float, str], ...]


def stage_figures(context: PageContext) -> tuple[StageFigure, ...]:
    """Outputs, residuals and gates of every stage."""
    found = []
    for number, stage in enumerate(stages(context.engine.manifest), 1):
        names = fmt.join_and([block.name for block in stage])
        for role, title in _ROLES.items():
            if any(getattr(block, role) is None for block in stage):
                continue
            table = stage_table(context.forward, number, role, context.links.palette)
            columns = fmt.pluralise(table.geometry.columns, "filter")
            found.append(
                StageFigure(
                    title=f"{title} of {names}",
                    tone="residual" if role == "residual" else "",
                    rows=tuple(row.role for row in table.rows),
                    picture=Picture.of(context.links.stage_maps(number, role), table.geometry),
                    alt=f"{title} of {names} as rows, one column for each of {columns}",
                    legend=table_legend(table),
                )
            )
    return tuple(found)


def early_exit_rows(context: PageContext) -> tuple[EarlyExitRow, ...]:
    """The head's prediction after each layer of the last one's shape."""
    classes = context.engine.manifest.classes
    rows = []
    for early_exit in early_exits(context.forward, context.engine.weights):
        shares = [float(share) for share in early_exit.probabilities]
        best = max(range(len(shares)), key=shares.__getitem__)
        bars = tuple(
            (label, fmt.bar(share), fmt.percent(share))
            for label, share in zip(classes, shares, strict=True)
        )
        rows.append(EarlyExitRow(early_exit.after, classes[best], fmt.percent(shares[best]), bars))
    return tuple(rows)


class DepthPage(ViewPage):
    """All blocks of a network on one digit."""

    template: ClassVar[str] = "depth.html"


def depth_page(context: PageContext, target: int | None, beside: str | None) -> DepthPage:
    """The page of all blocks.

    Args:
        context: what it is about.
        target: index of the class that the gradient is of, the predicted one by default.
        beside: id of another network, whose gradient is drawn too.

    Raises:
        InvalidParameterError: there is no such class.
        UnknownNetworkError: there is no such network.
    """
    manifest, links = context.engine.manifest, context.links
    found = all_block_metrics(context.forward)
    blocks = block_rows(context, found)
    gradients = gradient_by_path(context.engine, context.forward, target)
    other = None if beside is None else _gradients_in(context, beside, gradients.target)
    residual = any(block.identity for block in manifest.blocks)
    merges = {block.merge for block in manifest.blocks}
    symbols = text.symbols_of_blocks(manifest.blocks)
    return DepthPage(
        f"Depth of {manifest.title}",
        context.services,
        links,
        {
            "digit": common.digit_card(context.stored),
            "residual": residual,
            "merge": merges.pop() if len(merges) == 1 else None,
            "symbols": symbols,
            "sentence": describe_depth(found, links.scales.off, symbols) if residual else _PLAIN,
            "blocks": blocks,
            "largest_norm": _largest_norm(blocks),
            "digits": manifest.evaluation.digits if manifest.evaluation else 0,
            "prediction": prediction_view(context.services, context.forward),
            "all_on": links.all_on().depth(),
            "target": manifest.classes[gradients.target],
            "targets": tuple(
                SelectOption(str(at), label, at == gradients.target)
                for at, label in enumerate(manifest.classes)
            ),
            "others": _others(context, beside),
            "beside": other[0] if other else None,
            "chart": gradient_chart(manifest.title, gradients, other),
            "gradient_text": describe_gradients(
                [(manifest.title, gradients), *([other] if other else [])]
            ),
            "gradients": gradient_rows(gradients, other[1] if other else None),
            "stages": stage_figures(context),
            "early_exits": early_exit_rows(context),
            "ablations": ablation_rows(context),
        },
    )


def _gradients_in(context: PageContext, network: str, target: int) -> tuple[str, GradientByPath]:
    """Another network's title, and its gradient for the same digit and class."""
    engine = context.services.registry.network(network)
    scales = context.links.with_network(engine.manifest).scales
    forward = context.services.runner.run(engine, context.stored.digit, scales)
    return engine.manifest.title, gradient_by_path(engine, forward, target)


def _others(context: PageContext, beside: str | None) -> tuple[SelectOption, ...]:
    manifests = [engine.manifest for engine in context.services.registry.networks]
    return tuple(
        SelectOption(manifest.id, manifest.title, manifest.id == beside)
        for manifest in manifests
        if manifest.id != context.engine.manifest.id
    )


_PLAIN: Final = "This network has no identity paths: every block computes its output from scratch."


def describe_depth(found: Sequence[BlockMetrics], off: Sequence[str], names: Symbols) -> str:
    """Which of the blocks that are on refine and which replace their input."""
    on = [block for block in found if block.block not in off]
    if not on:
        return (
            "Every branch is switched off: the identity path runs from end to end, and nothing is "
            "added."
        )
    refining = [block.block for block in on if block.ratio < 1]
    smallest = min(on, key=lambda block: block.ratio)
    extent = f"{names.f} is {fmt.number(smallest.ratio)} times as large as {names.x}"
    if len(on) == 1 and not refining:
        return f"On this digit {smallest.block} replaces its input: {extent} there."
    if not refining:
        return (
            f"On this digit {names.f} is larger than {names.x} in every block"
            f"{' that is on' if off else ''}: they replace their input more than they "
            f"refine it. The smallest change is by {smallest.block}, where {extent}."
        )
    if len(refining) == 1:
        only = "only " if len(on) > 1 else ""
        return f"On this digit {only}{smallest.block} refines its input: {extent} there."
    return (
        f"On this digit {fmt.join_and(refining)} refine their input: {names.f} is "
        f"smaller than {names.x} there. The smallest change is by {smallest.block}, where {extent}."
    )
