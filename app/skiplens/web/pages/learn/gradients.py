"""The steps about gradients: in a network of two layers, and in trained ones by depth."""

from typing import Final

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.ladder import DEEPEST, STREAM
from skiplens.service.gradients import BlockGradient, GradientByPath, gradient_by_path
from skiplens.service.registry import find_block
from skiplens.web.pages import format as fmt
from skiplens.web.pages.experiments.gradients import EXPERIMENT, draw_paths
from skiplens.web.pages.learn.ladder import gradient_at_start, rungs
from skiplens.web.pages.learn.scene import Question, Scene, StepFigure
from skiplens.web.pages.learn.two_layer import dense_figure

_X, _W1, _W2 = 1.0, 1.5, 1.0  # where nothing was dragged
_VANISHED: Final = 0.001
_STAYS: Final = 0.01
_VANISHING: Final = 0.1


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
    here = f"Plain {fmt.number(plain)}, residual {fmt.number(residual)}"
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
                "Make the plain gradient vanish while the residual one stays.",
                touched=touched,
                right=plain < _VANISHED and residual > _STAYS,
                remark=f"{here}.",
            ),
            Question.judged(
                "Make both vanish.",
                touched=touched,
                right=plain < _VANISHED and residual < _VANISHED,
                remark=f"{here}.",
            ),
        ),
        tool=("Gradients of a trained network in the tool", f"{scene.links.blocks()}#gradients"),
    )


def gradients_figure(scene: Scene) -> StepFigure:
    """The gradient at every block's input, in the deep network and in its twin."""
    found = gradient_by_path(scene.context.engine, scene.forward)
    beside = _beside(scene, found.target)
    plain = list(beside[1].blocks) if beside else []
    names = [block.block for block in found.blocks]
    block = find_block(scene.manifest, scene.state.block).name if scene.state.block else names[0]
    at = names.index(block)
    own, touched = found.blocks[at], scene.state.block is not None
    twin = plain[at] if at < len(plain) else None
    return StepFigure(
        values={
            "chart": draw_paths(found, beside),
            "columns": tuple((name, scene.address(block=name), name == block) for name in names),
            "own": own,
            "twin": twin,
            "comparison": _compare(found.blocks[0], plain[0]) if plain else None,
            "start": _before_training(scene),
            "label": scene.manifest.classes[found.target],
        },
        questions=(
            Question.judged(
                "Where is the gradient without skips smallest?",
                touched=touched,
                right=twin is not None and twin.total == min(one.total for one in plain),
                remark=_smallest(block, twin, plain),
            ),
            Question.judged(
                "Find a block where the gradient is larger through the skip than through F.",
                touched=touched,
                right=own.identity is not None and own.identity > own.residual,
                remark=_shares(own),
            ),
        ),
        tool=("These gradients in the tool", f"{scene.links.blocks()}#gradients"),
        live={"experiment": EXPERIMENT.name, "block": block},
    )


def _beside(scene: Scene, target: int) -> tuple[str, GradientByPath] | None:
    twin = scene.networks.twin
    if twin is None:
        return None
    services = scene.context.services
    forward = services.runner.run(twin, scene.context.stored.image, AS_TRAINED)
    return twin.manifest.title, gradient_by_path(twin, forward, target)


def _compare(own: BlockGradient, plain: BlockGradient) -> str:
    """Whether the gradient vanishes on its way back without skips."""
    share = plain.total / own.total if own.total else 1.0
    end = "it is far smaller." if share < _VANISHING else "it does not vanish here."
    return (
        f"After training, at {plain.block}, the score's gradient is {fmt.number(share)} times as "
        f"large without skips: {end}"
    )


def _before_training(scene: Scene) -> str:
    """How much of the gradient came back at first, if the ladder has the network of the step."""
    runs = scene.context.services.experiments.ladder if scene.manifest.id == STREAM else ()
    deepest = next((rung for rung in rungs(runs) if rung.blocks == DEEPEST), None)
    if deepest is None:
        return ""
    plain, residual = gradient_at_start(deepest.plain), gradient_at_start(deepest.residual)
    if plain is None or residual is None:
        return ""
    return (
        f"Before training, {fmt.percent(plain)} of the loss's gradient reaches the first block "
        f"without skips, {fmt.percent(residual)} with them."
    )


def _smallest(block: str, twin: BlockGradient | None, plain: list[BlockGradient]) -> str:
    if twin is None:
        return "No plain network of this depth is loaded."
    least = min(one.total for one in plain)
    return f"At {block}, its norm is {fmt.number(twin.total)}; the smallest is {fmt.number(least)}."


def _shares(own: BlockGradient) -> str:
    if own.identity is None:
        return "This network has no skip."
    return (
        f"At {own.block}: {fmt.number(own.identity)} through the skip, "
        f"{fmt.number(own.residual)} through F."
    )
