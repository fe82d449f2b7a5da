"""The cached forward pass: all activations of a digit in a network, computed once."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from cachetools import LRUCache

from skiplens.core.block_metrics import block_metrics
from skiplens.core.feature_stats import FilterStatistics, describe, extent
from skiplens.core.input_image import InputImage
from skiplens.core.manifest import (
    AS_TRAINED,
    TRAINED_ORDER,
    BlockInfo,
    BlockMetrics,
    BlockOrder,
    LayerInfo,
    Manifest,
    Scales,
)
from skiplens.core.value_range import Normalisation, ValueRange
from skiplens.engine.base import Array, Engine


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """All activations of one digit in a network with scaled residual branches.

    Attributes:
        manifest: of the network.
        digit: input.
        scales: factors of the residual branches.
        activations: float32 ``(H, W, C)`` by layer name, read-only, finite.
        order: of the blocks; the manifest has them in it.
    """

    manifest: Manifest
    digit: InputImage
    scales: Scales
    activations: Mapping[str, Array]
    order: BlockOrder = TRAINED_ORDER
    _statistics: dict[str, tuple[FilterStatistics, ...]] = field(default_factory=dict, init=False)

    @cached_property
    def image(self) -> Array:
        """The input as the network gets it, before its own layers scale it: float32
        ``(1, H, W, C)`` in 0..1.
        """
        return network_input(self.manifest, self.digit)

    @property
    def probabilities(self) -> Array:
        """float32 ``(classes,)``, adding up to 1."""
        return self.activations[self.manifest.layers[-1].name].reshape(-1)

    @property
    def label(self) -> int:
        """Index of the most probable class."""
        return int(self.probabilities.argmax())

    @cached_property
    def block_metrics(self) -> tuple[BlockMetrics, ...]:
        """Of every block, in forward order."""
        return tuple(block_metrics(block, self.activations) for block in self.manifest.blocks)

    @property
    def nbytes(self) -> int:
        """Size of all activations in bytes."""
        return sum(array.nbytes for array in self.activations.values())

    @cached_property
    def network_range(self) -> ValueRange:
        """Smallest and largest value of all maps with spatial axes, or of all if none has."""
        layers = self.manifest.layers
        return self._extent_of(
            layer.name for layer in [one for one in layers if one.spatial] or layers
        )

    def value_range(self, layer: LayerInfo, normalisation: Normalisation) -> ValueRange:
        """Smallest and largest value of all layers that share a range with this one."""
        if normalisation is Normalisation.NETWORK:
            return self.network_range
        if normalisation is Normalisation.BLOCK:
            return self._extent_of(self.range_group(layer) or (layer.name,))
        return extent(self.maps(layer))

    def range_group(self, layer: LayerInfo) -> tuple[str, ...]:
        """The layers of its block that share a range with it, itself included; none if it has a
        range of its own. A block's input shares its range with the block or stem that computes it.
        """
        for block in self.manifest.blocks:
            parts = _parts(block)
            if layer.block == block.name and block.identity and layer.name in parts:
                return parts
        return ()

    def block_range(self, block: BlockInfo) -> ValueRange:
        """Smallest and largest value of a block's x, F(x), sum and output."""
        return self._extent_of(_parts(block))

    def layer_scale(self, layer: LayerInfo) -> float | None:
        """Factor of the layer if it is the branch or the gate of a block, else ``None``."""
        owner = (block for block in self.manifest.blocks if block.scaled_layer == layer.name)
        return next((self.scales.of(block.name) for block in owner), None)

    def is_signed(self, layer: LayerInfo) -> bool:
        """Whether values may be negative; those of a gate are if its factor is."""
        return layer.signed or (self.layer_scale(layer) or 0) < 0

    def is_disabled(self, layer: LayerInfo) -> bool:
        """Whether the layer is zero because its block's branch is scaled to 0."""
        return self.layer_scale(layer) == 0

    def _extent_of(self, layers: Iterable[str]) -> ValueRange:
        extents = [extent(self.activations[name]) for name in layers]
        return min(low for low, _ in extents), max(high for _, high in extents)

    def statistics(self, layer: LayerInfo) -> tuple[FilterStatistics, ...]:
        """Statistics of each filter, computed at first use."""
        if layer.name not in self._statistics:
            self._statistics[layer.name] = describe(self.maps(layer))
        return self._statistics[layer.name]

    def maps(self, layer: LayerInfo) -> Array:
        """Maps of a layer, float32 ``(H, W, C)``."""
        return self.activations[layer.name]


