"""Experiment: how gradients fare with the skip and without it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import comb, floor, log10
from typing import Annotated, Final

import numpy as np
from fastapi import APIRouter, Query, Response

from skiplens.core.experiments import Curve, GradientNorms, MeasuredRun
from skiplens.core.ladder import DEEPEST, KINDS, stream_name
from skiplens.core.manifest import Manifest
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError
from skiplens.service.analysis import BlockGradient, GradientByPath, gradient_by_path
from skiplens.service.forward import ForwardPass
from skiplens.service.registry import find_block
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.pages import format as fmt
from skiplens.web.pages.charts import (
    Axis,
    LineChart,
    Point,
    Series,
    count_axis,
    line_chart,
    series_path,
    share_axis,
)
from skiplens.web.pages.depth import twin_of
from skiplens.web.pages.experiments.depth import NAMES, TONES
from skiplens.web.pages.experiments.frame import (
    Drawn,
    Experiment,
    ExperimentContextDep,
    experiment_view,
)
from skiplens.web.pages.templating import RespondDep

_Read = Callable[[BlockGradient], float | None]
_ROUTES: Final[tuple[tuple[str, str, _Read], ...]] = (
    ("both together", "ink", lambda block: block.total),
    ("past the blocks", "identity", lambda block: block.identity),
    ("through F", "residual", lambda block: None if block.identity is None else block.residual),
)
_LEAST: Final = 1e-12  # a gradient of zero has no logarithm
END: Final = "end"
_SHOWN: Final = (
    ("start", "At the start of training"),
    ("trained", "Trained"),
)


def log_axis(label: str, values: Sequence[float]) -> Axis:
    """A logarithmic axis from a power of ten to another, around all values that are not zero."""
    known = [value for value in values if value > _LEAST] or [1.0]
    first, last = floor(log10(min(known))), floor(log10(max(known))) + 1
    step = max(1, (last - first) // 5)
    ticks = range(first, last + 1, step)
    return Axis(
        label,
        tuple((10.0**tick, f"{10.0**tick:g}") for tick in ticks),
        10.0**first,
        10.0**last,
        log=True,
    )


def _blocks_axis(count: int) -> Axis:
    """One column for each block."""
    axis = count_axis("input of block", 1, count, max(1, count // 6))
    return replace(axis, low=0.5, high=count + 0.5)


_GRADIENT: Final = Axis(
    "norm of the gradient",
    tuple((10.0**power, f"{10.0**power:g}") for power in range(-3, 3)),
    1e-3,
    100,
    log=True,
)


def _lines(
    found: GradientByPath, twin: tuple[str, GradientByPath] | None
) -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Name, tone and points of every route, and of the twin's gradient."""
    drawn = [(name, tone, found, read) for name, tone, read in _ROUTES]
    if twin:
        drawn.append((twin[0], "chain", twin[1], _ROUTES[0][2]))
    lines = [
        (
            name,
            tone,
            [
                (float(at), value)
                for at, block in enumerate(network.blocks, 1)
                if (value := read(block)) is not None
            ],
        )
        for name, tone, network, read in drawn
    ]
    return [line for line in lines if line[2]]


def _with_gradients(services: Services) -> list[Manifest]:
    networks = (engine.manifest for engine in services.registry.networks)
    return [manifest for manifest in networks if not manifest.no_gradients]


def _both(
    services: Services, engine: Engine, forward: ForwardPass
) -> tuple[GradientByPath, tuple[str, GradientByPath] | None]:
    """The gradient of the predicted class by route, here and in the twin network."""
    found = gradient_by_path(engine, forward)
    twin = twin_of(engine.manifest, _with_gradients(services))
    if twin is None:
        return found, None
    other = services.registry.network(twin)
    passed = services.runner.run(other, forward.digit, type(forward.scales)())
    return found, (other.manifest.title, gradient_by_path(other, passed, found.target))


def route_chart(services: Services, engine: Engine, forward: ForwardPass) -> LineChart | None:
    """The gradient at each block's input, by route; ``None`` without gradients."""
    if engine.manifest.no_gradients:
        return None
    return draw_routes(*_both(services, engine, forward))


