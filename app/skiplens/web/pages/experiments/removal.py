"""Experiment: what is left of the answer when blocks are removed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

import numpy as np
from fastapi import Query, Response
from pydantic import TypeAdapter

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.experiment_results import MeasuredExperiment
from skiplens.core.manifest import Manifest
from skiplens.engine.base import Array, Engine
from skiplens.service.experiment_results import ExperimentResults
from skiplens.service.forward import ForwardPass, predict
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.links import Links
from skiplens.web.pages import fmt
from skiplens.web.pages.charts import (
    Axis,
    LineChart,
    Mark,
    Point,
    Series,
    count_axis,
    line_chart,
    series_path,
    share_axis,
)
from skiplens.web.pages.experiments.experiment_page import (
    Experiment,
    ExperimentContextDep,
    LiveDrawing,
    experiment_view,
    measured_accuracy,
    measured_beside,
    page_about,
    point_with_spread,
    router,
)
from skiplens.web.pages.templating import RespondDep

MOST_FOR_SUBSETS: Final = 6  # blocks: 64 sets of them
_MAX_SHUFFLE: Final = 999
Shuffle = Annotated[
    int,
    Query(alias="draw", ge=0, le=_MAX_SHUFFLE, description="names a random order of the blocks"),
]
_SHUFFLE: Final = TypeAdapter[int](Shuffle)


def shuffled_blocks(manifest: Manifest, shuffle: int) -> tuple[str, ...]:
    """The blocks that can be switched off, in a random order that ``shuffle`` names."""
    names = manifest.disableable_blocks
    order = np.random.default_rng(shuffle).permutation(len(names))
    return tuple(names[at] for at in order)


def _all_sets(blocks: Sequence[str]) -> list[tuple[str, ...]]:
    """Every set of the blocks; neighbours differ in one block, as in a Gray code."""
    sets: list[tuple[str, ...]] = [()]
    for block in blocks:
        sets += [(*other, block) for other in reversed(sets)]
    return sets


def _table_of_sets(blocks: Sequence[str]) -> list[list[tuple[str, ...]]]:
    """Every set of the blocks: those of the later half by row, of the earlier half by column."""
    half = (len(blocks) + 1) // 2
    columns = _all_sets(blocks[:half])
    return [[(*column, *row) for column in columns] for row in _all_sets(blocks[half:])]


def _removal_path(engine: Engine, forward: ForwardPass, shuffle: int) -> tuple[int, Array]:
    """The class predicted as trained, and its probability with 0, 1, ... blocks removed."""
    order = shuffled_blocks(engine.manifest, shuffle)
    removed = [order[:count] for count in range(len(order) + 1)]
    found = predict(engine, forward.digit, [engine.manifest.scaled(off) for off in removed])
    label = int(found[0].argmax())
    return label, found[:, label]


def path_chart(engine: Engine, forward: ForwardPass, shuffle: int) -> LineChart | None:
    """The probability of the predicted class as one block after the other is removed."""
    count = len(engine.manifest.disableable_blocks)
    if not count:
        return None
    label, shares = _removal_path(engine, forward, shuffle)
    points = tuple(
        Point(
            at, float(share), f"{fmt.pluralise(at, 'block')} removed: {fmt.percent(float(share))}"
        )
        for at, share in enumerate(shares)
    )
    off = len(forward.scales.off)
    is_on_path = set(forward.scales.off) == set(shuffled_blocks(engine.manifest, shuffle)[:off])
    return line_chart(
        [Series("", "ink", points, dots=False, key="removal.path")],
        x=_count(count),
        y=share_axis("probability"),
        alt=f"Probability of {engine.manifest.classes[label]} as blocks are removed one by one",
        marks=[Mark(off, f"{off} removed")] if off and is_on_path else [],
    )


def _count(count: int) -> Axis:
    return count_axis("blocks removed", 0, count, 1 if count <= MOST_FOR_SUBSETS else 5)


@dataclass(frozen=True)
class SubsetCell:
    """The prediction with a set of blocks removed."""

    key: str
    label: str
    state: str
    """``same`` as with every block, else ``other``."""
    title: str
    href: str
    current: bool


def _subset_texts(engine: Engine, forward: ForwardPass) -> dict[str, tuple[str, str, str]]:
    """Label, state and share by the key of each set."""
    sets = [off for row in _table_of_sets(engine.manifest.disableable_blocks) for off in row]
    found = predict(engine, forward.digit, [engine.manifest.scaled(off) for off in sets])
    label = int(found[0].argmax())
    return {
        f"removal.set{at}": (
            engine.manifest.classes[int(row.argmax())],
            "same" if int(row.argmax()) == label else "other",
            fmt.percent(float(row.max())),
        )
        for at, row in enumerate(found)
    }


@dataclass(frozen=True)
class SubsetTable:
    """Every set of at most six blocks; headings name the blocks that are removed."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[SubsetCell, ...]], ...]


