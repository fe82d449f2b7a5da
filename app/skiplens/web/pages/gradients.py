"""The gradient at each block's input, by path: for the blocks page, the experiment and Learn."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import InputImage
from skiplens.core.manifest import Manifest
from skiplens.engine.base import Engine
from skiplens.service.forward import ForwardPass
from skiplens.service.gradients import (
    BlockGradient,
    GradientByPath,
    gradient_by_path,
    gradient_by_step,
)
from skiplens.service.registry import find_block, find_layer, twin_of
from skiplens.service.services import Services
from skiplens.web.pages import fmt, text
from skiplens.web.pages.charts import (
    Axis,
    LineChart,
    Point,
    Series,
    count_axis,
    line_chart,
    series_path,
)
from skiplens.web.pages.context import PageContext

NO_NETWORK: Final = "none"
"""Asks for no other network's gradients."""

Titled = tuple[str, GradientByPath]
"""The title of a network, and its gradient."""
_LEAST_WRITTEN_OUT: Final = -3  # powers of ten below it are written with an e
_MOST_TICKS: Final = 7
_MOST_NAMES: Final = 12  # of more blocks than that only some numbers have room on a phone

_Read = Callable[[BlockGradient], float | None]
_PATHS: Final[tuple[tuple[str, str, _Read], ...]] = (
    ("ink", "total", lambda block: block.total),
    ("identity", "through the identity", lambda block: block.identity),
    ("residual", "through F", lambda block: None if block.identity is None else block.residual),
)
"""Tone, name and norm of the gradient by each path."""


def gradient_chart(
    title: str,
    gradients: GradientByPath,
    beside: Titled | None,
    where: str = "each block's input, from the first block to the last",
) -> LineChart | None:
    """Gradients over depth, on a logarithmic scale: of a network, and dashed the total of another
    one. Zeros, which have no logarithm, are left out; ``None`` if every gradient is zero.
    """
    series = [
        Series(path, tone, _points(title, gradients, path, read)) for tone, path, read in _PATHS
    ]
    if beside:
        _, path, read = _PATHS[0]
        series.append(Series(f"dashed: {beside[0]}, total", "dashed", _points(*beside, path, read)))
    shown = [line for line in series if line.points]
    values = [point.y for line in shown for point in line.points]
    if not values:
        return None
    networks = [gradients, *([beside[1]] if beside else [])]
    deepest = max((network.blocks for network in networks), key=len)
    ticks = _ticks(min(values), max(values))
    named = tuple((tick, _tick_text(tick)) for tick in ticks)
    titles = fmt.join_and([title, *([beside[0]] if beside else [])])
    return line_chart(
        shown,
        x=Axis("depth", _names(deepest), -0.5, len(deepest) - 0.5),
        y=Axis("norm of the gradient", named, ticks[0], ticks[-1], log=True),
        alt=f"Norm of the gradient at {where}, in {titles}",
    )


def _points(title: str, gradients: GradientByPath, path: str, read: _Read) -> tuple[Point, ...]:
    return tuple(
        Point(at, value, f"{title}, {block.block}: {fmt.number(value)} {path}")
        for at, block in enumerate(gradients.blocks)
        if (value := read(block))
    )


def _ticks(low: float, high: float) -> tuple[float, ...]:
    """1, 2 and 5 times powers of ten around all values; over many decades, powers only."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = range(first, max(last, first + 1) + 1)
    fine = [float(f"{step}e{power}") for power in powers for step in (1, 2, 5)]
    below = max((tick for tick in fine if tick <= low), default=fine[0])
    above = min((tick for tick in fine if tick >= high), default=fine[-1])
    ticks = tuple(tick for tick in fine if below <= tick <= above)
    if 1 < len(ticks) <= _MOST_TICKS:
        return ticks
    step = -(-len(powers) // _MOST_TICKS)
    shown = range(first, powers[-1] + step, step)
    return tuple(float(f"1e{power}") for power in shown)


def _tick_text(tick: float) -> str:
    return f"{tick:,g}" if tick >= 10.0**_LEAST_WRITTEN_OUT else fmt.number(tick, digits=2)


def _names(blocks: Sequence[BlockGradient]) -> tuple[tuple[float, str], ...]:
    """Names of blocks by their place, or some of their numbers where there are many."""
    names = [block.block for block in blocks]
    if len(names) <= _MOST_NAMES:
        return tuple(enumerate(names))
    step = -(-len(names) // _MOST_NAMES)
    return tuple(
        (at, names[at].removeprefix("block").removeprefix("row ").removeprefix("step "))
        for at in range(0, len(names), step)
    )


def describe_gradients(networks: Sequence[Titled]) -> str:
    """How the gradient changes from the last block's input back to the first's; empty if
    no network has more than one block, unless every gradient is zero.
    """
    drawn = [(title, gradients.blocks) for title, gradients in networks if gradients.blocks]
    if not any(blocks[-1].total for _, blocks in drawn):
        return "Every gradient is zero: no small change of these values changes the logit."
    changes = [
        f"in {title} it {_change(blocks[0].total / blocks[-1].total)}"
        for title, blocks in drawn
        if blocks[-1].total and len(blocks) > 1
    ]
    if not changes:
        return ""
    return (
        "From the last block's input back to the first's, the gradient changes: "
        f"{', '.join(changes)}."
    )


def _change(ratio: float) -> str:
    if ratio >= 1:
        return f"grows to {fmt.number(ratio)} times its size"
    return f"shrinks to {fmt.number(ratio)} of its size"


def gradient_values(
    context: PageContext, target: int | None, beside: str | None
) -> dict[str, object]:
    """What the section of the gradients shows."""
    manifest = context.engine.manifest
    if not _has_paths(manifest):
        return {}
    others = _others(context.services, manifest)
    twin = twin_of(manifest, others)
    chosen = beside or twin or NO_NETWORK
    found = gradient_by_path(context.engine, context.forward, target)
    other = None
    if chosen != NO_NETWORK:
        engine, forward = _other_network(context, chosen)
        other = engine.manifest.title, gradient_by_path(engine, forward, found.target)
    networks_drawn = [(manifest.title, found), *([other] if other else [])]
    return {
        "target": found.target,
        "predicted": context.forward.label,
        "others": others,
        "twin": twin or NO_NETWORK,
        "beside": chosen,
        "beside_title": other[0] if other else None,
        "chart": gradient_chart(manifest.title, found, other),
        "gradient_text": describe_gradients(networks_drawn),
        "step": _step_noun(manifest),
        "recurs": any(layer.role == "states" for layer in manifest.layers),
        "step_chart": _step_chart(context, found.target, chosen),
        "gradients": found.blocks,
        "beside_totals": {row.block: row.total for row in other[1].blocks} if other else {},
    }


def _has_paths(manifest: Manifest) -> bool:
    """Whether there are blocks, and a gradient at the input of each."""
    return bool(manifest.blocks) and not manifest.no_gradients


def _others(services: Services, manifest: Manifest) -> tuple[Manifest, ...]:
    """The networks whose gradients can be compared with a network's."""
    networks = (engine.manifest for engine in services.registry.networks)
    return tuple(
        other
        for other in networks
        if other.id != manifest.id and _has_paths(other) and other.answers_like(manifest)
    )


