"""One LiteRT interpreter with its inputs and outputs by name. For one caller at a time."""

from collections.abc import Mapping

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from app.core.manifest import GraphInfo
from app.errors import ModelError

Array = NDArray[np.float32]


class LiteRTGraph:
    """A compiled graph, ready to run on one thread.

    Raises:
        ModelError: the content is no LiteRT graph, or not the one that ``info`` describes.
    """

    def __init__(self, content: bytes, info: GraphInfo) -> None:
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{info.file} is not a LiteRT graph: {error}") from error
        inputs = {entry["name"]: entry["index"] for entry in self._interpreter.get_input_details()}
        outputs = [entry["index"] for entry in self._interpreter.get_output_details()]
        if set(inputs) != set(info.inputs) or len(outputs) != len(info.outputs):
            raise ModelError(
                f"{info.file} takes {', '.join(sorted(inputs))} and returns {len(outputs)} arrays; "
                f"its manifest says {', '.join(sorted(info.inputs))} and {len(info.outputs)}"
            )
        self._inputs = inputs
        self._outputs = tuple(zip(info.outputs, outputs, strict=True))

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph once.

        Args:
            inputs: float32 arrays by name, batch axis of 1 first.

        Returns:
            float32 arrays by name, batch axis first; copies, owned by the caller.
        """
        for name, index in self._inputs.items():
            self._interpreter.set_tensor(index, inputs[name])
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._outputs}


def run_once(content: bytes, info: GraphInfo, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Open a graph, run it, and forget it; see :meth:`LiteRTGraph.run`."""
    return LiteRTGraph(content, info).run(inputs)
