"""Experiment: how gradients fare with the skip and without it."""

from collections.abc import Mapping, Sequence
from math import comb, floor, log10
from typing import Annotated, Final

import numpy as np
from fastapi import Query, Response

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.experiment_results import Curve
from skiplens.core.ladder import DEEPEST, KINDS, STREAM, GradientNorms, MeasuredRun, stream_name
from skiplens.core.manifest import Manifest
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError, quoted
from skiplens.service.digit_store import InputRecord
from skiplens.service.forward import ForwardPass
from skiplens.service.gradients import shares_by_path_length, slopes_between
from skiplens.service.registry import twin_of
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.pages import fmt
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
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.experiments.depth import NAMES, TONES
from skiplens.web.pages.experiments.experiment_page import (
    Experiment,
    ExperimentContextDep,
    LiveDrawing,
    experiment_view,
    page_about,
    router,
)
from skiplens.web.pages.gradients import live_paths, path_chart
from skiplens.web.pages.templating import RespondDep

_LEAST: Final = 1e-12  # a gradient of zero has no logarithm
END: Final = "end"
_MEASURED: Final = (
    ("start", "At the start of training"),
    ("trained", "Trained"),
)
VIEWS: Final = {"path": "by path", "line": "along a line", "length": "by length of path"}
"""Views of the page's digit, the first by default."""
_STEPS: Final = 24
"""Of the line from the page's digit to another."""


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


def _toward(services: Services, forward: ForwardPass) -> InputRecord | None:
    """The sample at the other end of the line: the first of another class than is predicted.
    ``None`` for a network without logits, or of other images than digits.
    """
    samples = services.digits.samples.values() if _scores_digits(forward.manifest) else ()
    return next((one for one in samples if one.label not in (None, forward.label)), None)


def _scores_digits(manifest: Manifest) -> bool:
    scored = any(layer.role == "logits" for layer in manifest.layers)
    return scored and manifest.classifies_digits


_SLOPE: Final = Axis("slope of the logit", ((-3, f"{fmt.MINUS}3"), (0, "0"), (3, "3")), -4, 4)
_LINE: Final = share_axis("from this digit to the other", steps=4)


def _slopes(
    services: Services, engine: Engine, forward: ForwardPass, end: InputRecord
) -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Name, tone and points of the line, here and in the twin network; each divided by its root
    mean square.
    """
    networks = (one.manifest for one in services.registry.networks)
    twin = twin_of(engine.manifest, filter(_scores_digits, networks))
    has_skip = engine.manifest.has_identity_paths
    compared = [(engine, "identity" if has_skip else "chain")]
    if twin:
        other = services.registry.network(twin)
        compared.append((other, "chain" if has_skip else "identity"))
    lines = []
    for network, tone in compared:
        scales = forward.scales if network is engine else AS_TRAINED
        digits = forward.digit, end.image
        found = slopes_between(network, scales, *digits, end.label or 0, _STEPS)
        size = float(np.sqrt(np.mean(found**2))) or 1.0
        middles = [(at + 0.5) / _STEPS for at in range(_STEPS)]
        points = list(zip(middles, (found / size).tolist(), strict=True))
        lines.append((network.manifest.title, tone, points))
    return lines


def own_line_chart(
    services: Services, engine: Engine, forward: ForwardPass, end: InputRecord
) -> LineChart:
    """How a logit changes along the line from the page's digit to another."""
    return line_chart(
        [
            Series(
                name,
                tone,
                tuple(Point(x, y) for x, y in points),
                dots=False,
                key=f"gradients.line.{tone}",
            )
            for name, tone, points in _slopes(services, engine, forward, end)
        ],
        x=_LINE,
        y=_SLOPE,
        alt="Slope of a logit along the line from this digit to another, with the skip and without",
    )


def live(drawn: LiveDrawing) -> dict[str, str]:
    """The gradients of the drawing, and those at one block if the page names it."""
    services, engine, forward = drawn.services, drawn.engine, drawn.forward
    view = _view(drawn.query.get("view"))
    if view == "line":
        end = _toward(services, forward)
        if end is None:
            return {}
        lines = _slopes(services, engine, forward, end)
        paths = {f"gradients.line.{tone}": series_path(_LINE, _SLOPE, at) for _, tone, at in lines}
        return paths | {"gradients.end": engine.manifest.classes[end.label or 0]}
    if view == "length":
        shares = shares_by_path_length(engine, forward)
        if shares is None:
            return {}
        points = list(enumerate(shares.tolist()))
        return {"gradients.length": series_path(_length_axis(len(points) - 1), _SHARE, points)}
    return live_paths(services, engine, forward, drawn.query.get("block"))


