"""The steps about gradients: in a network of two layers, and in trained ones by depth."""

import math
from dataclasses import dataclass
from typing import Final

from skiplens.core.ladder import DEEPEST, STREAM, LadderRow, gradients_at_start, rungs
from skiplens.service.gradients import BlockGradient, gradient_by_path
from skiplens.service.registry import find_block
from skiplens.web.pages import fmt
from skiplens.web.pages.charts import LineChart, Point, Series, line_chart, share_axis
from skiplens.web.pages.experiments.gradients import EXPERIMENT
from skiplens.web.pages.gradients import blocks_axis, draw_paths, gradients_of_twin
from skiplens.web.pages.learn.scene import Question, Scene, StepFigure
from skiplens.web.pages.learn.two_layer import dense_figure

_X, _W1, _W2 = 1.0, 1.5, 1.0  # where nothing was dragged
_VANISHED: Final = 0.001
_STAYS: Final = 0.01


def routes_figure(scene: Scene) -> StepFigure:
    """The two-layer network, plain and residual, with its derivatives."""
    state = scene.state
    given = (state.x, state.w1, state.w2)
    x, w1, w2 = (
        usual if value is None else value
        for value, usual in zip(given, (_X, _W1, _W2), strict=True)
    )
    found = dense_figure(x, w1, w2, state.f)
    plain, residual = abs(found.gradients["plain"]), abs(found.gradients["residual"])
    touched = any(value is not None for value in given) or state.f != "sigmoid"
    kept = {"x": state.x, "w1": state.w1, "w2": state.w2}
    here = f"Distance from zero: plain {_in_full(plain)}, residual {_in_full(residual)}"
    return StepFigure(
        values={
            "dense": found,
            "action": scene.address(),
            "functions": tuple(
                (
                    text,
                    scene.address(**kept, f=None if name == "sigmoid" else name),
                    name == state.f,
                )
                for name, text in (("sigmoid", "sigmoid"), ("relu", "ReLU"))
            ),
        },
        questions=(
            Question.judged(
                f"Bring the plain gradient within {_VANISHED} of zero, the residual one beyond "
                f"{_STAYS}.",
                touched=touched,
                right=plain < _VANISHED and residual > _STAYS,
                remark=f"{here}.",
            ),
            Question.judged(
                f"Bring both within {_VANISHED} of zero.",
                touched=touched,
                right=plain < _VANISHED and residual < _VANISHED,
                remark=f"{here}.",
            ),
        ),
        tool=("Gradients of a trained network in the tool", f"{scene.links.blocks()}#gradients"),
    )


def _in_full(gradient: float) -> str:
    """A gradient without a power of ten, to be compared with the limits of the questions."""
    return fmt.number(gradient) if not 0 < gradient < _VANISHED else f"{gradient:.6f}"


def gradients_figure(scene: Scene) -> StepFigure:
    """The gradient at every block's input, in the deep network and in its twin."""
    found = gradient_by_path(scene.context.engine, scene.forward)
    services, digit = scene.context.services, scene.context.stored.image
    beside = gradients_of_twin(services, scene.networks.twin, digit, found.target)
    plain = list(beside[1].blocks) if beside else []
    names = [block.block for block in found.blocks]
    block = find_block(scene.manifest, scene.state.block).name if scene.state.block else names[0]
    at = names.index(block)
    own, touched = found.blocks[at], scene.state.block is not None
    twin = plain[at] if at < len(plain) else None
    start = _at_start(scene)
    return StepFigure(
        values={
            "chart": draw_paths(found, beside),
            "columns": tuple((name, scene.address(block=name), name == block) for name in names),
            "own": own,
            "twin": twin,
            "comparison": _compare(found.blocks[0], plain[0]) if plain else "",
            "start": start,
            "label": scene.manifest.classes[found.target],
        },
        questions=(
            Question.judged(
                "After training, where is the gradient without skips smallest?",
                touched=touched,
                right=twin is not None and twin.total == min(one.total for one in plain),
                remark=_smallest(block, twin, plain),
            ),
            Question.judged(
                "At which block is F's part largest, compared with the skip's?",
                touched=touched,
                right=_ratio(own) == max(map(_ratio, found.blocks)),
                remark=_shares(own, max(map(_ratio, found.blocks))),
            ),
        ),
        tool=("These gradients in the tool", f"{scene.links.blocks()}#gradients"),
        live={"experiment": EXPERIMENT.name, "block": block},
    )


