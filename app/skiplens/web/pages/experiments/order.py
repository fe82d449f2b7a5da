"""Experiment: the blocks in another order."""

from collections.abc import Sequence
from typing import Annotated, Final

import numpy as np
from fastapi import Query, Response

from skiplens.core.block_order import BlockOrder
from skiplens.core.experiment_results import MeasuredExperiment
from skiplens.core.ladder import STREAM
from skiplens.core.manifest import Manifest
from skiplens.engine.base import Engine
from skiplens.service.early_exits_and_votes import EarlyExit, early_exits
from skiplens.service.forward import ForwardPass, run_reordered
from skiplens.service.registry import find_block
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.links import Links
from skiplens.web.pages import fmt
from skiplens.web.pages.charts import LineChart, Point, Series, line_chart, series_path, share_axis
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.experiments.experiment_page import (
    Experiment,
    ExperimentContextDep,
    LiveDrawing,
    depth_axis,
    experiment_view,
    measured_accuracy,
    measured_beside,
    page_about,
    point_with_spread,
    router,
)
from skiplens.web.pages.templating import RespondDep
from skiplens.web.parameters import OrderText, parse_order

_SWAPS: Final = (1, 5, 15, 50)
_Y: Final = share_axis("probability")


def inversions(order: BlockOrder, trained: Sequence[str]) -> int:
    """The number of pairs of blocks in the wrong order."""
    places = [trained.index(name) for name in order.names]
    return sum(a > b for at, a in enumerate(places) for b in places[at + 1 :])


def swapped(trained: Sequence[str], swaps: int) -> BlockOrder:
    """The trained order after random swaps of neighbours, the same every time."""
    names, rng = list(trained), np.random.default_rng(swaps)
    for at in rng.integers(0, len(names) - 1, swaps).tolist():
        names[at], names[at + 1] = names[at + 1], names[at]
    return BlockOrder.of(names, trained)


def answer_chart(
    manifest: Manifest, trained: Sequence[EarlyExit], found: Sequence[EarlyExit], label: int
) -> LineChart | None:
    """The probability of a class after each block, in the trained order and in this one."""
    if not found:
        return None
    name = manifest.classes[label]

    def points(exits: Sequence[EarlyExit]) -> tuple[Point, ...]:
        return tuple(
            Point(at, share, f"{one.after}: {fmt.percent(share)}")
            for at, one in enumerate(exits)
            for share in [float(one.probabilities[label])]
        )

    return line_chart(
        [
            Series("as trained", "chain", points(trained), dots=False, key="order.trained"),
            Series("in this order", "identity", points(found), dots=False, key="order.found"),
        ],
        x=depth_axis(len(manifest.blocks)),
        y=_Y,
        alt=f"Probability of {name} after each block, as trained and in this order",
    )


def _exits(
    engine: Engine, forward: ForwardPass, order: BlockOrder
) -> tuple[ForwardPass, tuple[EarlyExit, ...]]:
    """The forward pass with the blocks in an order, and the head's answer after each."""
    found = run_reordered(engine, forward.digit, forward.scales, order) if order else forward
    return found, early_exits(found, engine.weights)


def live(drawn: LiveDrawing) -> dict[str, str]:
    """The drawing in the page's order."""
    engine, forward = drawn.engine, drawn.forward
    if not engine.manifest.can_reorder:
        return {}
    order = parse_order(engine.manifest, drawn.query.get("order"))
    found, exits = _exits(engine, forward, order)
    lines = {"trained": early_exits(forward, engine.weights), "found": exits}
    paths = {
        f"order.{name}": series_path(
            depth_axis(len(engine.manifest.blocks)),
            _Y,
            [(at, float(one.probabilities[forward.label])) for at, one in enumerate(line)],
        )
        for name, line in lines.items()
    }
    return paths | {"order.sentence": _describe(forward, found)}


def measured_chart(services: Services, now: float | None = None) -> LineChart | None:
    """Test accuracy against the share of pairs that are the wrong way round; ``now`` is marked."""
    found = measured_beside(services, "order", "mnist-highway")
    if not found:
        return None
    series = [_measured_series(network.title, one, tone) for network, one, tone in found]
    return measured_accuracy(
        series,
        found[0][1].digits,
        x="pairs of blocks the wrong way round",
        alt="Test accuracy against how far the order is from the trained one",
        mark=now,
    )


