"""Runs a network with Keras, with concurrent requests in batches."""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np

from skiplens.core.manifest import NETWORK_FILE
from skiplens.core.timing import timed
from skiplens.engine import litert
from skiplens.engine.base import (
    Activations,
    Array,
    ReadActivations,
    RunForFigures,
    check_finite,
    figures_of,
    layers_to_check,
    overloaded,
    read_only,
)
from skiplens.engine.litert import LiteRTEngine
from skiplens.engine.model_folder import ModelFolder
from skiplens.errors import BusyError, ModelError, SkiplensError

RunBatch = Callable[[dict[str, Array]], Mapping[str, Array]]
T = TypeVar("T")
_Job = tuple[dict[str, Array], "Future[dict[str, Array]]"]

MAX_BATCH: Final = 64
_WITHOUT: Final = "this machine has no LiteRT"


class Batcher:
    """Runs single requests in batches on its own thread.

    A batch takes the requests that wait when the previous one ends; none waits for a batch to
    fill. Sizes are rounded up to powers of two, because some backends compile once for each size.

    Args:
        run: maps arrays with a batch axis to arrays with the same batch axis.
        max_waiting: requests that may wait.
    """

    def __init__(self, run: RunBatch, max_waiting: int) -> None:
        self._run = run
        self._max_waiting = max_waiting
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._closed = False
        self._running = False
        self._lock = threading.Lock()  # counting and enqueuing must be one step
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Number of requests waiting for a batch."""
        return self._jobs.qsize()

    def submit(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Run one request, with a batch axis of 1, and wait for its outputs.

        Raises:
            BusyError: too many requests are waiting, or the engine is closing.
        """
        answer: Future[dict[str, Array]] = Future()
        with self._lock:
            if self._closed:
                raise BusyError("the engine is closing and accepts no more computations")
            if self._jobs.qsize() >= self._max_waiting + (not self._running):
                raise overloaded(self._jobs.qsize(), self._max_waiting)
            self._jobs.put((inputs, answer))
        with timed("infer"):
            return answer.result()

    def close(self) -> None:
        """Finish waiting requests and end the thread."""
        with self._lock:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            self._running = True
            batch, last = self._gather(first)
            self._answer(batch)
            self._running = False
            if last:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while len(batch) < MAX_BATCH:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _answer(self, batch: list[_Job]) -> None:
        size = 1 << (len(batch) - 1).bit_length()
        rows = [batch[min(row, len(batch) - 1)][0] for row in range(size)]
        try:
            inputs = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
            outputs = self._run(inputs)
            answers = [
                {name: value[row].copy() for name, value in outputs.items()}
                for row in range(len(batch))
            ]
        except Exception as error:  # noqa: BLE001  # callers receive any error
            for _, answer in batch:
                answer.set_exception(error)
            return
        for (_, answer), found in zip(batch, answers, strict=True):
            answer.set_result(found)


class KerasEngine:
    """Runs ``network.keras``; implements :class:`skiplens.engine.base.Engine`.

    Gradients come from the compiled graph: Keras has no gradient function for all backends, and
    the graph takes a millisecond. So do activations of reordered blocks. Where LiteRT is missing,
    the manifest has neither graph.

    Args:
        folder: an open model folder. Loading its ``network.keras`` can run code in the file; its
            SHA-256 is checked first.
        device: name of the backend's device.
        max_waiting: requests that may wait.

    Raises:
        ModelError: Keras cannot load the network.
    """

    name = "keras"

    def __init__(self, folder: ModelFolder, device: str, max_waiting: int) -> None:
        folder.read(NETWORK_FILE)
        try:
            from skiplens.network import tracing  # imports Keras

            network = tracing.load_network(folder.path / NETWORK_FILE)
            self._model = tracing.instrument(network).model
        except (ImportError, SkiplensError) as error:
            raise ModelError(f"Keras cannot load {folder.path / NETWORK_FILE}: {error}") from error
        self.device = device
        self.manifest, self.weights = folder.manifest, folder.weights
        self._compiled: LiteRTEngine | None = None
        if litert.MISSING is None:
            self._compiled = LiteRTEngine(folder, 1, max_waiting)
        else:
            own = {"activations": self.manifest.graphs["activations"]}
            self.manifest = replace(self.manifest, graphs=own, no_gradients=_WITHOUT)
        self._shapes = {layer.name: layer.shape for layer in folder.manifest.layers}
        self._checked_layers = layers_to_check(folder.manifest.layers)
        self._batcher = Batcher(self._model.predict_on_batch, max_waiting)

    @property
    def waiting(self) -> int:
        return self._batcher.waiting + (self._compiled.waiting if self._compiled else 0)

    def activations(self, image: Array, branch_scales: Array) -> Activations:
        maps = self._maps(image, branch_scales)
        check_finite(maps, self._checked_layers)
        return read_only(maps)

    def filter_figures(self, layers: Sequence[str]) -> RunForFigures:
        return lambda image, branch_scales: figures_of(
            self._maps(image, branch_scales), self.manifest.layers, layers
        )

    def inspect(self, image: Array, branch_scales: Array, read: ReadActivations[T]) -> T:
        return read(self.activations(image, branch_scales), computed=True)

    def outputs(self, images: Array, branch_scales: Array, layer: str) -> Array:
        passes = zip(images, branch_scales, strict=True)
        return np.stack([self.activations(image[None], row)[layer] for image, row in passes])

    def _maps(self, image: Array, branch_scales: Array) -> Activations:
        inputs = {"image": image, "branch_scales": branch_scales[None].astype(np.float32)}
        outputs = self._batcher.submit({name: inputs[name] for name in self._model.input})
        return {name: value.reshape(self._shapes[name]) for name, value in outputs.items()}

    def reordered(self, image: Array, branch_scales: Array, order: Array) -> Activations:
        return self._graphs.reordered(image, branch_scales, order)

    def gradients(self, image: Array, branch_scales: Array, target: int) -> Activations:
        return self._graphs.gradients(image, branch_scales, target)

    @property
    def _graphs(self) -> LiteRTEngine:
        if self._compiled is None:
            raise ModelError(f"{_WITHOUT}, which runs this graph")
        return self._compiled

    def close(self) -> None:
        self._batcher.close()