def _view(name: str | None) -> str:
    if name and name not in VIEWS:
        raise InvalidParameterError(f"view must be one of {', '.join(VIEWS)}; got {quoted(name)}")
    return name or next(iter(VIEWS))


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
    loaded = services.registry.manifests
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
    for name, title in _MEASURED:
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


_SHARE: Final = share_axis("share", 0.0, 0.4, 4)


def _length_axis(blocks: int) -> Axis:
    return count_axis("branches on the path", 0, blocks, 1 + blocks // 6)


def length_chart(services: Services, engine: Engine, forward: ForwardPass) -> LineChart | None:
    """The share of the gradient that flows through each number of branches: of the page's digit,
    and the mean over test digits. ``None`` where no path has a length.
    """
    shares = shares_by_path_length(engine, forward)
    if shares is None:
        return None
    blocks = len(shares) - 1
    paths = [comb(blocks, k) / 2**blocks for k in range(blocks + 1)]
    series = [("share of all paths", "chain", "", paths)]
    measured = services.experiments.measured(engine.manifest, "gradients")
    curves = {curve.name: curve for curve in measured.curves} if measured else {}
    if "paths" in curves:
        means = [point.mean for point in curves["paths"].points]
        series.append(("of the gradient, mean over test digits", "ink", "", means))
    series.append(("of the gradient, this digit", "identity", "gradients.length", shares.tolist()))
    return line_chart(
        [
            Series(
                name,
                tone,
                tuple(
                    Point(k, share, f"through {k} branches: {fmt.percent(share)}")
                    for k, share in enumerate(values)
                ),
                dots=False,
                key=key,
            )
            for name, tone, key, values in series
        ],
        x=_length_axis(blocks),
        y=_SHARE,
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


@router.get(addresses.experiment_page(EXPERIMENT.name))
def gradients_page(
    respond: RespondDep,
    context: ExperimentContextDep,
    step: Annotated[str, Query(max_length=8, description="of training")] = "0",
    view: Annotated[str | None, Query(max_length=16, description="of this digit")] = None,
) -> Response:
    """Gradients of this digit by path, along a line or by length of path, and during training."""
    services, links = context.services, context.links
    runs = services.experiments.ladder
    steps = training_steps(runs)
    if steps and step not in steps:
        raise InvalidParameterError(f"step must be one of {', '.join(steps)}")
    shown = _view(view)
    options = {
        "view": view if shown != _view(None) else None,
        "step": step if step != "0" else None,
    }
    kept = {name: value for name, value in options.items() if value}

    def page(**other: object) -> str:
        return links.experiment(EXPERIMENT.name, **{**kept, **other})

    values = {
        "view": shown,
        "views": [
            (text, page(view=None if name == _view(None) else name), name == shown)
            for name, text in VIEWS.items()
        ],
        **_figure(context, shown),
        "training": training_chart(runs, step),
        "steps": [
            (
                "end of training" if one == END else f"step {int(one):,}",
                page(step=None if one == "0" else one),
                one == step,
            )
            for one in steps
        ],
        "lines": line_charts(services),
        "stream": page_about(context, EXPERIMENT.name, STREAM, view="length"),
        "no_gradients": context.engine.manifest.no_gradients,
    }
    return respond(experiment_view(context, EXPERIMENT, values, kept))


def _figure(context: PageContext, view: str) -> dict[str, object]:
    """The page's values for its digit."""
    services, engine, forward = context.services, context.engine, context.forward
    if view == "line":
        end = _toward(services, forward)
        return {
            "chart": end and own_line_chart(services, engine, forward, end),
            "end": end and engine.manifest.classes[end.label or 0],
        }
    if view == "length":
        return {"chart": length_chart(services, engine, forward)}
    return {"chart": path_chart(services, engine, forward)}