def subset_table(engine: Engine, forward: ForwardPass, links: Links) -> SubsetTable | None:
    """The predictions with every set of blocks removed; ``None`` where there are too many."""
    switches = engine.manifest.disableable_blocks
    if not 1 < len(switches) <= MOST_FOR_SUBSETS:
        return None
    texts = iter(_subset_texts(engine, forward).items())

    def cell(off: tuple[str, ...]) -> SubsetCell:
        key, (label, state, share) = next(texts)
        scales = engine.manifest.scaled(off)
        removed = f"without {fmt.join_and(scales.off)}" if off else "with every block"
        href = replace(links, scales=scales).experiment(EXPERIMENT.name)
        title = f"{removed}: {label}, {share}"
        return SubsetCell(key, label, state, title, href, scales == links.scales)

    half = (len(switches) + 1) // 2
    rows = zip(_all_sets(switches[half:]), _table_of_sets(switches), strict=True)
    return SubsetTable(
        columns=tuple(_numbers(off, switches) for off in _all_sets(switches[:half])),
        rows=tuple((_numbers(off, switches), tuple(map(cell, row))) for off, row in rows),
    )


def _numbers(off: Sequence[str], switches: Sequence[str]) -> str:
    """Blocks by number, in forward order: ``1 2``."""
    return " ".join(str(switches.index(name) + 1) for name in switches if name in off)


def live(drawn: LiveDrawing) -> dict[str, str]:
    """The drawing with blocks removed one by one, and with every set of a few."""
    engine = drawn.engine
    count = len(engine.manifest.disableable_blocks)
    if not count:
        return {}
    _, shares = _removal_path(engine, drawn.forward, drawn.option("draw", _SHUFFLE, 0))
    points = [(float(at), float(share)) for at, share in enumerate(shares)]
    values = {"removal.path": series_path(_count(count), share_axis(""), points)}
    if count <= MOST_FOR_SUBSETS:
        for key, (label, state, _) in _subset_texts(engine, drawn.forward).items():
            values |= {key: label, f"{key}.state": state}
    return values


def measured_chart(services: Services, removed: float | None = None) -> LineChart | None:
    """Test accuracy against the share of blocks removed, in three networks."""
    found = measured_beside(services, "removal", "mnist-resnet")
    if not found:
        return None
    series = [_measured_series(network, one, tone) for network, one, tone in found]
    for network, random, tone in found:
        chosen = services.experiments.measured(network, "least-needed")
        if tone == "identity" and chosen is not None:
            series.append(_least_needed_series(network, random, chosen))
    return measured_accuracy(
        series,
        found[0][1].digits,
        x="blocks removed at random",
        alt="Test accuracy against the share of blocks removed",
        mark=removed,
    )


def _measured_series(manifest: Manifest, found: MeasuredExperiment, tone: str) -> Series:
    count = len(manifest.blocks)
    blocks = fmt.pluralise(count, "block")
    return Series(
        manifest.title if blocks in manifest.title else f"{manifest.title}, {blocks}",
        tone,
        tuple(
            point_with_spread(
                point,
                point.x / count,
                f"{manifest.title}, {point.x:g} of {count} removed",
                "set",
            )
            for point in found.curves[0].points
        ),
        dots=count <= MOST_FOR_SUBSETS,
    )


def _least_needed_series(
    manifest: Manifest, random: MeasuredExperiment, chosen: MeasuredExperiment
) -> Series:
    count = len(manifest.blocks)
    points = (random.curves[0].points[0], *(curve.points[0] for curve in chosen.curves))
    return Series(
        "the same, the least needed blocks first",
        "residual",
        tuple(
            Point(
                point.x / count,
                point.mean,
                f"{manifest.title}, the {point.x:g} least needed of {count} removed: "
                f"{fmt.percent(point.mean)}",
            )
            for point in points
        ),
        dots=False,
    )


EXPERIMENT: Final = Experiment(
    "removal",
    "Remove blocks",
    "How many blocks can be taken out before the answer is lost?",
    "Veit et al. 2016, fig. 3 and 5a",
    card=lambda context: measured_chart(context.services),
    live=live,
)


