"""The cached forward pass: all activations of a digit in a network, computed once."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from cachetools import LRUCache

from skiplens.core.block_metrics import BlockNorms, block_metrics, block_norms, norm
from skiplens.core.block_order import TRAINED_ORDER, BlockOrder, reordered
from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.feature_stats import (
    FilterStatistics,
    FilterSummary,
    Sort,
    describe,
    extent,
    summarise,
)
from skiplens.core.input_image import InputImage
from skiplens.core.manifest import BlockInfo, BlockMetrics, LayerInfo, Manifest
from skiplens.core.value_range import Normalisation, ValueRange
from skiplens.engine.base import Activations, Array, Engine, ReadActivations, check_finite


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
    _glance: "Glance" = field(default_factory=lambda: Glance({}, {}))

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

    def batches(self) -> Iterator[dict[str, Array]]:
        """All activations in forward order, some at a time; none of them stays in memory because
        of this. Errors as in :meth:`skiplens.engine.base.Engine.activations`, from each batch.
        """
        names: list[str] = []
        size = 0
        for layer in self.manifest.layers:
            names.append(layer.name)
            size += layer.nbytes
            if size >= _BATCH or layer is self.manifest.layers[-1]:
                yield self._copies(names)
                names, size = [], 0

    def _copies(self, names: Sequence[str]) -> dict[str, Array]:
        if isinstance(self.activations, LayersOnDemand):
            return self.activations.copies(names)
        return {name: self.activations[name] for name in names}

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
        return self._extent_of([layer.name])

    def range_group(self, layer: LayerInfo) -> tuple[str, ...]:
        """The layers of its block that share a range with it, itself included; none if it has a
        range of its own. A block's input shares its range with the block or stem that computes it.
        """
        for block in self.manifest.blocks:
            if layer.block == block.name and block.identity and layer.name in block.compared:
                return block.compared
        return ()

    def block_range(self, block: BlockInfo) -> ValueRange:
        """Smallest and largest value of a block's x, F(x), sum and output."""
        return self._extent_of(block.compared)

    def layer_scale(self, layer: LayerInfo) -> float | None:
        """Factor of the layer if it is the branch or the gate of a block, else ``None``."""
        owner = (block for block in self.manifest.blocks if block.scaled_layer == layer.name)
        return next((self.scales.of(block.name) for block in owner), None)

    def is_signed(self, layer: LayerInfo) -> bool:
        """Whether values may be negative; with a negative factor, those of a gate and of what
        is computed from it are.
        """
        negative = any(factor < 0 for _, factor in self.scales.factors)
        return layer.signed or (negative and self._extent_of([layer.name])[0] < 0)

    def is_disabled(self, layer: LayerInfo) -> bool:
        """Whether the layer is zero because its block's branch is scaled to 0."""
        return self.layer_scale(layer) == 0

    def _extent_of(self, layers: Iterable[str]) -> ValueRange:
        known = self._glance.summaries
        extents = [
            known[name].extent if name in known else extent(self.activations[name])
            for name in layers
        ]
        return min(low for low, _ in extents), max(high for _, high in extents)

    def summary(self, layer: LayerInfo) -> FilterSummary:
        """The summary of a layer's filters, computed at first use."""
        found = self._glance.summaries.get(layer.name)
        if found is None:
            found = self._glance.summaries[layer.name] = summarise(self.maps(layer))
        return found

    @cached_property
    def block_metrics(self) -> tuple[BlockMetrics, ...]:
        """Metrics of all blocks, in forward order."""
        return self._glance.metrics or _block_metrics(self.manifest, self.activations)

    def norm(self, layer: str) -> float:
        """The Euclidean norm of a layer's maps."""
        found = self._glance.norms.get(layer)
        if found is None:
            found = self._glance.norms[layer] = norm(self.activations[layer])
        return found

    def block_norms(self, block: BlockInfo) -> BlockNorms:
        """The norms alone of a block's metrics."""
        for one in self._glance.metrics:
            if one.block == block.name:
                return BlockNorms(one.norm_x, one.norm_residual, one.norm_sum)
        return block_norms(block, self.activations)

    def ordered(self, layer: LayerInfo, filters: Sequence[int], sort: Sort) -> tuple[int, ...]:
        """Filters of a layer, sorted; equal ones keep their order."""
        if sort is Sort.INDEX:
            return tuple(filters)
        if sort is Sort.ZEROS:
            keys = np.array([one.zero_share for one in self.statistics(layer)])
        else:
            summary = self.summary(layer)
            keys = -(summary.mean if sort is Sort.MEAN else summary.high)
        return tuple(sorted(filters, key=lambda index: keys[index]))

    def statistics(self, layer: LayerInfo) -> tuple[FilterStatistics, ...]:
        """Statistics of each filter, computed at first use."""
        if layer.name not in self._statistics:
            self._statistics[layer.name] = describe(self.maps(layer))
        return self._statistics[layer.name]

    def maps(self, layer: LayerInfo) -> Array:
        """Maps of a layer, float32 ``(H, W, C)``."""
        return self.activations[layer.name]


