"""The steps about blocks: their parts, one pixel of them, and branches switched off or scaled."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.experiment_results import CurvePoint
from skiplens.core.manifest import BlockInfo, LayerInfo, Manifest
from skiplens.service.feature_map_table import block_table
from skiplens.service.registry import find_block, find_layer
from skiplens.service.units import explain, parse_position
from skiplens.web.pages import figures, fmt
from skiplens.web.pages.blocks import ablated_accuracies
from skiplens.web.pages.figures import Picture, layer_strip
from skiplens.web.pages.learn import is_plain_sum, mathml
from skiplens.web.pages.learn.scene import Question, Scene, StepFigure, moves
from skiplens.web.pages.network_map import NetworkMap, network_map
from skiplens.web.pages.unit_steps import InputLabels, Steps, activation_steps, merge_steps

_ZOOM: Final = (
    2  # in the picture, which the page enlarges: a light one, since all filters are in it
)
_PARTS: Final = {"projected x": "x"}
_TAKEN_OUT: Final = 3  # blocks that a question asks for, or more
_FACTORS: Final = (0.25, 0.5, 0.75, 1.0, 1.5)


def block_figure(scene: Scene) -> StepFigure:
    """One block in the maps of one filter, and all blocks to choose from."""
    blocks = scene.manifest.blocks
    block = find_block(scene.manifest, scene.state.block) if scene.state.block else blocks[0]
    metrics = {found.block: found for found in scene.forward.block_metrics}
    ratios = {name: one.ratio for name, one in metrics.items() if one.ratio is not None}
    ratio = ratios.get(block.name)
    here = f"In {block.name}, F(x) multiplies x"
    if ratio is not None:
        here = f"In {block.name}, F(x) is {fmt.number(ratio)} times as large as x"
    touched = scene.state.block is not None
    return StepFigure(
        values={"block": block, "metrics": metrics[block.name], **_block_maps(scene, block)},
        questions=(
            Question.judged(
                "Which block's F(x) is largest, relative to its x?",
                touched=touched,
                right=ratio == max(ratios.values()),
                remark=f"{here}; the largest ratio is {fmt.number(max(ratios.values()))}.",
            ),
            Question.judged(
                "In which block is it smallest?",
                touched=touched,
                right=ratio == min(ratios.values()),
                remark=f"{here}; the smallest ratio is {fmt.number(min(ratios.values()))}.",
            ),
        ),
        tool=(f"{block.name} in the tool", scene.links.block(block.name)),
        map=_story_map(scene, block.name, lambda name: scene.address(block=name)),
    )


def _story_map(
    scene: Scene, current: str = "", choose: Callable[[str], str] | None = None
) -> NetworkMap:
    """The network map, which leads nowhere else: a block is chosen, or switched, by touching it."""
    drawn = network_map(
        scene.forward, scene.links, lambda links: scene.scaled(links.scales), current
    )
    blocks = (
        replace(block, href=choose(block.name), toggle=None) if choose else replace(block, href="")
        for block in drawn.blocks
    )
    return replace(drawn, blocks=tuple(blocks), leads_on=False)


def _block_maps(scene: Scene, block: BlockInfo) -> dict[str, Any]:
    """x, F(x), sum and output of the filter whose F(x) is largest, cut from one picture."""
    activations = scene.forward.activations
    index = int(np.linalg.norm(activations[block.residual], axis=(0, 1)).argmax())
    table = block_table(scene.forward, block, scene.links.options.palette, _ZOOM)
    boxes = {row.role: table.box(row, index) for row in table.rows}
    if "output" not in boxes:  # nothing follows the merge: it is the output
        boxes["output"] = boxes[table.rows[-1].role]
    return {
        "index": index,
        "picture": Picture.of(scene.links.block_maps(block.name, zoom=_ZOOM), table.layout),
        "boxes": {
            _PARTS.get(role, role): " ".join(map(str, box)) for role, box in boxes.items() if box
        },
        "legend": replace(
            figures.table_legend(table), sharing="the same scale for x, F(x) and output"
        ),
    }


def sum_figure(scene: Scene) -> StepFigure:
    """x, F(x), their sum and its ReLU at one pixel of one filter."""
    block = next(block for block in scene.manifest.blocks if is_plain_sum(block))
    shown = _block_maps(scene, block)
    sum_, output = (find_layer(scene.manifest, str(name)) for name in (block.sum, block.output))
    summed = scene.forward.maps(sum_)[:, :, shown["index"]]
    parts = [
        scene.forward.activations[name][..., shown["index"]]
        for name in (str(block.identity), block.residual)
    ]
    both = np.unravel_index(np.minimum(*parts).argmax(), summed.shape)  # neither is near zero
    at = scene.state.at or ",".join(map(str, both))
    position = parse_position(sum_, at)
    x, residual = (float(part[position]) for part in parts)
    total, touched = float(summed[position]), scene.state.at is not None
    here = f"At row {position[0]}, column {position[1]}"
    return StepFigure(
        values={
            **shown,
            "block": block,
            "row": position[0],
            "column": position[1],
            "rows": sum_.shape[0],
            "columns": sum_.shape[1],
            "lines": _lines(scene, (sum_, output), shown["index"], position),
            "moves": moves(scene, sum_, position),
        },
        questions=(
            Question.judged(
                "Find a pixel where the sum is smaller than x.",
                touched=touched,
                right=residual < 0,
                remark=f"{here}, x is {fmt.number(x)}, the sum {fmt.number(total)}.",
            ),
            Question.judged(
                "Find a pixel that ReLU sets to zero.",
                touched=touched,
                right=total < 0,
                remark=f"{here}, the sum is {fmt.number(total)}.",
            ),
        ),
        tool=(
            "This pixel in the tool",
            f"{scene.links.filter(sum_.name, shown['index'], at=at)}#unit",
        ),
    )


def _lines(
    scene: Scene, layers: tuple[LayerInfo, LayerInfo], index: int, position: tuple[int, int]
) -> Steps:
    """The arithmetic of a sum and of its activation."""
    engine, forward = scene.context.engine, scene.forward
    lines: Steps = ()
    for layer, steps in zip(layers, (merge_steps, activation_steps), strict=True):
        unit = explain(engine, forward, layer, index, position)
        labels = InputLabels(unit, scene.manifest, scene.links)
        lines += steps(unit.arithmetic, labels)  # type: ignore[operator]  # each of its kind
    return lines


def switch_figure(scene: Scene) -> StepFigure:
    """The network map with its switches, and what the answer becomes."""
    off, change = scene.links.scales.off, _answer_change(scene)
    touched = bool(scene.links.scales)
    one = len(off) == 1 and len(scene.links.scales.factors) == 1
    return StepFigure(
        values={
            "accuracy": _accuracy_without(scene.manifest, off) if off or not touched else None,
        },
        questions=(
            Question.judged(
                "Take out a single block and keep the answer.",
                touched=touched,
                right=one and not change.changed,
                remark=change.text if one else "Take out one block only.",
            ),
            Question.judged(
                "Find blocks that change the answer.",
                touched=touched,
                right=change.changed,
                remark=change.text,
            ),
        ),
        tool=("Every block in the tool", scene.links.blocks()),
        map=_story_map(scene),
    )


@dataclass(frozen=True)
class _Change:
    changed: bool
    text: str


def _answer_change(scene: Scene) -> _Change:
    """What the scaled branches make of the answer of the network as trained."""
    forward = scene.forward
    trained = scene.context.services.runner.run(scene.context.engine, forward.digit, AS_TRAINED)
    classes = scene.manifest.classes
    changed = trained.label != forward.label
    share = fmt.percent(float(forward.probabilities[forward.label]))
    now = f"{classes[forward.label]}, at {share}"
    if changed:
        return _Change(changed, f"The answer was {classes[trained.label]}; now it is {now}.")
    return _Change(changed, f"The answer is still {now}.")


def _accuracy_without(manifest: Manifest, off: tuple[str, ...]) -> str | None:
    """The test accuracy without some blocks, in a sentence; ``None`` if none was measured."""
    if manifest.test_accuracy is None or manifest.evaluation is None:
        return None
    digits = f"{manifest.evaluation.digits:,} test digits"
    trained = fmt.percent(manifest.test_accuracy.value)
    if not off:
        return f"With every block, the network classifies {trained} of {digits} correctly."
    found = ablated_accuracies(manifest).get(frozenset(off))
    if not found:
        return None
    return (
        f"Without {fmt.join_and(off)}, the network classifies {found[0]} of {digits} correctly, "
        f"instead of {trained}."
    )


def ablation_figure(scene: Scene) -> StepFigure:
    """The deep network with its switches and factors, and a highway's gate beside it."""
    off, change = scene.links.scales.off, _answer_change(scene)
    scaled = [block for block, factor in scene.links.scales.factors if factor]
    return StepFigure(
        values={
            "accuracy": _accuracy_without(scene.manifest, off) if off and not scaled else None,
            "dial": _dial_of_all(scene),
            "gate": _gate(scene),
            "removal": _removal(scene),
        },
        questions=(
            Question.judged(
                "Take out at least three blocks and keep the answer.",
                touched=bool(off),
                right=len(off) >= _TAKEN_OUT and not change.changed,
                remark=f"You took out {fmt.pluralise(len(off), 'block')}. {change.text}",
            ),
            Question.judged(
                "Scale all branches until the answer changes.",
                touched=bool(scaled),
                right=change.changed and bool(scaled),
                remark=change.text,
            ),
        ),
        tool=("Every block in the tool", scene.links.blocks()),
        map=_story_map(scene),
    )


