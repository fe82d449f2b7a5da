"""Experiment: test digits become classes from block to block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from fastapi import Query, Response
from numpy.typing import NDArray
from pydantic import TypeAdapter

from skiplens.core.ladder import STREAM
from skiplens.core.manifest import Manifest
from skiplens.errors import InvalidParameterError
from skiplens.service.experiment_results import ClassPoints
from skiplens.service.forward import ForwardPass
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.pages import fmt
from skiplens.web.pages.charts import (
    LineChart,
    Mark,
    Point,
    Series,
    line_chart,
    share_axis,
)
from skiplens.web.pages.experiments.experiment_page import (
    Experiment,
    ExperimentContextDep,
    LiveDrawing,
    depth_axis,
    experiment_view,
    page_about,
    router,
)
from skiplens.web.pages.templating import RespondDep

After = Annotated[int | None, Query(ge=0, description="number of blocks passed")]
_AFTER: Final = TypeAdapter[int | None](After)
_ROOM: Final = 4.0
"""Percent of the drawing that stays free at each side."""


@dataclass(frozen=True)
class DigitDot:
    """A digit in the drawing, in percent of it."""

    x: float
    y: float
    label: int


@dataclass(frozen=True)
class Scatter:
    """The test digits after some blocks, and where the page's digit has been until there.

    Attributes:
        dots: of the test digits.
        x: of the page's digit.
        y: likewise.
        path: its way from the stem on, ``d`` of a path in a box of 100 by 100.
    """

    dots: tuple[DigitDot, ...]
    x: str
    y: str
    path: str


def depth_layers(manifest: Manifest) -> tuple[str, ...]:
    """The layers whose maps the points are of: the first block's input, and every output."""
    return (manifest.blocks[0].input, *(block.output for block in manifest.blocks))


def _placed(points: NDArray[np.float32], among: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points in percent of a drawing that holds all of the others."""
    low, high = among.min(axis=0), among.max(axis=0)
    size = np.where(high > low, high - low, 1)
    inside = np.clip((points - low) / size, -_ROOM / 100, 1 + _ROOM / 100)
    return np.asarray(_ROOM + (100 - 2 * _ROOM) * inside, np.float32)


def _own_way(found: ClassPoints, forward: ForwardPass) -> NDArray[np.float32]:
    """Where the page's digit is at every depth, in percent: ``(depths, 2)``."""
    way = [
        _placed(plane.points(forward.activations[layer].mean(axis=(0, 1))[None]), points)[0]
        for plane, points, layer in zip(
            found.planes, found.points, depth_layers(forward.manifest), strict=True
        )
    ]
    return np.stack(way)


def _own(found: ClassPoints, forward: ForwardPass, depth: int) -> tuple[str, str, str]:
    """x, y and path of the page's digit."""
    way = _own_way(found, forward)[: depth + 1]
    path = "".join(f"{'L' if at else 'M'}{x:.2f} {y:.2f}" for at, (x, y) in enumerate(way))
    return f"{way[-1][0]:.2f}%", f"{way[-1][1]:.2f}%", path


def scatter(found: ClassPoints, forward: ForwardPass, depth: int) -> Scatter:
    """The drawing after ``depth`` blocks."""
    placed = _placed(found.points[depth], found.points[depth])
    dots = tuple(
        DigitDot(round(float(x), 1), round(float(y), 1), int(label))
        for (x, y), label in zip(placed, found.labels, strict=True)
    )
    return Scatter(dots, *_own(found, forward, depth))


def live(drawn: LiveDrawing) -> dict[str, str]:
    """Where the drawing is."""
    manifest = drawn.engine.manifest
    found = drawn.services.experiments.points(manifest)
    if found is None:
        return {}
    depth = _depth(manifest, drawn.option("after", _AFTER, None))
    x, y, path = _own(found, drawn.forward, depth)
    return {"classes.x": x, "classes.y": y, "classes.path": path}


def _depth(manifest: Manifest, after: int | None) -> int:
    """A number of blocks passed, by default all."""
    blocks = len(manifest.blocks)
    if after is None:
        return blocks
    if after > blocks:
        raise InvalidParameterError(f"after must be at most {blocks}, the number of blocks")
    return after


def measured_chart(
    services: Services, manifest: Manifest, depth: int | None = None
) -> LineChart | None:
    """How many digits are nearest to their class's mean, and the variance on two components."""
    found = services.experiments.measured(manifest, "classes")
    if found is None or not found.curves:
        return None
    names = {
        "nearest": ("digits nearest to the mean of their class", "identity"),
        "explained": ("variance on the two components", "chain"),
    }
    blocks = len(manifest.blocks)
    return line_chart(
        [
            Series(
                names[curve.name][0],
                names[curve.name][1],
                tuple(
                    Point(one.x, one.mean, f"after {one.x:g} blocks: {fmt.percent(one.mean)}")
                    for one in curve.points
                ),
            )
            for curve in found.curves
        ],
        x=depth_axis(blocks),
        y=share_axis("share"),
        alt="Share of test digits that are nearest to the mean of their class, after each block",
        marks=[] if depth is None else [Mark(depth, "")],
    )


EXPERIMENT: Final = Experiment(
    "classes",
    "How digits become classes",
    "At which depth does the network separate the classes?",
    "Alain and Bengio 2017, classes at every depth",
    card=lambda context: measured_chart(context.services, context.engine.manifest),
    live=live,
)


@router.get(addresses.experiment_page(EXPERIMENT.name))
def classes_page(
    respond: RespondDep,
    context: ExperimentContextDep,
    after: After = None,
) -> Response:
    """The test digits at one depth."""
    manifest, services = context.engine.manifest, context.services
    depth = _depth(manifest, after)
    found = services.experiments.points(manifest)
    options = {} if after is None else {"after": after}
    values: dict[str, object] = {
        "stream": page_about(context, EXPERIMENT.name, STREAM),
        "measured": measured_chart(services, manifest, depth),
        "scatter": None,
    }
    if found is not None:
        blocks = len(manifest.blocks)

        def page(at: int) -> str:
            return context.links.experiment(EXPERIMENT.name, after=at)

        values |= {
            "scatter": scatter(found, context.forward, depth),
            "classes": manifest.classes,
            "digits": len(found.labels),
            "where": _where(depth, blocks),
            "before": page(depth - 1) if depth else None,
            "next": page(depth + 1) if depth < blocks else None,
            "start": page(0),
            "stops": [(_stop(at), page(at), at == depth) for at in _stops(blocks)],
        }
    return respond(experiment_view(context, EXPERIMENT, values, options))


def _stops(blocks: int) -> Sequence[int]:
    return range(0, blocks + 1, 1 if blocks <= len("0123456") else 3)


def _stop(at: int) -> str:
    return str(at) if at else "stem"


def _where(depth: int, blocks: int) -> str:
    if depth == 0:
        return "after the stem"
    return f"after {fmt.pluralise(depth, 'block')} of {blocks}"
