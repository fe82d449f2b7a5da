"""Experiment: the head's answer after every block, and how much each block changes."""

from collections.abc import Iterable, Sequence
from typing import Final

from fastapi import Response

from skiplens.core.manifest import BlockMetrics, Manifest
from skiplens.engine.base import Engine
from skiplens.service.early_exits_and_votes import EarlyExit, depths, exits_at_every_depth
from skiplens.service.forward import ForwardPass
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.pages import fmt
from skiplens.web.pages.charts import (
    Axis,
    LineChart,
    Point,
    Series,
    line_chart,
    series_path,
    share_axis,
)
from skiplens.web.pages.experiments.experiment_page import (
    Experiment,
    ExperimentContextDep,
    LiveDrawing,
    depth_axis,
    experiment_view,
    measured_accuracy,
    measured_beside,
    router,
)
from skiplens.web.pages.templating import RespondDep

_Y: Final = share_axis("probability")


def _places(manifest: Manifest) -> dict[str, float]:
    """The number of blocks passed at each depth; half of one between a block and the next."""
    outputs = {block.output: float(at) for at, block in enumerate(manifest.blocks, 1)}
    inputs = {block.input: at + 0.5 for at, block in enumerate(manifest.blocks)}
    first = {manifest.blocks[0].input: 0.0}
    return {name: (inputs | outputs | first)[name] for name in depths(manifest)}


def class_chart(manifest: Manifest, exits: Sequence[EarlyExit], label: int) -> LineChart | None:
    """The probability of each class after each block; ``label`` is the network's own answer."""
    if not exits:
        return None
    places = _places(manifest)
    series = [
        Series(
            f"class {name}" if at == label else "",
            "identity" if at == label else "other-class",
            tuple(
                Point(
                    places[one.after],
                    float(one.probabilities[at]),
                    f"{one.after}: class {name}, {fmt.percent(float(one.probabilities[at]))}",
                )
                for one in exits
            ),
            dots=at == label,
            key=f"early-exits.class{at}",
        )
        for at, name in enumerate(manifest.classes)
    ]
    return line_chart(
        sorted(series, key=lambda one: one.tone == "identity"),
        x=depth_axis(len(manifest.blocks)),
        y=_Y,
        alt="Probability of each class after each block: " + describe(manifest, exits, label),
    )


def live(drawn: LiveDrawing) -> dict[str, str]:
    """The answers about the drawing."""
    manifest, forward = drawn.engine.manifest, drawn.forward
    exits = exits_at_every_depth(drawn.engine, forward)
    places = _places(manifest) if exits else {}
    x = depth_axis(len(manifest.blocks))
    values = {
        f"early-exits.class{at}": series_path(
            x, _Y, [(places[one.after], float(one.probabilities[at])) for one in exits]
        )
        for at in range(len(manifest.classes))
    }
    values["early-exits.ratio"] = series_path(x, _RATIO, _ratios(forward.block_metrics))
    values["early-exits.sentence"] = describe(manifest, exits, forward.label)
    return values


_RATIO: Final = Axis(
    "|F| / |x|", tuple((tick, f"{tick:g}") for tick in (0.01, 0.1, 1, 10)), 0.01, 20, log=True
)


def _ratios(found: Iterable[BlockMetrics]) -> list[tuple[int, float]]:
    """The number of each block that has a ratio, and the ratio."""
    return [(at, one.ratio) for at, one in enumerate(found, 1) if one.ratio is not None]


def ratio_chart(forward: ForwardPass) -> LineChart | None:
    """The norm of F(x) over that of x in every block, here and over the test set."""
    manifest = forward.manifest
    if not manifest.blocks or not all(block.identity for block in manifest.blocks):
        return None
    here = _ratios(forward.block_metrics)
    if not here:
        return None
    series = [(f"this {manifest.noun}", "residual", "early-exits.ratio", here)]
    if manifest.evaluation:
        means = _ratios(manifest.evaluation.blocks)
        series.insert(0, ("mean over the test set", "chain", "", means))
    return line_chart(
        [
            Series(
                name,
                tone,
                tuple(
                    Point(at, max(ratio, _RATIO.low), f"block{at}, {name}: {fmt.number(ratio)}")
                    for at, ratio in ratios
                ),
                dots=len(ratios) == 1,
                key=key,
            )
            for name, tone, key, ratios in series
        ],
        x=depth_axis(len(manifest.blocks)),
        y=_RATIO,
        alt="Norm of F(x) over the norm of x in every block",
    )


def measured_chart(services: Services) -> LineChart | None:
    """Test accuracy of the head against depth, in three networks."""
    found = measured_beside(services, "early-exits", "mnist-resnet")
    if not found:
        return None
    series = []
    for network, one, tone in found:
        blocks = len(network.blocks)
        points = tuple(
            Point(
                point.x / blocks,
                point.mean,
                f"{network.title}, after {point.x:g} of {blocks} blocks: {fmt.percent(point.mean)}",
            )
            for point in one.curves[0].points
        )
        series.append(Series(network.title, tone, points))
    alt = "Test accuracy of the head after each block"
    return measured_accuracy(series, found[0][1].digits, x="depth", alt=alt)


def describe(manifest: Manifest, exits: Sequence[EarlyExit], label: int) -> str:
    """From which depth on the head gives the network's answer."""
    if not manifest.blocks:
        return "This network has no blocks after which its head could answer."
    if not exits:
        return (
            "The head of this network is not one pooling and one dense layer, so it gives no "
            "answers at other depths."
        )
    answers = [int(one.probabilities.argmax()) for one in exits]
    since = len(answers)
    while since and answers[since - 1] == label:
        since -= 1
    if since == len(answers):
        return f"The answer, {manifest.classes[label]}, appears only after the last layer."
    after = exits[since].after
    if after == manifest.blocks[0].input:
        block = "the stem"
    else:
        block = next((one.name for one in manifest.blocks if after == one.output), after)
    return f"From {block} on, the head answers {manifest.classes[label]}."


EXPERIMENT: Final = Experiment(
    "early-exits",
    "How the answer forms",
    "What would the network answer if it stopped after any of its blocks?",
    "Greff et al. 2017; Jastrzębski et al. 2018",
    card=lambda context: measured_chart(context.services),
    live=live,
)


@router.get(addresses.experiment_page(EXPERIMENT.name))
def early_exits_page(respond: RespondDep, context: ExperimentContextDep) -> Response:
    """The head applied at every depth."""
    engine: Engine = context.engine
    exits = exits_at_every_depth(engine, context.forward)
    label = context.forward.label
    values = {
        "chart": class_chart(engine.manifest, exits, label),
        "ratios": ratio_chart(context.forward),
        "measured": measured_chart(context.services),
        "projected": any(one.projected for one in exits),
        "missing": 0 < len(exits) < len(depths(engine.manifest)),
        "sentence": describe(engine.manifest, exits, label),
    }
    return respond(experiment_view(context, EXPERIMENT, values))