def one_block_out(scene: Scene) -> tuple[int, CurvePoint, CurvePoint] | None:
    """On how many digits, and what one block taken out of the deep network leaves, with skips and
    without; ``None`` if it was not measured.
    """
    deep, twin = scene.networks.deep, scene.networks.twin
    experiments = scene.context.services.experiments
    networks = (deep.manifest, twin.manifest) if twin else ()
    found = [experiments.measured(manifest, "removal") for manifest in networks]
    points = [
        (one.digits, point)
        for one in found
        if one and one.curves
        for point in one.curves[0].points
        if point.x == 1
    ]
    match points:
        case [(digits, with_skips), (_, without)]:
            return digits, with_skips, without
        case _:
            return None


def _removal(scene: Scene) -> str:
    """What one block taken out leaves, and the block that is missed most; as far as it was
    measured.
    """
    found = one_block_out(scene)
    if found is None:
        return ""
    digits, with_skips, without = found
    text = (
        f"With one block taken out at random, {with_skips.runs} times, "
        f"{fmt.percent(with_skips.mean)} of {digits:,} test digits are still right with skips, "
        f"{fmt.percent(without.mean)} without."
    )
    evaluation = scene.manifest.evaluation
    alone = [one for one in evaluation.ablations if len(one.off) == 1] if evaluation else []
    if not evaluation or not alone:
        return text
    worst = min(alone, key=lambda one: one.correct)
    share = fmt.percent(worst.correct / evaluation.digits)
    return f"{text} Some blocks matter more: without {worst.off[0]} alone, {share} are right."


