"""Experiment: what the factor of the residual branches does to the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Final

import numpy as np
from fastapi import Query, Response

from skiplens.core.branch_scales import Scales
from skiplens.core.experiment_results import Curve
from skiplens.core.manifest import Manifest
from skiplens.engine.base import Array, Engine
from skiplens.service.forward import ForwardPass, predict
from skiplens.service.registry import find_block
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
    line_chart,
    series_path,
    share_axis,
)
from skiplens.web.pages.experiments.experiment_page import (
    Experiment,
    ExperimentContextDep,
    LiveDrawing,
    experiment_view,
    router,
)
from skiplens.web.pages.templating import RespondDep

FACTORS: Final = tuple(at / 8 for at in range(17))
_PRESETS: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
_X: Final = Axis("factor a of the branch", tuple((t, f"{t:g}") for t in (0, 0.5, 1, 1.5, 2)), 0, 2)
_Y: Final = share_axis("probability")


def _probabilities(engine: Engine, forward: ForwardPass) -> Array:
    """Of each class when every branch has the same factor: ``(factors, classes)``."""
    manifest = engine.manifest
    settings = [manifest.scaled(manifest.disableable_blocks, factor) for factor in FACTORS]
    return predict(engine, forward.digit, settings)


def class_chart(engine: Engine, forward: ForwardPass) -> LineChart | None:
    """The probability of each class against the factor of all branches."""
    if not engine.manifest.disableable_blocks:
        return None
    found = _probabilities(engine, forward)
    label = int(found[FACTORS.index(1.0)].argmax())
    uniform = uniform_factor(engine.manifest, forward.scales)
    series = [
        Series(
            f"class {name}" if at == label else "",
            "ink" if at == label else "other-class",
            tuple(
                Point(x, float(y), f"{name} at a = {x:g}: {fmt.percent(float(y))}")
                for x, y in zip(FACTORS, found[:, at], strict=True)
            ),
            dots=False,
            key=f"scale.class{at}",
        )
        for at, name in enumerate(engine.manifest.classes)
    ]
    return line_chart(
        series,
        x=_X,
        y=_Y,
        alt=f"Probability of each class against the factor; {engine.manifest.classes[label]} "
        "is drawn strongly",
        marks=[] if uniform is None else [Mark(uniform, f"a = {uniform:g}")],
    )


def uniform_factor(manifest: Manifest, scales: Scales) -> float | None:
    """The factor that all branches have; ``None`` if they differ, or none can be scaled."""
    factors = {scales.of(block) for block in manifest.disableable_blocks}
    return factors.pop() if len(factors) == 1 else None


def live(drawn: LiveDrawing) -> dict[str, str]:
    """The drawing under every factor."""
    if not drawn.engine.manifest.disableable_blocks:
        return {}
    found = _probabilities(drawn.engine, drawn.forward)
    return {
        f"scale.class{at}": series_path(_X, _Y, list(zip(FACTORS, map(float, row), strict=True)))
        for at, row in enumerate(found.T)
    }


def measured_chart(services: Services, manifest: Manifest, block: str) -> LineChart | None:
    """Test accuracy against the factor: of all branches, of one at a time, and of ``block``."""
    found = services.experiments.measured(manifest, "scale")
    if found is None or not found.curves:
        return None
    curves = {curve.name: curve for curve in found.curves}
    single = [curve for name, curve in curves.items() if name != "all"]
    series = [
        _one_at_a_time(single),
        *([_series(curves[block], f"{block} alone", "ink")] if block in curves else []),
        _series(curves["all"], "all branches", "residual"),
    ]
    return line_chart(
        series,
        x=_X,
        y=share_axis(f"accuracy on {found.digits:,} test digits"),
        alt="Test accuracy against the factor of all branches, and of one at a time",
    )


def _series(curve: Curve, name: str, tone: str) -> Series:
    points = (
        Point(point.x, point.mean, f"{name}, a = {point.x:g}: {fmt.percent(point.mean)}")
        for point in curve.points
    )
    return Series(name, tone, tuple(points))


def _one_at_a_time(curves: Sequence[Curve]) -> Series:
    """The mean over blocks, and the range from the most to the least affected."""
    points = []
    for across in zip(*(curve.points for curve in curves), strict=True):
        values = [point.mean for point in across]
        mean = float(np.mean(values))
        points.append(Point(across[0].x, mean, "", min(values), max(values)))
    name = "one branch at a time: mean, lowest and highest"
    return Series(name, "chain", tuple(points), dots=False)


EXPERIMENT: Final = Experiment(
    "scale",
    "Scale the branches",
    "What if every block added half of what it learned to add, or twice as much?",
    "De and Smith 2020 (SkipInit); Bachlechner et al. 2020 (ReZero)",
    card=lambda context: measured_chart(context.services, context.engine.manifest, ""),
    live=live,
)


@router.get(addresses.experiment_page(EXPERIMENT.name))
def scale(
    respond: RespondDep,
    context: ExperimentContextDep,
    block: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Branches scaled together, and one of them alone."""
    manifest, links = context.engine.manifest, context.links
    switches = manifest.disableable_blocks
    chosen = find_block(manifest, block).name if block else (switches or ("",))[0]
    options = {"block": chosen} if block else {}
    uniform = uniform_factor(manifest, context.forward.scales)
    values = {
        "chart": class_chart(context.engine, context.forward),
        "measured": measured_chart(context.services, manifest, chosen),
        "factor": uniform,
        "switches": switches,
        "presets": tuple(
            (f"{factor:g}", _all_scaled(links, manifest, factor, options), factor == uniform)
            for factor in _PRESETS
            if switches
        ),
        "chosen": chosen,
        "sentence": _describe(manifest, context.forward, uniform),
    }
    return respond(experiment_view(context, EXPERIMENT, values, options, chosen))


def _all_scaled(
    links: Links, manifest: Manifest, factor: float, options: Mapping[str, object]
) -> str:
    scales = manifest.scaled(manifest.disableable_blocks, factor)
    return replace(links, scales=scales).experiment(EXPERIMENT.name, **options)


def _describe(manifest: Manifest, forward: ForwardPass, uniform: float | None) -> str:
    """The effect of the factor on the prediction."""
    if not manifest.disableable_blocks:
        return (
            "No branch of this network can be scaled: that takes blocks that add F(x) to x, or "
            "have a gate."
        )
    label = manifest.classes[forward.label]
    share = fmt.percent(float(forward.probabilities[forward.label]))
    if uniform is None:
        text = fmt.describe_scales(forward.scales)
        return f"{text[0].upper()}{text[1:]}, the prediction is {label}."
    return f"With every branch at {uniform:g}, the prediction is {label}, at {share}."