def _measured_series(title: str, found: MeasuredExperiment, tone: str) -> Series:
    points = (
        point_with_spread(point, point.x, f"{title}, {fmt.percent(point.x)} of pairs", "order")
        for point in found.curves[0].points
    )
    return Series(title, tone, tuple(points))


EXPERIMENT: Final = Experiment(
    "order",
    "Reorder blocks",
    "Does it matter in which order the blocks run?",
    "Veit et al. 2016, fig. 5b",
    card=lambda context: measured_chart(context.services),
    live=live,
)


@router.get(addresses.experiment_page(EXPERIMENT.name))
def order_page(
    respond: RespondDep,
    context: ExperimentContextDep,
    order: OrderText = None,
    move: Annotated[str | None, Query(max_length=64, description="block to move")] = None,
) -> Response:
    """The network with its blocks in another order."""
    manifest = context.engine.manifest
    found = parse_order(manifest, order)
    trained = [block.name for block in manifest.blocks]
    moved = find_block(manifest, move).name if move else next(iter(trained[9:] or trained), "")
    pairs = len(trained) * (len(trained) - 1) // 2
    options = {"order": found.text(trained), "move": moved if move else None}
    kept = {name: value for name, value in options.items() if value}
    values: dict[str, object] = {
        "stream": page_about(context, EXPERIMENT.name, STREAM),
        "measured": measured_chart(
            context.services, inversions(found, trained) / pairs if found else None
        ),
        "chart": None,
    }
    if manifest.can_reorder:
        values |= _values(context, found, moved, trained)
        values["pairs"] = f"{inversions(found, trained)} of {pairs} pairs"
    return respond(experiment_view(context, EXPERIMENT, values, kept))


def _values(
    context: PageContext, order: BlockOrder, moved: str, trained: Sequence[str]
) -> dict[str, object]:
    """The page's values for a network whose blocks can run in any order."""
    engine, forward, links = context.engine, context.forward, context.links
    found, exits = _exits(engine, forward, order)
    names = list(order.names or trained)

    def address(other: BlockOrder, **options: object) -> str:
        text = other.text(trained)
        return links.experiment(EXPERIMENT.name, order=text, **options)

    presets = [("as trained", BlockOrder())]
    presets += [(fmt.pluralise(swaps, "random swap"), swapped(trained, swaps)) for swaps in _SWAPS]
    presets.append(("reversed", BlockOrder.of(trained[::-1], trained)))
    at = names.index(moved)

    def with_moved_at(place: int) -> str | None:
        if place == at or not 0 <= place < len(names):
            return None
        return address(order.with_move(moved, place, trained), move=moved)

    moves = (("first", 0), ("earlier", at - 1), ("later", at + 1), ("last", len(names) - 1))
    return {
        "chart": answer_chart(
            engine.manifest, early_exits(forward, engine.weights), exits, forward.label
        ),
        "presets": [(text, address(one), one == order) for text, one in presets],
        "moved": moved,
        "moves": [(text, with_moved_at(place)) for text, place in moves],
        "blocks": _block_links(names, trained, moved, order, links),
        "sentence": _describe(forward, found),
    }


def _block_links(
    names: Sequence[str], trained: Sequence[str], moved: str, order: BlockOrder, links: Links
) -> list[tuple[str, str, bool, bool]]:
    """The blocks as they run: number, page on which it is the one to move, whether it is, and
    whether another block runs at its place.
    """
    return [
        (
            name.removeprefix("block"),
            links.experiment(EXPERIMENT.name, order=order.text(trained), move=name),
            name == moved,
            name != before,
        )
        for name, before in zip(names, trained, strict=True)
    ]


def _describe(forward: ForwardPass, found: ForwardPass) -> str:
    """The effect of the order on the prediction."""
    classes = forward.manifest.classes
    share = fmt.percent(float(found.probabilities[found.label]))
    if not found.order:
        return f"The blocks run as trained, and the prediction is {classes[found.label]}."
    still = "still" if found.label == forward.label else "now"
    return f"In this order the prediction is {still} {classes[found.label]}, at {share}."