def _parts(block: BlockInfo) -> tuple[str, ...]:
    """The layers that are compared in a block: x, F(x), sum and output."""
    parts = (block.identity, block.residual, block.sum, block.output)
    return tuple(part for part in parts if part is not None)


def branch_scales(manifest: Manifest, scales: Scales) -> Array:
    """The factor of each block that can be scaled, in forward order: float32 ``(n,)``."""
    return np.array([scales.of(name) for name in manifest.disableable_blocks], np.float32)


def network_input(manifest: Manifest, image: InputImage) -> Array:
    """An image in the size and colours of a network: float32 ``(1, H, W, C)`` in 0..1."""
    return image.as_input(manifest.input_shape, manifest.input.fit)


def run_network(engine: Engine, digit: InputImage, scales: Scales) -> ForwardPass:
    """One forward pass; see :meth:`skiplens.engine.base.Engine.activations` for errors."""
    image = network_input(engine.manifest, digit)
    activations = engine.activations(image, branch_scales(engine.manifest, scales))
    for array in activations.values():
        array.flags.writeable = False
    return ForwardPass(engine.manifest, digit, scales, activations)


def predict(engine: Engine, digit: InputImage, settings: Sequence[Scales]) -> Array:
    """Probabilities under each set of factors, float32 ``(settings, classes)``."""
    rows = np.stack([branch_scales(engine.manifest, scales) for scales in settings])
    images = np.repeat(network_input(engine.manifest, digit), len(rows), axis=0)
    found = engine.outputs(images, rows, engine.manifest.layers[-1].name)
    return found.reshape(len(rows), -1)


def run_reordered(
    engine: Engine, digit: InputImage, scales: Scales, order: BlockOrder
) -> ForwardPass:
    """One forward pass with the blocks in another order. Its manifest has them in that order; each
    layer keeps its name, and its maps are what it computes there.
    """
    if not order:
        return run_network(engine, digit, scales)
    trained = [block.name for block in engine.manifest.blocks]
    manifest = engine.manifest.reordered(order)
    indices = np.array([trained.index(name) for name in order.names], np.float32)
    image = network_input(manifest, digit)
    found = engine.reordered(image, branch_scales(manifest, scales), indices)
    owners = dict(zip(trained, order.names, strict=True))
    activations = {}
    for layer in engine.manifest.layers:
        name = layer.name
        if layer.block:
            name = owners[layer.block] + name.removeprefix(layer.block)
        activations[name] = found[layer.name]
        activations[name].flags.writeable = False
    return ForwardPass(manifest, digit, scales, activations, order)


def run_uncached(
    engine: Engine, digit: InputImage, scales: Scales
) -> tuple[ForwardPass, ForwardPass]:
    """The forward pass of a digit that is not stored, and its baseline, with every factor 1."""
    forward = run_network(engine, digit, scales)
    return forward, run_network(engine, digit, AS_TRAINED) if scales else forward


RunNetwork = Callable[[Engine, InputImage, Scales], ForwardPass]
_Key = tuple[str, str, Scales]


class CachedModelRunner:
    """Caches the most recently used forward passes; concurrent callers share one computation.

    Args:
        max_bytes: limit of all cached activations.
        run: computes them.
    """

    def __init__(self, max_bytes: int, run: RunNetwork = run_network) -> None:
        self._run_network = run
        self._cache: LRUCache[_Key, ForwardPass] = LRUCache(
            max_bytes, getsizeof=lambda forward: forward.nbytes
        )
        self._running: dict[_Key, Future[ForwardPass]] = {}
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def run(self, engine: Engine, digit: InputImage, scales: Scales) -> ForwardPass:
        """The forward pass: cached, from a caller that already computes it, or a new one."""
        key = (engine.manifest.id, digit.id, scales)
        with self._lock:
            cached = self._cache.get(key)
            if cached is not None:
                self.hits += 1
                return cached
            running = self._running.get(key)
            if running is None:
                self.misses += 1
                self._running[key] = Future()
        if running is not None:
            return running.result()
        return self._compute(key, engine, digit)

    def _compute(self, key: _Key, engine: Engine, digit: InputImage) -> ForwardPass:
        try:
            forward = self._run_network(engine, digit, key[-1])
        except BaseException as error:
            with self._lock:
                waiting = self._running.pop(key)
            waiting.set_exception(error)
            raise
        with self._lock:
            if forward.nbytes <= self._cache.maxsize:
                self._cache[key] = forward
            waiting = self._running.pop(key)
        waiting.set_result(forward)
        return forward