def _compare(own: BlockGradient, plain: BlockGradient) -> str:
    """Whether the gradient at the first block is still smaller without skips."""
    end = "it is still smaller" if plain.total < own.total else "it arrives in both now"
    return (
        f"After training, the gradient at {plain.block} is {fmt.number(own.total)} with skips, "
        f"{fmt.number(plain.total)} without: {end}."
    )


@dataclass(frozen=True)
class GradientsAtStart:
    """How much of the loss's gradient reached each block before training."""

    chart: LineChart
    sentence: str


def _at_start(scene: Scene) -> GradientsAtStart | None:
    """The runs of the ladder's deepest networks, if the step is told on one of them."""
    runs = scene.context.services.experiments.ladder if scene.manifest.id == STREAM else ()
    deepest = next((rung for rung in rungs(runs) if rung.blocks == DEEPEST), None)
    if deepest is None:
        return None
    plain, residual = gradients_at_start(deepest.plain), gradients_at_start(deepest.residual)
    shares = first_shares(deepest)
    if shares is None:
        return None
    most = math.ceil(max(share for run in (*plain, *residual) for share in run))
    named = (("identity", "with skips", residual), ("chain", "without skips", plain))
    chart = line_chart(
        [_shares_of_run(tone, name, run) for tone, name, found in named for run in found],
        x=blocks_axis(len(plain[0])),
        y=share_axis("share that arrives", high=most, steps=2 if most % 2 == 0 else 1),
        alt="Share of the loss's gradient that reaches each block before training",
    )
    return GradientsAtStart(
        chart,
        f"Training starts with every branch at zero where there are skips, so {shares[0]} of the "
        f"gradient reaches the first block. Without skips it depends on the starting weights: "
        f"{shares[1]} in {len(plain)} runs.",
    )


def _shares_of_run(tone: str, name: str, shares: tuple[float, ...]) -> Series:
    points = tuple(
        Point(at, share, f"block{at}, {name}: {fmt.percent(share)}")
        for at, share in enumerate(shares, 1)
    )
    return Series(name, tone, points, dots=False)


def first_shares(rung: LadderRow) -> tuple[str, str] | None:
    """What reached the first block at the start, with skips and without, least and most of all
    runs: ``8 % to 28 %``; ``None`` if it was not measured.
    """
    with_skips, without = (
        [run[0] for run in gradients_at_start(runs)] for runs in (rung.residual, rung.plain)
    )
    return (_range(with_skips), _range(without)) if with_skips and without else None


def _range(shares: list[float]) -> str:
    ends = (f"{100 * end:.0f}{fmt.NARROW}%" for end in (min(shares), max(shares)))
    return " to ".join(dict.fromkeys(ends))


def _smallest(block: str, twin: BlockGradient | None, plain: list[BlockGradient]) -> str:
    if twin is None:
        return "No plain network of this depth is loaded."
    least = min(one.total for one in plain)
    return f"At {block}, its norm is {fmt.number(twin.total)}; the smallest is {fmt.number(least)}."


def _ratio(block: BlockGradient) -> float:
    """F's part, divided by the skip's."""
    return block.residual / block.identity if block.identity else 0.0


def _shares(own: BlockGradient, largest: float) -> str:
    return (
        f"At {own.block}, F's part is {fmt.number(_ratio(own))} times the skip's; the largest "
        f"ratio is {fmt.number(largest)}."
    )
