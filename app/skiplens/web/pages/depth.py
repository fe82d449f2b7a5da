"""The depth page: every block in order, early exits, gradients, filters across blocks."""

from collections.abc import Iterable, Sequence
from typing import Final

from skiplens.core.manifest import BlockMetrics, Manifest
from skiplens.service.analysis import (
    GradientByPath,
    all_block_metrics,
    early_exits,
    gradient_by_path,
)
from skiplens.service.images import stage_table, stages
from skiplens.web.pages import format as fmt
from skiplens.web.pages import text
from skiplens.web.pages.charts import describe_gradients, gradient_chart
from skiplens.web.pages.common import ViewPage, digit_page, prediction_view
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import MapFigure, Picture, table_legend
from skiplens.web.pages.text import Symbols


def test_set_means(manifest: Manifest) -> dict[str, BlockMetrics]:
    """Mean metrics over the test set, by block; empty if not measured."""
    evaluation = manifest.evaluation
    return {mean.block: mean for mean in evaluation.blocks} if evaluation else {}


def accuracy_drops(manifest: Manifest) -> dict[tuple[str, ...], str]:
    """Accuracy drops by the blocks that are off; empty if not measured."""
    ablations = manifest.evaluation.ablations if manifest.evaluation else ()
    return {found.off: describe_accuracy_drop(found.accuracy_drop) for found in ablations}


def _largest_norm(metrics: Iterable[BlockMetrics]) -> float:
    return max(max(known.norm_x, known.norm_residual) for known in metrics) or 1.0


def _largest_gradient(found: GradientByPath) -> float:
    return max(max(row.total, row.identity or 0.0, row.residual) for row in found.blocks) or 1.0


def ablation_rows(manifest: Manifest) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    """Accuracy drop with each pair of blocks off, or with one, on the diagonal.

    Text and bar of 0..100 for each; empty if not measured.
    """
    evaluation, names = manifest.evaluation, manifest.disableable_blocks
    if evaluation is None or len(evaluation.ablations) < len(names) * (len(names) + 1) // 2:
        return ()
    drops = {frozenset(ablation.off): ablation.accuracy_drop for ablation in evaluation.ablations}

    def cell(pair: frozenset[str]) -> tuple[str, float]:
        return describe_accuracy_drop(drops[pair]), fmt.bar(max(drops[pair], 0.0))

    return tuple((row, tuple(cell(frozenset((row, column))) for column in names)) for row in names)


def describe_accuracy_drop(drop: float) -> str:
    """A share of the test digits; a negative one is a gain."""
    return f"{fmt.MINUS}{fmt.percent(-drop)} (gain)" if drop < 0 else fmt.percent(drop)


_ROLES: Final = {"output": "Output", "residual": "F(x)", "gate": "Gate"}


def stage_figures(context: PageContext) -> tuple[tuple[MapFigure, tuple[str, ...]], ...]:
    """Outputs, residuals and gates of every stage: every filter in all blocks, and their names."""
    found = []
    for number, stage in enumerate(stages(context.engine.manifest), 1):
        names = fmt.join_and([block.name for block in stage])
        for role, title in _ROLES.items():
            if any(getattr(block, role) is None for block in stage):
                continue
            table = stage_table(context.forward, number, role, context.links.palette)
            columns = fmt.pluralise(table.geometry.columns, "filter")
            found.append(
                (
                    MapFigure(
                        name=f"{title} of {names}",
                        picture=Picture.of(context.links.stage_maps(number, role), table.geometry),
                        alt=f"{title} of {names} as rows, one column for each of {columns}",
                        legend=table_legend(table),
                        tone="residual" if role == "residual" else "",
                    ),
                    tuple(row.role for row in table.rows),
                )
            )
    return tuple(found)


def depth_page(context: PageContext, target: int | None, beside: str | None) -> ViewPage:
    """The page of all blocks.

    The gradient is of the class ``target``, by default the predicted one, in this network and in
    the network ``beside``.

    Raises:
        InvalidParameterError: there is no such class.
        UnknownNetworkError: there is no such network.
    """
    manifest, links = context.engine.manifest, context.links
    found = all_block_metrics(context.forward)
    means = test_set_means(manifest)
    gradients = gradient_by_path(context.engine, context.forward, target)
    other = None if beside is None else _gradients_in(context, beside, gradients.target)
    residual = any(block.identity for block in manifest.blocks)
    merges = {block.merge for block in manifest.blocks}
    symbols = text.symbols_of_blocks(manifest.blocks)
    values = {
        "residual": residual,
        "merge": merges.pop() if len(merges) == 1 else None,
        "symbols": symbols,
        "sentence": describe_depth(found, links.scales.off, symbols) if residual else _PLAIN,
        "blocks": found,
        "means": means,
        "drops": accuracy_drops(manifest),
        "largest_norm": _largest_norm([*found, *means.values()]),
        "digits": manifest.evaluation.digits if manifest.evaluation else 0,
        "prediction": prediction_view(context.services, context.forward),
        "all_on": links.all_on().depth(),
        "target": gradients.target,
        "classes": manifest.classes,
        "others": tuple(
            engine.manifest
            for engine in context.services.registry.networks
            if engine.manifest.id != manifest.id
        ),
        "beside": beside,
        "beside_title": other[0] if other else None,
        "chart": gradient_chart(manifest.title, gradients, other),
        "gradient_text": describe_gradients(
            [(manifest.title, gradients), *([other] if other else [])]
        ),
        "gradients": gradients.blocks,
        "largest_gradient": _largest_gradient(gradients),
        "beside_totals": {row.block: row.total for row in other[1].blocks} if other else {},
        "stages": stage_figures(context),
        "early_exits": early_exits(context.forward, context.engine.weights),
        "ablations": ablation_rows(manifest),
    }
    return digit_page(context, "depth.html", f"Depth of {manifest.title}", values)


def _gradients_in(context: PageContext, network: str, target: int) -> tuple[str, GradientByPath]:
    """Another network's title, and its gradient for the same digit and class."""
    engine = context.services.registry.network(network)
    scales = context.links.with_network(engine.manifest).scales
    forward = context.services.runner.run(engine, context.stored.digit, scales)
    return engine.manifest.title, gradient_by_path(engine, forward, target)


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