def _dial_of_all(scene: Scene) -> dict[str, Any]:
    """The factor that all branches have, and others to choose."""
    blocks, scales = scene.manifest.disableable_blocks, scene.links.scales
    off = {} if len(scales.off) == len(blocks) else dict.fromkeys(scales.off, 0.0)
    on = [block for block in blocks if block not in off]
    shared = {scales.of(block) for block in on}
    return {
        "blocks": ",".join(on),
        "which": "in all blocks that are on" if off else "in all blocks",
        "factor": fmt.branch_factor(shared.pop()) if len(shared) == 1 else None,
        "factors": tuple(
            (fmt.branch_factor(factor), scene.scaled(alike), alike == scales)
            for factor in _FACTORS
            for alike in [Scales.in_order({**dict.fromkeys(on, factor), **off}, blocks)]
        ),
    }


def _gate(scene: Scene) -> dict[str, Any] | None:
    """The gate of a highway block that is most closed on this digit."""
    engine = scene.networks.gated
    if engine is None:
        return None
    services = scene.context.services
    forward = services.runner.run(engine, scene.context.stored.image, AS_TRAINED)
    links = replace(scene.links, scales=AS_TRAINED).with_network(engine.manifest)
    gates = [str(block.gate) for block in engine.manifest.blocks if block.gate]
    name = min(gates, key=lambda gate: float(forward.activations[gate].mean()))
    layer = find_layer(engine.manifest, name)
    open_ = float(forward.activations[name].mean())
    return {
        "formula": mathml.HIGHWAY,
        "strip": layer_strip(forward, layer, links),
        "sentence": f"T(x) of {layer.block} in the highway network is {fmt.percent(open_)} on "
        f"average, so {fmt.percent(1 - open_)} of x passes.",
    }
