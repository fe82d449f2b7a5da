"""The model registry: looks up networks, layers, blocks and filters by name."""

import math
import re
from collections.abc import Iterable, Mapping

from skiplens.core.manifest import (
    AS_TRAINED,
    TRAINED_ORDER,
    BlockInfo,
    BlockOrder,
    LayerInfo,
    Manifest,
    Scales,
)
from skiplens.engine.base import Engine
from skiplens.errors import (
    BlockNotDisableableError,
    BlocksNotReorderableError,
    InvalidParameterError,
    UnknownBlockError,
    UnknownFilterError,
    UnknownLayerError,
    UnknownNetworkError,
    quoted,
)

MAX_FACTOR = 4.0
MAX_LAYERS = 64
_FILTERS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_FACTOR = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


class ModelRegistry:
    """The loaded networks."""

    def __init__(self, engines: Mapping[str, Engine], default: str) -> None:
        self.default = default if default in engines else next(iter(engines))
        self._engines = {self.default: engines[self.default], **engines}

    @property
    def networks(self) -> tuple[Engine, ...]:
        """All networks, the default first."""
        return tuple(self._engines.values())

    def network(self, network: str) -> Engine:
        """The engine of a network, by id.

        Raises:
            UnknownNetworkError: it is not loaded.
        """
        engine = self._engines.get(network)
        if engine is None:
            raise UnknownNetworkError(
                f"network {quoted(network)} is not loaded; loaded are {_list(self._engines)}"
            )
        return engine


def find_layer(manifest: Manifest, name: str) -> LayerInfo:
    """The layer of that name.

    Raises:
        UnknownLayerError: the network has none.
    """
    layers = {layer.name: layer for layer in manifest.layers}
    if name not in layers:
        raise UnknownLayerError(
            f"network {manifest.id} has no layer {quoted(name)}; its layers are {_list(layers)}"
        )
    return layers[name]


def find_block(manifest: Manifest, name: str) -> BlockInfo:
    """The block of that name.

    Raises:
        UnknownBlockError: the network has none.
    """
    blocks = {block.name: block for block in manifest.blocks}
    if name not in blocks:
        raise UnknownBlockError(
            f"network {manifest.id} has no block {quoted(name)}; its blocks are {_list(blocks)}"
        )
    return blocks[name]


def check_filter(layer: LayerInfo, index: int) -> int:
    """The index, if the layer has such a filter.

    Raises:
        UnknownFilterError: it has none.
    """
    if not 0 <= index < layer.filters:
        raise UnknownFilterError(
            f"layer {layer.name} has no filter {index}; its filters are 0 to {layer.filters - 1}"
        )
    return index


def parse_scales(manifest: Manifest, scale: str | None, name: str = "scale") -> Scales:
    """The factors of ``scale=block2:0,block5:0.5``; ``name`` is the parameter's name.

    Raises:
        InvalidParameterError: it is not a list of pairs, a factor is outside -4 to 4, or a block
            occurs twice.
        UnknownBlockError: the network has no such block.
        BlockNotDisableableError: the branch of a block cannot be scaled.
    """
    if not scale:
        return AS_TRAINED
    factors: dict[str, float] = {}
    for pair in scale.split(","):
        block, colon, text = (part.strip() for part in pair.rpartition(":"))
        factor = float(text) if _FACTOR.fullmatch(text) else math.nan
        if not colon or not abs(factor) <= MAX_FACTOR:
            raise InvalidParameterError(
                f"{name} must be block:factor pairs such as block2:0,block5:0.5, with factors from "
                f"{-MAX_FACTOR:g} to {MAX_FACTOR:g}; got {quoted(scale)}"
            )
        if block in factors:
            raise InvalidParameterError(f"{name} must name each block once; got {quoted(scale)}")
        factors[find_block(manifest, block).name] = factor
    fixed = factors.keys() - set(manifest.disableable_blocks)
    if fixed:
        raise BlockNotDisableableError(
            f"{name} names {_list(sorted(fixed))}, but in network {manifest.id} x would not pass "
            "there with the branch off; blocks that can be scaled are "
            f"{_list(manifest.disableable_blocks)}"
        )
    return Scales.in_order(factors, manifest.disableable_blocks)


def parse_order(manifest: Manifest, order: str | None) -> BlockOrder:
    """The order of ``order=block3,block2``: the blocks named run, in that order, in the places that
    they take together as trained; the others keep theirs.

    Raises:
        InvalidParameterError: a block occurs twice.
        UnknownBlockError: the network has no such block.
        BlocksNotReorderableError: its blocks differ in shape or in their layers.
    """
    if not order:
        return TRAINED_ORDER
    trained = [block.name for block in manifest.blocks]
    named = [find_block(manifest, name.strip()).name for name in order.split(",")]
    if len(set(named)) != len(named):
        raise InvalidParameterError(f"order must name each block once; got {quoted(order)}")
    if not manifest.can_reorder:
        raise BlocksNotReorderableError(
            f"the blocks of network {manifest.id} cannot run in another order: that takes blocks "
            "of one shape with the same layers, which x passes unchanged"
        )
    moved = iter(named)
    return BlockOrder.of([next(moved) if name in named else name for name in trained], trained)


def parse_layers(manifest: Manifest, layers: str | None) -> tuple[LayerInfo, ...]:
    """The layers of ``layers=stem.output,block1.sum``, without duplicates; none by default.

    Raises:
        InvalidParameterError: there are more than 64.
        UnknownLayerError: the network has no such layer.
    """
    names = layers.split(",") if layers else []
    if len(names) > MAX_LAYERS:
        raise InvalidParameterError(
            f"layers names {len(names)} layers; at most {MAX_LAYERS} are allowed"
        )
    return tuple(find_layer(manifest, name) for name in dict.fromkeys(map(str.strip, names)))


def parse_filters(layer: LayerInfo, filters: str | None) -> tuple[int, ...]:
    """The filter indices of ``filters=0,4-7``, in that order; all by default.

    Raises:
        InvalidParameterError: it is not a list of indices and ranges, or a filter occurs twice.
        UnknownFilterError: the layer has no such filter.
    """
    if not filters:
        return tuple(range(layer.filters))
    chosen: list[int] = []
    for part in filters.split(","):
        match = _FILTERS.fullmatch(part.strip())
        if match is None:
            raise InvalidParameterError(
                f"filters must be indices and ranges such as 0,4-7; got {quoted(filters)}"
            )
        start = check_filter(layer, int(match[1]))
        stop = check_filter(layer, int(match[2] or match[1]))
        if stop < start:
            raise InvalidParameterError(
                f"filters must have the lower index of a range first; got {quoted(filters)}"
            )
        chosen.extend(range(start, stop + 1))
    if len(set(chosen)) != len(chosen):
        raise InvalidParameterError(f"filters must name each filter once; got {quoted(filters)}")
    return tuple(chosen)