@router.get(addresses.experiment_page(EXPERIMENT.name))
def removal(respond: RespondDep, context: ExperimentContextDep, shuffle: Shuffle = 0) -> Response:
    """Blocks removed from a network."""
    engine, forward, links = context.engine, context.forward, context.links
    manifest, count = engine.manifest, len(forward.scales.off)
    switches = manifest.disableable_blocks
    options = {"draw": shuffle} if shuffle else {}
    values = {
        "path": path_chart(engine, forward, shuffle),
        "subsets": subset_table(engine, forward, links),
        "measured": measured_chart(
            context.services, count / len(switches) if count and switches else None
        ),
        "removed": count,
        "switches": len(switches),
        "sets": _sets_to_remove(context.services.experiments, manifest, links, shuffle, count),
        "few": page_about(context, EXPERIMENT.name, "mnist-resnet"),
        "sentence": describe_removal(engine, forward),
    }
    return respond(experiment_view(context, EXPERIMENT, values, options))


def least_needed(experiments: ExperimentResults, manifest: Manifest) -> tuple[str, ...]:
    """The blocks that can be switched off, those first that can best be done without together; if
    that was not measured, those that cost the least test accuracy alone, if that was.
    """
    found = experiments.measured(manifest, "least-needed")
    if found is not None:
        return tuple(curve.name for curve in found.curves)
    ablations = manifest.evaluation.ablations if manifest.evaluation else ()
    alone = [ablation for ablation in ablations if len(ablation.off) == 1]
    return tuple(one.off[0] for one in sorted(alone, key=lambda one: one.accuracy_drop))


def _step(manifest: Manifest) -> int:
    """From one number of removed blocks to choose to the next."""
    return 1 if len(manifest.disableable_blocks) <= MOST_FOR_SUBSETS else 5


def few_to_remove(
    experiments: ExperimentResults,
    manifest: Manifest,
    links: Links,
    address: Callable[[Links], str],
) -> tuple[tuple[str, str, bool], ...]:
    """To remove no block of a page's network, or those that are least needed: text, address, and
    whether it is what is removed.
    """
    least = least_needed(experiments, manifest)[: 2 * _step(manifest)]

    def choice(text: str, off: Sequence[str]) -> tuple[str, str, bool]:
        scales = manifest.scaled(off)
        return text, address(replace(links, scales=scales)), scales == links.scales

    return (choice("none", ()), choice(f"the {len(least)} least needed", least)) if least else ()


def describe_least_needed(experiments: ExperimentResults, manifest: Manifest) -> str:
    """The accuracy of a network without the blocks that it needs least."""
    found = experiments.measured(manifest, "least-needed")
    if found is None or not found.curves:
        return ""
    count = min(2 * _step(manifest), len(found.curves))
    share = found.curves[count - 1].points[0].mean
    return (
        f"Without the {fmt.pluralise(count, 'block')} that it needs least, the network of "
        f"{fmt.pluralise(len(manifest.blocks), 'block')} still reads {fmt.percent(share)} of test "
        "digits."
    )


def _sets_to_remove(
    experiments: ExperimentResults, manifest: Manifest, links: Links, shuffle: int, removed: int
) -> tuple[tuple[str, str, bool], ...]:
    """Sets of blocks to remove: text, address, and whether it is the one that is."""
    switches = manifest.disableable_blocks
    if not switches:
        return ()
    step = _step(manifest)

    def choice(text: str, off: Sequence[str], number: int = shuffle) -> tuple[str, str, bool]:
        scales = manifest.scaled(off)
        options = {"draw": number} if number else {}
        address = replace(links, scales=scales).experiment(EXPERIMENT.name, **options)
        return text, address, scales == links.scales and number == shuffle

    order, number = shuffled_blocks(manifest, shuffle), (shuffle + 1) % (_MAX_SHUFFLE + 1)
    counts = range(0, len(switches) + 1, step)
    at_random = [choice(str(count) if count else "none", order[:count]) for count in counts]
    others = shuffled_blocks(manifest, number)[: removed or step]
    found = [*at_random, choice("others, at random", others, number)]
    least = least_needed(experiments, manifest)[: 2 * step]
    return (*found, choice(f"the {len(least)} least needed", least)) if least else tuple(found)


def describe_removal(engine: Engine, forward: ForwardPass) -> str:
    """The effect of the removed blocks on the prediction."""
    manifest, off = engine.manifest, forward.scales.off
    if not manifest.disableable_blocks:
        return (
            "No branch of this network can be switched off: that takes blocks that add F(x) to x, "
            "or have a gate."
        )
    if not off:
        return "Every block is on. Remove some, or switch any of them off on the network map."
    trained = int(predict(engine, forward.digit, [AS_TRAINED])[0].argmax())
    share = fmt.percent(float(forward.probabilities[forward.label]))
    now = manifest.classes[forward.label]
    still = "still" if forward.label == trained else "now"
    return (
        f"With {len(off)} of {len(manifest.blocks)} blocks removed the prediction is {still} "
        f"{now}, at {share}."
    )
