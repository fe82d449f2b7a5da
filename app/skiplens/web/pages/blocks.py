"""The blocks page: every block in order, early exits, gradients, filters across blocks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from skiplens.core.manifest import BlockInfo, BlockMetrics, Manifest
from skiplens.service.early_exits_and_votes import EarlyExit, early_exits, exits_by_row
from skiplens.service.feature_map_table import FeatureMapTable, stage_table, stages
from skiplens.service.registry import find_layer
from skiplens.web.links import Links
from skiplens.web.pages import fmt, text
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import MapFigure, Picture, table_legend, wider_pictures
from skiplens.web.pages.gradients import gradient_values
from skiplens.web.pages.network_page import NetworkPage
from skiplens.web.pages.prediction import LIKELIEST, MOST_CLASSES


def test_set_means(manifest: Manifest) -> dict[str, BlockMetrics]:
    """Mean metrics over the test set, by block; empty if not measured."""
    evaluation = manifest.evaluation
    return {mean.block: mean for mean in evaluation.blocks} if evaluation else {}


def ablated_accuracies(manifest: Manifest) -> dict[frozenset[str], tuple[str, str]]:
    """Test accuracy without some blocks, and how much lower that is; empty if not measured."""
    evaluation = manifest.evaluation
    if evaluation is None:
        return {}
    return {
        frozenset(found.off): (
            fmt.percent(found.correct / evaluation.digits),
            fmt.points(found.accuracy_drop),
        )
        for found in evaluation.ablations
    }


def _largest_norm(metrics: Iterable[BlockMetrics]) -> float:
    norms = (max(known.norm_x, known.norm_residual) for known in metrics)
    return max(norms, default=0.0) or 1.0


@dataclass(frozen=True)
class AblationCell:
    """Test accuracy without a block or a pair: texts, and shares of 0..100."""

    accuracy: str
    change: str
    left: float
    lost: float


def ablation_rows(manifest: Manifest) -> tuple[tuple[str, tuple[AblationCell, ...]], ...]:
    """Every block, with the accuracies without it and each block up to it; the last is without it
    alone. Empty if some pair was not measured.
    """
    evaluation, names = manifest.evaluation, manifest.disableable_blocks
    if evaluation is None or len(evaluation.ablations) < len(names) * (len(names) + 1) // 2:
        return ()
    texts = ablated_accuracies(manifest)
    found = {frozenset(ablation.off): ablation for ablation in evaluation.ablations}

    def cell(pair: frozenset[str]) -> AblationCell:
        left = fmt.bar(found[pair].correct / evaluation.digits)
        return AblationCell(*texts[pair], left, fmt.bar(max(found[pair].accuracy_drop, 0.0)))

    return tuple(
        (row, tuple(cell(frozenset((row, column))) for column in names[:at]))
        for at, row in enumerate(names, 1)
    )


_ROLES: Final = {"output": "Output", "residual": "F(x)", "gate": "Gate"}
_WIDER_ROOMS: Final = (1440, 1880)  # pixels: for a row of maps on the wide screens
_LARGEST_MAP: Final = 84  # pixels: the rows of 27 blocks stand one below the other


@dataclass(frozen=True, kw_only=True)
class StageFigure(MapFigure):
    """Every filter in all blocks of a stage."""

    blocks: tuple[str, ...]
    """Names of the blocks, one a row."""


def stage_figures(context: PageContext) -> tuple[StageFigure, ...]:
    """Outputs, residuals and gates of every stage."""
    return tuple(
        _stage_figure(context, number, role, title, stage)
        for number, stage in enumerate(stages(context.engine.manifest), 1)
        for role, title in _ROLES.items()
        if all(getattr(block, role) is not None for block in stage)
    )


def _stage_figure(
    context: PageContext, number: int, role: str, title: str, stage: Sequence[BlockInfo]
) -> StageFigure:
    links = context.links

    def drawn(zoom: int | None = None) -> tuple[FeatureMapTable, Picture]:
        table = stage_table(context.forward, number, role, links.options.palette, zoom)
        return table, Picture.of(links.stage_maps(number, role, zoom=zoom), table.layout)

    table, picture = drawn()
    zooms = (table.zoom_within(room, _LARGEST_MAP) for room in _WIDER_ROOMS)
    name = f"{title} of {_span([block.name for block in stage])}"
    columns = fmt.pluralise(table.layout.columns, table.rows[0].layer.filter_noun)
    return StageFigure(
        name=name,
        picture=picture,
        wider=wider_pictures(picture, zooms, lambda zoom: drawn(zoom)[1]),
        alt=f"{name} as rows, one column for each of {columns}",
        legend=table_legend(table),
        tone="residual" if role == "residual" else "",
        blocks=tuple(row.role for row in table.rows),
    )


def _span(blocks: Sequence[str]) -> str:
    """Consecutive blocks, in a heading: ``block1 to block6``."""
    first, *between, last = (blocks[0], *blocks)
    return f"{first} to {last}" if len(between) > 1 else fmt.join_and(blocks)


def blocks_page(context: PageContext, target: int | None, beside: str | None) -> NetworkPage:
    """The page of all blocks.

    The gradient is of the class ``target``, by default the predicted one, in this network and in
    the network ``beside``, by default its twin.

    Raises:
        InvalidParameterError: there is no such class.
        UnknownNetworkError: there is no such network.
    """
    manifest, links = context.engine.manifest, context.links
    found, means = context.forward.block_metrics, test_set_means(manifest)
    rows = exits_by_row(context.engine, context.forward)
    exits = early_exits(context.forward, context.engine.weights)
    values = {
        "classes": manifest.classes,
        "no_gradients": manifest.no_gradients,
        "step_chart": None,
        **gradient_values(context, target, beside),
        "residual": manifest.has_identity_paths,
        "rectified": any(block.rectified for block in manifest.blocks),
        "merge": _only_merge(manifest),
        "symbols": text.symbols_of_blocks(manifest.blocks),
        "sentence": describe_blocks(manifest, found, links.scales.off),
        "blocks": found,
        "means": means,
        "ablated": {
            block: texts
            for pair, texts in ablated_accuracies(manifest).items()
            for block in pair
            if len(pair) == 1
        },
        "trained_accuracy": manifest.test_accuracy,
        "largest_norm": _largest_norm([*found, *means.values()]),
        "digits": manifest.evaluation.digits if manifest.evaluation else 0,
        "stages": stage_figures(context),
        "filter_noun": _filter_noun(manifest),
        "early_exits": exits,
        "exit_classes": shown_classes(exits or rows),
        "row_exits": rows,
        "rows_text": describe_rows(rows, manifest.classes) if rows else "",
        "ablations": ablation_rows(manifest),
    }
    return NetworkPage(
        "blocks.html",
        f"Blocks · {manifest.title}",
        context,
        address=lambda other: other.blocks(target=target, beside=beside),
        elsewhere=Links.blocks,
        part="Blocks",
        values=values,
    )


def shown_classes(exits: Sequence[EarlyExit]) -> tuple[int, ...]:
    """The classes that a table of exits has a column for: of very many, those that the last exits
    hold most probable.
    """
    if not exits or len(exits[-1].probabilities) <= MOST_CLASSES:
        return tuple(range(len(exits[-1].probabilities))) if exits else ()
    last = exits[-1].probabilities
    return tuple(sorted(np.argsort(-last)[:LIKELIEST].tolist()))


def _filter_noun(manifest: Manifest) -> str:
    """What a filter of the blocks is called: a ``unit`` if none of them has filters."""
    outputs = (find_layer(manifest, block.output) for block in manifest.blocks)
    return "unit" if {layer.filter_noun for layer in outputs} == {"unit"} else "filter"


def _only_merge(manifest: Manifest) -> str | None:
    """How all blocks merge x and F(x); ``None`` if they differ, or do not."""
    merges = {block.merge for block in manifest.blocks}
    return merges.pop() if len(merges) == 1 else None


def describe_blocks(manifest: Manifest, found: Sequence[BlockMetrics], off: Sequence[str]) -> str:
    """How large F(x) is beside x in the blocks that are on, here and over the test set."""
    names = text.symbols_of_blocks(manifest.blocks)
    if not manifest.blocks:
        return "This network has no blocks: no two of its paths merge as x and F(x)."
    if not manifest.has_identity_paths:
        return (
            "This network has no identity paths: what a block computes is all that the next gets."
        )
    if all(metrics.block in off for metrics in found):
        return (
            "Every branch is switched off: the identity path runs from end to end, and nothing is "
            "added."
        )
    times = f"times as large as {names.x}"
    on = _by_block(metrics for metrics in found if metrics.block not in off)
    if not on:
        return (
            "The blocks that are on multiply x by F(x): a factor cannot be compared with x in size."
        )
    if len(on) == 1:
        ((block, ratio),) = on.items()
        return f"On this {manifest.noun} {names.f} is {fmt.number(ratio)} {times} in {block}."
    where = " in the blocks that are on" if off else ""
    usual = _by_block(test_set_means(manifest).values())
    mean = f"; on average over the test set, {_ratios(usual)} times" if usual else ""
    return f"On this {manifest.noun} {names.f} is {_ratios(on)} {times}{where}{mean}."


def describe_rows(exits: Sequence[EarlyExit], classes: Sequence[str]) -> str:
    """From which row on a network says what it says at the end, in a sentence."""
    labels = [int(exit_.probabilities.argmax()) for exit_ in exits]
    said = classes[labels[-1]]
    changes = [at for at, label in enumerate(labels) if label != labels[-1]]
    if not changes:
        return f"It says {said} from the first row on."
    if changes[-1] + 2 == len(labels):
        return f"It says {said} only once it has the last row."
    return f"After row {changes[-1] + 1} it says {said}, and keeps to it."


def _by_block(found: Iterable[BlockMetrics]) -> dict[str, float]:
    """The ratio of each block that has one."""
    return {metrics.block: metrics.ratio for metrics in found if metrics.ratio is not None}


def _ratios(found: Mapping[str, float]) -> str:
    """The smallest and the largest ratio, and their blocks."""
    smallest, largest = (pick(found, key=lambda block: found[block]) for pick in (min, max))
    return (
        f"between {fmt.number(found[smallest])} ({smallest}) and "
        f"{fmt.number(found[largest])} ({largest})"
    )
