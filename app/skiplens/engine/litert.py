"""Runs compiled graphs with LiteRT: a graph, a pool of interpreters, the engine."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from skiplens.core.manifest import GraphInfo, Manifest
from skiplens.core.timing import timed
from skiplens.engine.base import Activations, Array, check_finite, layers_to_check
from skiplens.engine.model_folder import ModelFolder
from skiplens.errors import BusyError, ModelError


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


T = TypeVar("T")


class InterpreterPool(Generic[T]):
    """Lends out ``size`` things; the most recently returned goes first, since it is warm.

    Args:
        make: makes one of them.
        size: how many there are.
        max_waiting: how many callers may wait for one at the same time.
    """

    def __init__(self, make: Callable[[], T], size: int, max_waiting: int) -> None:
        self._free: queue.LifoQueue[T] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(make())
        self._max_waiting = max_waiting
        self._waiting = 0
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Callers waiting at this moment."""
        return self._waiting

    @contextmanager
    def acquire(self) -> Iterator[T]:
        """Lend one thing for the length of a ``with`` block.

        Raises:
            BusyError: as many callers as allowed are waiting already.
        """
        item = self._take()
        try:
            yield item
        finally:
            self._free.put(item)

    def _take(self) -> T:
        try:
            return self._free.get_nowait()
        except queue.Empty:
            pass
        with self._lock:
            if self._waiting >= self._max_waiting:
                raise BusyError(
                    f"{self._waiting} computations are waiting already; "
                    f"at most {self._max_waiting} may wait"
                )
            self._waiting += 1
        try:
            with timed("wait"):
                return self._free.get()
        finally:
            with self._lock:
                self._waiting -= 1


class LiteRTEngine:
    """Runs a model folder's compiled graphs; implements :class:`skiplens.engine.base.Engine`.

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
        self._telling = layers_to_check(folder.manifest.layers)
        self._activations = self._pool("activations", size, max_waiting)
        self._gradients = self._pool("gradients", size, max_waiting)

    def _pool(self, graph: str, size: int, max_waiting: int) -> InterpreterPool[LiteRTGraph]:
        info: GraphInfo = self.manifest.graphs[graph]
        content = self._folder.read(info.file)
        return InterpreterPool(lambda: LiteRTGraph(content, info), size, max_waiting)

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

    def activations(self, image: Array, branch_scales: Array) -> Activations:
        """One forward pass; see :meth:`skiplens.engine.base.Engine.activations`."""
        outputs = self._run(
            self._activations, {"image": image, "branch_scales": branch_scales[None]}
        )
        check_finite(outputs, self._telling)
        return outputs

    def gradients(self, image: Array, branch_scales: Array, target: int) -> Activations:
        """One backward pass; see :meth:`skiplens.engine.base.Engine.gradients`."""
        one_hot = np.zeros((1, len(self.manifest.classes)), np.float32)
        one_hot[0, target] = 1.0
        inputs = {"image": image, "branch_scales": branch_scales[None], "target": one_hot}
        outputs = self._run(self._gradients, inputs)
        check_finite(outputs)
        return outputs

    def _run(self, pool: InterpreterPool[LiteRTGraph], inputs: Mapping[str, Array]) -> Activations:
        with pool.acquire() as graph, timed("infer"):
            outputs = graph.run(inputs)
        found = {name: value[0] for name, value in outputs.items()}
        for name in self._vectors.keys() & found.keys():
            found[name] = found[name].reshape(self._vectors[name])
        return found

    def close(self) -> None:
        """Nothing to do: interpreters go with the object."""