def draw_routes(found: GradientByPath, twin: tuple[str, GradientByPath] | None) -> LineChart:
    """The chart of a network, and of its plain twin by title."""
    series = [
        Series(
            name,
            tone,
            tuple(Point(x, y, f"input of block{x:g}, {name}: {fmt.number(y)}") for x, y in points),
            dots=False,
            key=f"gradients.{tone}",
        )
        for name, tone, points in _lines(found, twin)
    ]
    return line_chart(
        series,
        x=_blocks_axis(len(found.blocks)),
        y=_GRADIENT,
        alt="Norm of the gradient at each block's input, by route",
    )


def live(drawn: Drawn) -> dict[str, str]:
    """The gradients of the drawing, and those at one block if the page names it."""
    if drawn.engine.manifest.no_gradients:
        return {}
    x = _blocks_axis(len(drawn.engine.manifest.blocks))
    lines = _lines(*_both(drawn.services, drawn.engine, drawn.forward))
    values = {f"gradients.{tone}": series_path(x, _GRADIENT, points) for _, tone, points in lines}
    if block := drawn.query.get("block"):
        names = [one.name for one in drawn.engine.manifest.blocks]
        at = names.index(find_block(drawn.engine.manifest, block).name)
        values |= {
            f"gradients.{tone}.here": fmt.number(points[at][1])
            for _, tone, points in lines
            if at < len(points)
        }
    return values


def training_chart(runs: Sequence[MeasuredRun], step: str) -> LineChart | None:
    """The gradient at every depth after some steps of training, of the deepest networks."""
    series, values = [], []
    for kind in KINDS:
        rows = [
            norms.stream
            for run in runs
            if (run.kind, run.blocks) == (kind, DEEPEST)
            for norms in [_norms(run, step)]
            if norms is not None
        ]
        if not rows:
            continue
        columns = np.array(rows).T
        values += columns.reshape(-1).tolist()
        points = tuple(
            Point(
                at,
                float(np.exp(np.log(np.maximum(column, _LEAST)).mean())),
                f"after {at} blocks, {NAMES[kind]}: {fmt.number(float(column.mean()))}",
                float(column.min()),
                float(column.max()),
            )
            for at, column in enumerate(columns)
        )
        series.append(Series(NAMES[kind], TONES[kind], points, dots=False))
    if not series:
        return None
    return line_chart(
        series,
        x=count_axis("blocks passed", 0, DEEPEST, 5),
        y=log_axis("norm of the gradient", values),
        alt=f"Gradient at every depth of networks of {DEEPEST} blocks",
    )


def _norms(run: MeasuredRun, step: str) -> GradientNorms | None:
    gradients = run.history.gradients
    if step == END:
        return gradients[-1] if gradients else None
    return next((one for one in gradients if str(one.step) == step), None)


def training_steps(runs: Sequence[MeasuredRun]) -> tuple[str, ...]:
    """The steps of training at which gradients were measured, the last as its end."""
    counts = {one.step for run in runs for one in run.history.gradients[:-1]}
    return (*map(str, sorted(counts)), END) if counts else ()


def _measured(services: Services) -> dict[str, tuple[str, Mapping[str, Curve]]]:
    """Curves by name, of the stream and its plain twin: by tone."""
    loaded = {engine.manifest.id: engine.manifest for engine in services.registry.networks}
    found: dict[str, tuple[str, Mapping[str, Curve]]] = {}
    for kind in KINDS:
        name = stream_name(kind, DEEPEST)
        measured = name in loaded and services.experiments.measured(loaded[name], "gradients")
        if measured:
            curves = {curve.name: curve for curve in measured.curves}
            found[TONES[kind]] = (NAMES[kind], curves)
    return found


def line_charts(services: Services) -> list[tuple[str, LineChart, LineChart]]:
    """At the start of training and at its end: the derivative along a line between two digits, and
    the autocorrelation of such derivatives.
    """
    found, charts = _measured(services), []
    for name, title in _SHOWN:
        lines = [
            (text, tone, curves[f"line.{name}"], curves[f"autocorrelation.{name}"])
            for tone, (text, curves) in reversed(found.items())
            if f"line.{name}" in curves
        ]
        if lines:
            derivative = _derivative_chart([line[:3] for line in lines])
            charts.append(
                (title, derivative, _correlation_chart([(*line[:2], line[3]) for line in lines]))
            )
    return charts


