"""Holds compiled graphs against Keras, output by output."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core.manifest import GraphInfo
from app.errors import CompileError
from app.network.tapping import Tapped

Array = NDArray[np.float32]
Arrays = Mapping[str, Array]
RunGraph = Callable[[bytes, GraphInfo, Arrays], dict[str, Array]]

TOLERANCE: Final = 1e-4
_TRIALS: Final = 6
_FLOOR: Final = 1e-3  # an output that is always smaller counts as one of this magnitude


def trials(tapped: Tapped) -> list[dict[str, Array]]:
    """Inputs to hold graphs against Keras with: images like digits, gates open, shut, between."""
    rng = np.random.default_rng(28)
    classes = np.eye(tapped.layers[-1].filters)
    found = []
    for trial in range(_TRIALS):
        shapes = {name: (1, *tensor.shape[1:]) for name, tensor in tapped.model.input.items()}
        image = np.clip(rng.normal(0.1, 0.6, shapes["image"]), 0, 1)
        inputs = {"image": image, "target": classes[[trial % len(classes)]]}
        if "gates" in shapes:
            gates = (np.ones, np.zeros, rng.random)[trial % 3]
            inputs["gates"] = gates(shapes["gates"])
        found.append({name: value.astype(np.float32) for name, value in inputs.items()})
    return found


def verify(
    content: bytes,
    info: GraphInfo,
    run_graph: RunGraph,
    reference: Callable[[Arrays], Arrays],
    tapped: Tapped,
) -> float:
    """The largest deviation of a graph from its reference over all trials and outputs.

    Args:
        content: the graph.
        info: its inputs and outputs by name.
        run_graph: runs it.
        reference: what it should return, from the same inputs.
        tapped: the network, for the shapes of its inputs.

    Returns:
        The deviation, relative to the largest magnitude of each output over all trials.

    Raises:
        CompileError: it is above :data:`TOLERANCE`, or not a number, or an output is missing.
    """
    magnitudes, deviations = dict.fromkeys(info.outputs, _FLOOR), dict.fromkeys(info.outputs, 0.0)
    for inputs in trials(tapped):
        expected = reference(inputs)
        found = run_graph(content, info, {key: inputs[key] for key in info.inputs})
        for name in info.outputs:
            deviation = _deviation(found.get(name), expected[name])
            deviations[name] = float(np.maximum(deviations[name], deviation))  # keeps NaN
            magnitudes[name] = max(magnitudes[name], float(np.max(np.abs(expected[name]))))
    relative = {name: deviations[name] / magnitudes[name] for name in info.outputs}
    for name, deviation in relative.items():
        if not deviation <= TOLERANCE:
            raise CompileError(
                f"compiled {info.file} differs from Keras at {name} by {deviation:.3g}; "
                f"at most {TOLERANCE:g} is allowed, so nothing was written"
            )
    return max(relative.values())


def _deviation(found: Array | None, expected: Array) -> float:
    """The largest difference; infinite where there is nothing to compare."""
    if found is None or found.shape != expected.shape:
        return np.inf
    return float(np.max(np.abs(found - expected)))
