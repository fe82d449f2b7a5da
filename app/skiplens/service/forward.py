"""The cached forward pass: all activations of a digit in a network, computed once."""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from skiplens.core.digit import Digit
from skiplens.core.feature_stats import FilterStatistics, describe, extent
from skiplens.core.manifest import AS_TRAINED, LayerInfo, Manifest, Scales
from skiplens.core.value_range import Normalisation, ValueRange
from skiplens.engine.base import Engine

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """All that a network computed for one digit, with residual branches scaled.

    Attributes:
        manifest: of the network.
        digit: what it was given.
        scales: factors of the residual branches.
        activations: float32 ``(H, W, C)`` by layer name, read-only, finite.
    """

    manifest: Manifest
    digit: Digit
    scales: Scales
    activations: Mapping[str, Array]

    @property
    def probabilities(self) -> Array:
        """float32 ``(classes,)``, adding up to 1."""
        return self.activations[self.manifest.layers[-1].name].reshape(-1)

    @property
    def label(self) -> int:
        """Index of the most probable class."""
        return int(self.probabilities.argmax())

    @property
    def branch_scales(self) -> Array:
        """float32 ``(n,)``: the factor of each block that can be scaled."""
        return branch_scales(self.manifest, self.scales)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.activations.values())

    @cached_property
    def network_range(self) -> ValueRange:
        """Smallest and largest value of all maps that have space."""
        return self._extent_of(layer.name for layer in self.manifest.layers if layer.spatial)

    def scope(self, layer: LayerInfo, normalisation: Normalisation) -> ValueRange:
        """Smallest and largest value of all that shares a range with the layer."""
        if normalisation is Normalisation.NETWORK:
            return self.network_range
        if normalisation is Normalisation.BLOCK:
            return self._extent_of(self.range_group(layer) or (layer.name,))
        return extent(self.maps(layer))

    def range_group(self, layer: LayerInfo) -> tuple[str, ...]:
        """The parts of the layer's block, if it is one of them. A block's input is a part of the
        block before, or of the stem, and has its range there.
        """
        for block in self.manifest.blocks:
            parts = (block.identity, block.residual, block.sum, block.output)
            if layer.block == block.name and block.identity and layer.name in parts:
                return tuple(part for part in parts if part is not None)
        return ()

    def layer_scale(self, layer: LayerInfo) -> float | None:
        """What the layer is multiplied by as the branch of its block, or the gate of it; ``None``
        for other layers.
        """
        owner = (block for block in self.manifest.blocks if block.scaled_layer == layer.name)
        return next((self.scales.of(block.name) for block in owner), None)

    def is_signed(self, layer: LayerInfo) -> bool:
        """Whether the layer's values may be negative, as a gate's are below a negative factor."""
        return layer.signed or (self.layer_scale(layer) or 0) < 0

    def is_disabled(self, layer: LayerInfo) -> bool:
        """Whether the layer is zero because its block's branch is scaled to 0."""
        return self.layer_scale(layer) == 0

    def _extent_of(self, layers: Iterable[str]) -> ValueRange:
        extents = [extent(self.activations[name]) for name in layers]
        return min(low for low, _ in extents), max(high for _, high in extents)

    @cached_property
    def _statistics(self) -> dict[str, tuple[FilterStatistics, ...]]:
        return {}

    def statistics(self, layer: LayerInfo) -> tuple[FilterStatistics, ...]:
        """A layer's filters in numbers; worked out when first asked for."""
        known = self._statistics
        if layer.name not in known:
            known[layer.name] = describe(self.maps(layer))
        return known[layer.name]

    def maps(self, layer: LayerInfo) -> Array:
        """A layer's maps, ``(H, W, C)``."""
        return self.activations[layer.name]


def branch_scales(manifest: Manifest, scales: Scales) -> Array:
    """float32 ``(n,)``: the factor of each block that can be scaled, in forward order."""
    return np.array([scales.of(name) for name in manifest.disableable_blocks], np.float32)


class Runner(Protocol):
    """Examines digits."""

    def run(self, engine: Engine, digit: Digit, scales: Scales) -> ForwardPass:
        """Run a digit through a network with residual branches scaled."""


class ModelRunner:
    """Runs the engine every time."""

    def run(self, engine: Engine, digit: Digit, scales: Scales) -> ForwardPass:
        """One forward pass; see :meth:`skiplens.engine.base.Engine.activations` for errors."""
        activations = engine.activations(digit.as_input(), branch_scales(engine.manifest, scales))
        for array in activations.values():
            array.flags.writeable = False
        return ForwardPass(engine.manifest, digit, scales, activations)


def run_uncached(engine: Engine, digit: Digit, scales: Scales) -> tuple[ForwardPass, ForwardPass]:
    """The forward pass of a digit that is not stored, and its baseline: every factor 1."""
    runner = ModelRunner()
    forward = runner.run(engine, digit, scales)
    return forward, runner.run(engine, digit, AS_TRAINED) if scales else forward


_Key = tuple[str, str, Scales]


class CachedModelRunner:
    """Keeps the newest forward_passes of another runner, and computes each but once at a time.

    Args:
        runner: does the work.
        max_bytes: of the arrays that are kept.
    """

    def __init__(self, runner: Runner, max_bytes: int) -> None:
        self._examiner = runner
        self._kept: LRUCache[_Key, ForwardPass] = LRUCache(
            max_bytes, getsizeof=lambda forward: forward.nbytes
        )
        self._running: dict[_Key, Future[ForwardPass]] = {}
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def run(self, engine: Engine, digit: Digit, scales: Scales) -> ForwardPass:
        """The kept forward; else that of a caller already waiting for it; else a new one."""
        key = (engine.manifest.id, digit.id, scales)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self.hits += 1
                return kept
            running = self._running.get(key)
            if running is None:
                self.misses += 1
                self._running[key] = Future()
        if running is not None:
            return running.result()
        return self._compute(key, engine, digit)

    def _compute(self, key: _Key, engine: Engine, digit: Digit) -> ForwardPass:
        try:
            forward = self._examiner.run(engine, digit, key[-1])
        except BaseException as error:
            with self._lock:
                waiting = self._running.pop(key)
            waiting.set_exception(error)
            raise
        with self._lock:
            if forward.nbytes <= self._kept.maxsize:
                self._kept[key] = forward
            waiting = self._running.pop(key)
        waiting.set_result(forward)
        return forward
