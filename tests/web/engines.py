"""Engines that count, block or refuse, around one that works."""

import threading
from collections.abc import Mapping, Sequence

from skiplens.core.manifest import Manifest
from skiplens.engine.base import (
    Activations,
    Array,
    Engine,
    ReadActivations,
    RunForFigures,
    T,
)
from skiplens.samples import load_samples


class WatchedEngine:
    """Hands everything on, counts the calls, and can be made to wait or to fail.

    Attributes:
        calls: how often it was asked for activations and gradients.
        gate: calls wait until it is set; it is, to begin with.
        failure: raised by every call, if there is one.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.calls = 0
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self._lock = threading.Lock()

    @property
    def manifest(self) -> Manifest:
        return self._engine.manifest

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def device(self) -> str:
        return self._engine.device

    @property
    def weights(self) -> Mapping[str, Array]:
        return self._engine.weights

    @property
    def waiting(self) -> int:
        return self._engine.waiting

    def activations(self, image: Array, branch_scales: Array) -> Activations:
        self._enter()
        return self._engine.activations(image, branch_scales)

    def filter_figures(self, layers: Sequence[str]) -> RunForFigures:
        self._enter()
        return self._engine.filter_figures(layers)

    def inspect(self, image: Array, branch_scales: Array, read: ReadActivations[T]) -> T:
        self._enter()
        return self._engine.inspect(image, branch_scales, read)

    def outputs(self, images: Array, branch_scales: Array, layer: str) -> Array:
        self._enter()
        return self._engine.outputs(images, branch_scales, layer)

    def reordered(self, image: Array, branch_scales: Array, order: Array) -> Activations:
        self._enter()
        return self._engine.reordered(image, branch_scales, order)

    def gradients(self, image: Array, branch_scales: Array, target: int) -> Activations:
        self._enter()
        return self._engine.gradients(image, branch_scales, target)

    def close(self) -> None:
        """The engine inside is shared, and stays open."""

    def _enter(self) -> None:
        with self._lock:
            self.calls += 1
        assert self.gate.wait(30)
        if self.failure is not None:
            raise self.failure


class DescribedEngine(WatchedEngine):
    """Says of itself what a manifest says."""

    def __init__(self, engine: Engine, manifest: Manifest) -> None:
        super().__init__(engine)
        self._described = manifest

    @property
    def manifest(self) -> Manifest:
        return self._described


class SamplesFirst(WatchedEngine):
    """Reads the samples at once, whether the gate is open or not."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._samples = {one.digit.as_input().tobytes() for one in load_samples()}

    def activations(self, image: Array, branch_scales: Array) -> Activations:
        if image.tobytes() in self._samples:
            return self._engine.activations(image, branch_scales)
        return super().activations(image, branch_scales)