def _derivative_chart(lines: Sequence[tuple[str, str, Curve]]) -> LineChart:
    largest = max(abs(point.mean) for *_, curve in lines for point in curve.points)
    ends = float(np.ceil(largest))
    return line_chart(
        [
            Series(text, tone, tuple(Point(one.x, one.mean) for one in curve.points), dots=False)
            for text, tone, curve in lines
        ],
        x=share_axis("from one digit to another", steps=4),
        y=Axis(
            "derivative",
            ((-ends, f"{fmt.MINUS}{ends:g}"), (0, "0"), (ends, f"{ends:g}")),
            -ends,
            ends,
        ),
        alt="Derivative of a logit along a line between two test digits, with the skip and without",
    )


def _correlation_chart(lines: Sequence[tuple[str, str, Curve]]) -> LineChart:
    points = len(lines[0][2].points)
    return line_chart(
        [
            Series(
                text,
                tone,
                tuple(
                    Point(one.x, one.mean, "", one.mean - one.spread, one.mean + one.spread)
                    for one in curve.points
                ),
                dots=False,
            )
            for text, tone, curve in lines
        ],
        x=count_axis("lag, in 256ths of the line", 0, points - 1, 16),
        y=Axis("autocorrelation", tuple((t, f"{t:g}") for t in (-0.5, 0, 0.5, 1)), -0.6, 1.05),
        alt="Autocorrelation of the derivative, with the skip and without",
    )


def path_chart(services: Services) -> LineChart | None:
    """The share of the gradient that flows through each number of branches."""
    curves = next((curves for _, curves in _measured(services).values() if "paths" in curves), None)
    if curves is None:
        return None
    points = curves["paths"].points
    blocks = len(points) - 1
    paths = [comb(blocks, k) / 2**blocks for k in range(blocks + 1)]
    return line_chart(
        [
            Series(
                "share of all paths",
                "chain",
                tuple(Point(k, share) for k, share in enumerate(paths)),
                dots=False,
            ),
            Series(
                "share of the gradient",
                "identity",
                tuple(
                    Point(
                        one.x,
                        one.mean,
                        f"through {one.x:g} branches: {fmt.percent(one.mean)}",
                        max(one.mean - one.spread, 0.0),
                        one.mean + one.spread,
                    )
                    for one in points
                ),
            ),
        ],
        x=count_axis("branches on the path", 0, blocks, 5),
        y=share_axis("share", 0.0, 0.3, 3),
        alt="Share of the gradient, and of all paths, by the number of branches on a path",
    )


EXPERIMENT: Final = Experiment(
    "gradients",
    "Gradients",
    "Does the gradient reach the first block, and is it more than noise there?",
    "Veit et al. 2016, fig. 6; Balduzzi et al. 2017, fig. 1 and 2",
    card=lambda context: training_chart(context.services.experiments.ladder, "0"),
    live=live,
)

router = APIRouter(include_in_schema=False, default_response_class=Response)


@router.get(addresses.experiment_page(EXPERIMENT.name))
def gradients_page(
    respond: RespondDep,
    context: ExperimentContextDep,
    step: Annotated[str, Query(max_length=8, description="of training")] = "0",
) -> Response:
    """Gradients of this digit, during training, along a line, and by length of path."""
    services, links = context.services, context.links
    runs = services.experiments.ladder
    steps = training_steps(runs)
    if steps and step not in steps:
        raise InvalidParameterError(f"step must be one of {', '.join(steps)}")
    options = {} if step == "0" else {"step": step}
    values = {
        "chart": route_chart(services, context.engine, context.forward),
        "training": training_chart(runs, step),
        "steps": [
            (
                "end of training" if one == END else f"step {int(one):,}",
                links.experiment(EXPERIMENT.name, step=None if one == "0" else one),
                one == step,
            )
            for one in steps
        ],
        "lines": line_charts(services),
        "paths": path_chart(services),
    }
    return respond(experiment_view(context, EXPERIMENT, values, options))