def _step_chart(context: PageContext, target: int, beside: str) -> LineChart | None:
    """The gradient at each step, of this network and the other one; ``None`` without steps."""
    found = gradient_by_step(context.engine, context.forward, target)
    if found is None:
        return None
    manifest, other = context.engine.manifest, None
    noun = _step_noun(manifest)
    if beside != NO_NETWORK:
        engine, forward = _other_network(context, beside)
        steps = gradient_by_step(engine, forward, target)
        other = (engine.manifest.title, _called(noun, steps)) if steps else None
    where = f"each {noun} of the first block's input, from the first to the last"
    return gradient_chart(manifest.title, _called(noun, found), other, where)


def _step_noun(manifest: Manifest) -> str:
    """What a step of the first block's input is called."""
    return text.step_noun(manifest, find_layer(manifest, manifest.blocks[0].input))


def _called(noun: str, steps: GradientByPath) -> GradientByPath:
    """A gradient by step whose steps are called ``noun``."""
    named = (replace(one, block=f"{noun} {at}") for at, one in enumerate(steps.blocks))
    return replace(steps, blocks=tuple(named))


def _other_network(context: PageContext, network: str) -> tuple[Engine, ForwardPass]:
    """Another network, and its forward pass on the same digit."""
    engine = context.services.registry.network(network)
    scales = context.links.with_network(engine.manifest).scales
    return engine, context.services.runner.run(engine, context.stored.image, scales)


def blocks_axis(count: int) -> Axis:
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
    found: GradientByPath, twin: Titled | None
) -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Name, tone and points of every path, and of the twin's gradient."""
    drawn = [(name, tone, found, read) for tone, name, read in _PATHS]
    if twin:
        drawn.append((twin[0], "chain", twin[1], _PATHS[0][2]))
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


def _both(
    services: Services, engine: Engine, forward: ForwardPass
) -> tuple[GradientByPath, Titled | None]:
    """The gradient of the predicted class by path, here and in the twin network."""
    found = gradient_by_path(engine, forward)
    twin = twin_of(engine.manifest, _others(services, engine.manifest))
    other = services.registry.network(twin) if twin else None
    return found, gradients_of_twin(services, other, forward.digit, found.target)


def gradients_of_twin(
    services: Services, twin: Engine | None, digit: InputImage, target: int
) -> Titled | None:
    """The title and the gradient of a network as trained, if there is one."""
    if twin is None:
        return None
    forward = services.runner.run(twin, digit, AS_TRAINED)
    return twin.manifest.title, gradient_by_path(twin, forward, target)


def path_chart(services: Services, engine: Engine, forward: ForwardPass) -> LineChart | None:
    """The gradient at each block's input, by path; ``None`` without gradients or blocks."""
    if not _has_paths(engine.manifest):
        return None
    return draw_paths(*_both(services, engine, forward))


def draw_paths(found: GradientByPath, twin: Titled | None) -> LineChart:
    """The chart of a network, and of its plain twin by title."""
    series = [
        Series(
            name,
            tone,
            tuple(Point(x, y, f"input of block{x:g}, {name}: {fmt.number(y)}") for x, y in points),
            dots=len(points) == 1,
            key=f"gradients.{tone}",
        )
        for name, tone, points in _lines(found, twin)
    ]
    return line_chart(
        series,
        x=blocks_axis(len(found.blocks)),
        y=_GRADIENT,
        alt="Norm of the gradient at each block's input, by path",
    )


def live_paths(
    services: Services, engine: Engine, forward: ForwardPass, block: str | None
) -> dict[str, str]:
    """The lines of :func:`path_chart`, and the gradients at one block if it is named."""
    if not _has_paths(engine.manifest):
        return {}
    x = blocks_axis(len(engine.manifest.blocks))
    lines = _lines(*_both(services, engine, forward))
    values = {f"gradients.{tone}": series_path(x, _GRADIENT, points) for _, tone, points in lines}
    if block:
        names = [one.name for one in engine.manifest.blocks]
        at = names.index(find_block(engine.manifest, block).name)
        values |= {
            f"gradients.{tone}.here": fmt.number(points[at][1])
            for _, tone, points in lines
            if at < len(points)
        }
    return values
