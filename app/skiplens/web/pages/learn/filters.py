"""The first two steps: a kernel that slides over the digit, and the maps of a layer."""

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np

from skiplens.core.manifest import LayerInfo, Manifest
from skiplens.core.unit_arithmetic import BatchNorm
from skiplens.core.value_range import Normalisation
from skiplens.errors import UnknownStepError
from skiplens.service.map_grids import layer_grid
from skiplens.service.registry import check_filter, find_layer
from skiplens.service.units import explain, parse_position
from skiplens.web.pages import figures, fmt
from skiplens.web.pages.figures import Picture, filter_kernel
from skiplens.web.pages.learn import first_convolution
from skiplens.web.pages.learn.scene import Question, Scene, StepFigure, moves
from skiplens.web.pages.unit import UnitQuery, unit_section

_NEARLY: Final = 0.9
_MAP_ZOOM: Final = 10


def kernel_figure(scene: Scene) -> StepFigure:
    """One kernel that slides over the digit."""
    layer = _story_convolution(scene.manifest)
    index = _chosen_filter(scene, layer)
    maps = scene.forward.maps(layer)[:, :, index]
    at = scene.state.at or _position_with_a_sum(maps)
    position = parse_position(layer, at)
    value, largest = float(maps[position]), float(maps.max())
    touched = scene.state.at is not None
    return StepFigure(
        values={
            "index": index,
            "unit": unit_section(scene.context, layer, index, UnitQuery(at=at)),
            "map": _single_map(scene, layer, index),
            "moves": moves(scene, layer, position),
        },
        questions=(
            Question.judged(
                "Select a pixel whose sum is close to the largest.",
                touched=touched,
                right=value >= _NEARLY * largest,
                remark=f"Here the sum is {fmt.number(value)}, the largest {fmt.number(largest)}.",
            ),
            Question.judged(
                "Select a pixel with a sum below zero.",
                touched=touched,
                right=value < 0,
                remark=f"Here the sum is {fmt.number(value)}.",
            ),
        ),
        tool=(
            f"Filter {index} in the tool",
            scene.links.filter(layer.name, index, at=scene.state.at),
        ),
    )


def _story_convolution(manifest: Manifest) -> LayerInfo:
    found = first_convolution(manifest)
    if found is None:
        raise UnknownStepError("the network's first layer is no convolution")
    return found


def _chosen_filter(scene: Scene, layer: LayerInfo) -> int:
    """The filter that was touched, else that with the largest kernel."""
    if scene.state.filter is not None:
        return check_filter(layer, scene.state.filter)
    kernel = scene.context.engine.weights[f"{_story_convolution(scene.manifest).name}/kernel"]
    return int(np.square(kernel).sum(axis=(0, 1, 2)).argmax())


def _position_with_a_sum(maps: np.ndarray) -> str:
    """Where the sum is nearest to half the largest: its products are seen, and it answers neither
    question.
    """
    found = np.unravel_index(np.abs(maps - maps.max() / 2).argmin(), maps.shape)
    return ",".join(map(str, found))


def _single_map(scene: Scene, layer: LayerInfo, index: int) -> dict[str, Any]:
    options = replace(
        scene.links.options,
        normalize=Normalisation.FILTER,
        zoom=_MAP_ZOOM,
        labels=False,
    )
    grid = layer_grid(scene.forward, layer, (index,), options)
    look = {"normalize": "filter", "filters": index, "zoom": _MAP_ZOOM, "labels": "false"}
    low, high = grid.cells[0].range
    return {
        "picture": Picture.of(scene.links.grid(layer.name, **look), grid.layout),
        "box": " ".join(map(str, grid.cells[0].box)),
        "alt": f"Map of filter {index}, values from {fmt.number(low)} to {fmt.number(high)}",
        "legend": figures.legend_of((low, high), figures.ramp(grid), ""),
    }


def _rescaled(scene: Scene, convolution: LayerInfo, index: int) -> tuple[str, str, str] | None:
    """The factor, the sign and the shift of a filter's sums in the batch norm after a convolution,
    as texts; ``None`` if none follows.
    """
    layers = scene.manifest.layers
    norm = next((one for one in layers if one.inputs == (convolution.name,)), None)
    if norm is None:
        return None
    found = explain(scene.context.engine, scene.forward, norm, index, (0, 0)).arithmetic
    if not isinstance(found, BatchNorm):
        return None
    factor = found.gamma / math.sqrt(found.variance + found.epsilon)
    shift = found.beta - factor * found.mean
    return fmt.number(factor), fmt.MINUS if shift < 0 else "+", fmt.number(abs(shift))


def layer_step(scene: Scene) -> StepFigure:
    """The maps of all filters of the first layer."""
    layer = find_layer(scene.manifest, scene.manifest.blocks[0].input)
    index = _chosen_filter(scene, layer)
    grid = layer_grid(
        scene.forward,
        layer,
        tuple(range(layer.filters)),
        replace(scene.links.options, labels=False),
    )
    means = [found.mean for found in scene.forward.statistics(layer)]
    mean, touched = means[index], scene.state.filter is not None
    here = f"Filter {index} has a mean of {fmt.number(mean)}"
    convolution = _story_convolution(scene.manifest)
    kernel = filter_kernel(scene.context, convolution, index)
    return StepFigure(
        values={
            "index": index,
            "picture": Picture.of(scene.links.grid(layer.name, labels="false"), grid.layout),
            "tiles": tuple(
                (
                    cell.filter,
                    " ".join(map(str, cell.box)),
                    scene.address(filter=cell.filter),
                    fmt.number(means[cell.filter]),
                )
                for cell in grid.cells
            ),
            "legend": figures.legend(grid),
            "kernel": kernel.weights if kernel else None,
            "rescaled": _rescaled(scene, convolution, index),
        },
        questions=(
            Question.judged(
                "Which filter responds most, on average?",
                touched=touched,
                right=mean == max(means),
                remark=f"{here}; the largest is {fmt.number(max(means))}.",
            ),
            Question.judged(
                "Which filter responds least?",
                touched=touched,
                right=mean == min(means),
                remark=f"{here}; the smallest is {fmt.number(min(means))}.",
            ),
        ),
        tool=("This layer in the tool", scene.links.layer(layer.name)),
    )
