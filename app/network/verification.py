"""Holds compiled graphs against Keras, output by output."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core.manifest import GraphInfo
from app.errors import CompileError
from app.network.tapping import Tapped

Arrays = Mapping[str, NDArray[np.float32]]
RunGraph = Callable[[bytes, GraphInfo, Arrays], dict[str, NDArray[np.float32]]]

TOLERANCE: Final = 1e-4
_TRIALS: Final = 6


def trials(tapped: Tapped) -> list[dict[str, NDArray[np.float32]]]:
    """Inputs to hold graphs against Keras with: images like digits, gates open, shut, between."""
    rng = np.random.default_rng(28)
    found = []
    for trial in range(_TRIALS):
        shapes = {name: (1, *tensor.shape[1:]) for name, tensor in tapped.model.input.items()}
        image = np.clip(rng.normal(0.1, 0.6, shapes["image"]), 0, 1)
        inputs = {"image": image, "target": np.eye(tapped.layers[-1].filters)[[trial]]}
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
        The deviation, relative to the output's largest magnitude or 1, whichever is more.

    Raises:
        CompileError: it is above :data:`TOLERANCE`, or not a number.
    """
    worst = 0.0
    for inputs in trials(tapped):
        expected = reference(inputs)
        given = {key: inputs[key] for key in info.inputs}
        for output, value in run_graph(content, info, given).items():
            scale = max(1.0, float(np.max(np.abs(expected[output]))))
            deviation = float(np.max(np.abs(value - expected[output]))) / scale
            if not deviation <= TOLERANCE:
                raise CompileError(
                    f"compiled {info.file} differs from Keras at {output} by {deviation:.3g}; "
                    f"at most {TOLERANCE:g} is allowed, so nothing was written"
                )
            worst = max(worst, deviation)
    return worst