@dataclass(frozen=True)
class Glance:
    """Summaries of activations that were computed without copying them.

    Attributes:
        summaries: of filters, by layer.
        norms: of layers, by name.
        metrics: of all blocks, or none.
    """

    summaries: dict[str, FilterSummary]
    norms: dict[str, float]
    metrics: tuple[BlockMetrics, ...] = ()


def _block_metrics(
    manifest: Manifest, activations: Mapping[str, Array]
) -> tuple[BlockMetrics, ...]:
    return tuple(block_metrics(block, activations) for block in manifest.blocks)


class LayersOnDemand(Mapping[str, Array]):
    """The activations of a large network, by layer, each copied from the engine at first use.

    Args:
        engine: runs the network.
        image: input, as :meth:`skiplens.engine.base.Engine.activations` takes it.
        scales: likewise.
    """

    def __init__(self, engine: Engine, image: Array, scales: Array) -> None:
        self._engine, self._image, self._scales = engine, image, scales
        self._names = [layer.name for layer in engine.manifest.layers]
        self._copied: dict[str, Array] = {}
        self._lock = threading.Lock()  # whoever waits for it finds the engine with this input

    def glance(self) -> Glance:
        """The summaries shown at once; copies the probabilities alone.

        Raises:
            NonFiniteError: the network computed NaN or infinity.
        """
        manifest = self._engine.manifest
        ends = {end for block in manifest.blocks for end in (block.input, block.output)}

        def read(found: Activations, *, computed: bool) -> Glance:
            del computed
            summaries = {name: summarise(found[name]) for name in self._names}
            check_finite({name: np.stack([one.low, one.high]) for name, one in summaries.items()})
            norms = {name: norm(found[name]) for name in ends}
            self._copy(found, self._names[-1:])
            return Glance(summaries, norms, _block_metrics(manifest, found))

        return self._engine.inspect(self._image, self._scales, read)

    def copies(self, names: Sequence[str]) -> dict[str, Array]:
        """The activations of some layers, which are not kept."""

        def read(found: Activations, *, computed: bool) -> dict[str, Array]:
            del computed
            return {name: found[name].copy() for name in names}

        with self._lock:
            return self._engine.inspect(self._image, self._scales, read)

    def __getitem__(self, name: str) -> Array:
        with self._lock:
            if name not in self._copied:
                self._engine.inspect(self._image, self._scales, self._reader(name))
            return self._copied[name]

    def _reader(self, name: str) -> ReadActivations[None]:
        """Copies a layer, or all if they had to be computed again: that takes as long as a third
        of computing them.
        """
        if name not in self._names:
            raise KeyError(name)

        def read(found: Activations, *, computed: bool) -> None:
            self._copy(found, self._names if computed else [name])

        return read

    def _copy(self, found: Activations, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._copied:
                copy = found[name].copy()
                copy.flags.writeable = False
                self._copied[name] = copy

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def branch_scales(manifest: Manifest, scales: Scales) -> Array:
    """The factor of each block that can be scaled, in forward order: float32 ``(n,)``."""
    return np.array([scales.of(name) for name in manifest.disableable_blocks], np.float32)


def network_input(manifest: Manifest, image: InputImage) -> Array:
    """An image in the size and colours of a network: float32 ``(1, H, W, C)`` in 0..1."""
    return image.as_input(manifest.input_shape, manifest.input.fit)


_BATCH: Final = 8 << 20  # bytes of activations that are sent at a time
_LARGE: Final = 16 << 20  # bytes of activations: copying them takes milliseconds


def run_network(engine: Engine, digit: InputImage, scales: Scales) -> ForwardPass:
    """One forward pass; see :meth:`skiplens.engine.base.Engine.activations` for errors."""
    image, factors = network_input(engine.manifest, digit), branch_scales(engine.manifest, scales)
    if engine.manifest.activation_bytes > _LARGE:
        layers = LayersOnDemand(engine, image, factors)
        return ForwardPass(engine.manifest, digit, scales, layers, _glance=layers.glance())
    return ForwardPass(engine.manifest, digit, scales, engine.activations(image, factors))


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
    manifest = reordered(engine.manifest, order)
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
            max_bytes, getsizeof=lambda forward: forward.manifest.activation_bytes
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
            if engine.manifest.activation_bytes <= self._cache.maxsize:
                self._cache[key] = forward
            waiting = self._running.pop(key)
        waiting.set_result(forward)
        return forward
