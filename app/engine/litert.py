"""The CPU engine: a pool of LiteRT interpreters, one a core."""

from collections.abc import Mapping

import numpy as np

from app.core.manifest import GraphInfo, Manifest
from app.core.stages import stage
from app.engine.finite import check_finite, telling
from app.engine.folder import ModelFolder
from app.engine.graph import LiteRTGraph
from app.engine.pool import Pool
from app.engine.protocol import Activations, Array


class LiteRTEngine:
    """Runs a model folder's compiled graphs; implements :class:`app.engine.protocol.Engine`.

    Args:
        folder: an open model folder.
        size: interpreters a graph, at most one for each core is of use.
        max_waiting: callers that may wait for an interpreter.

    Raises:
        ModelError: a graph is damaged or is not the one the manifest describes.
    """

    name = "litert"
    device = "CPU"

    def __init__(self, folder: ModelFolder, size: int, max_waiting: int) -> None:
        self._folder = folder
        flat = [layer for layer in folder.manifest.layers if layer.shape[:2] == (1, 1)]
        self._vectors = {layer.name: layer.shape for layer in flat}
        self._telling = telling(folder.manifest.layers)
        self._activations = self._pool("activations", size, max_waiting)
        self._gradients = self._pool("gradients", size, max_waiting)

    def _pool(self, graph: str, size: int, max_waiting: int) -> Pool[LiteRTGraph]:
        info: GraphInfo = self.manifest.graphs[graph]
        content = self._folder.read(info.file)
        return Pool(lambda: LiteRTGraph(content, info), size, max_waiting)

    @property
    def manifest(self) -> Manifest:
        """The network's description."""
        return self._folder.manifest

    @property
    def weights(self) -> Mapping[str, Array]:
        """Every weight by ``layer/weight``, read-only."""
        return self._folder.weights

    @property
    def waiting(self) -> int:
        """Callers waiting for an interpreter at this moment."""
        return self._activations.waiting + self._gradients.waiting

    def activations(self, image: Array, gates: Array) -> Activations:
        """One forward pass; see :meth:`app.engine.protocol.Engine.activations`."""
        outputs = self._run(self._activations, {"image": image, "gates": gates[None]})
        check_finite(outputs, self._telling)
        return outputs

    def gradients(self, image: Array, gates: Array, target: int) -> Activations:
        """One backward pass; see :meth:`app.engine.protocol.Engine.gradients`."""
        one_hot = np.zeros((1, len(self.manifest.classes)), np.float32)
        one_hot[0, target] = 1.0
        inputs = {"image": image, "gates": gates[None], "target": one_hot}
        outputs = self._run(self._gradients, inputs)
        check_finite(outputs)
        return outputs

    def _run(self, pool: Pool[LiteRTGraph], inputs: Mapping[str, Array]) -> Activations:
        with pool.borrow() as graph, stage("infer"):
            outputs = graph.run(inputs)
        found = {name: value[0] for name, value in outputs.items()}
        for name in self._vectors.keys() & found.keys():
            found[name] = found[name].reshape(self._vectors[name])
        return found

    def close(self) -> None:
        """Nothing to do: interpreters go with the object."""
