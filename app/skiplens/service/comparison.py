"""Two forward passes side by side: of one network layer by layer, of two networks by place."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from skiplens.core.block_metrics import cosine
from skiplens.core.feature_stats import extent
from skiplens.core.manifest import NETWORK_FILE, LayerInfo, Manifest
from skiplens.core.published import Published
from skiplens.core.similarity import NetworkSimilarity
from skiplens.core.value_range import around_zero
from skiplens.errors import InvalidParameterError
from skiplens.service.forward import ForwardPass
from skiplens.service.map_grids import Grid, GridOptions, as_drawn, grid_of, layer_grid
from skiplens.service.registry import find_layer

Side = Literal["a", "b", "difference"]


@dataclass(frozen=True)
class LayerComparison(Published):
    """One layer in two forward passes, or two layers at the same place of two networks."""

    layer: str
    """Name of A's layer."""
    layer_b: str
    """Name of B's layer: the same in one network, that at the same place in another."""
    shape: tuple[int, int, int]
    """Height, width, number of filters of A's layer."""
    shape_b: tuple[int, int, int]
    """Height, width, number of filters of B's layer."""
    norm_a: float
    """Euclidean norm of A's maps."""
    norm_b: float
    """Euclidean norm of B's maps."""
    norm_difference: float | None
    """Euclidean norm of A - B; null for two networks, whose filters do not correspond."""
    cosine: float | None
    """Cosine of the angle between A's and B's maps, -1 to 1; 0 if either is zero; null for two
    networks."""
    cka: float | None
    """Linear CKA of the two layers over test digits, 0 to 1; null in one network, and where it was
    not measured."""


@dataclass(frozen=True)
class LayerPair:
    """A layer of A and the layer of B that it is compared with."""

    a: LayerInfo
    b: LayerInfo


def is_one_network(a: ForwardPass, b: ForwardPass) -> bool:
    """Whether filters of A and of B correspond."""
    return a.manifest.id == b.manifest.id


@dataclass(frozen=True)
class _Place:
    """Where a layer is in its network.

    Attributes:
        part: ``stem``, ``block``, ``between`` blocks, or ``head``.
        block: position of the block, or of the block before; 0 in stem and head.
        path: of the block: ``identity``, ``gate``, ``residual``, or empty after the merge.
        role: of the layer, ``output`` for a block's output.
        number: among the layers of that role on that path, from 1 for the last one.
    """

    part: str
    block: int
    path: str
    role: str
    number: int


def layer_pairs(a: Manifest, b: Manifest) -> tuple[LayerPair, ...]:
    """Each layer of A that has a counterpart in B, with it, in forward order.

    In another network that is the layer of the same role on the same path, the last with the last;
    a block's output is compared with a block's output.
    Blocks are matched by their share of the depth: first with first, last with last.
    """
    if a.id == b.id:
        return tuple(LayerPair(layer, layer) for layer in a.layers)
    counterparts = {place: layer for layer, place in _places(b)}
    pairs = []
    for layer, place in _places(a):
        block = _block_at_same_depth(place.block, len(a.blocks), len(b.blocks))
        counterpart = counterparts.get(replace(place, block=block))
        if counterpart:
            pairs.append(LayerPair(layer, counterpart))
    return tuple(pairs)


def _block_at_same_depth(position: int, blocks: int, others: int) -> int:
    """The nearest position among ``others``; of two that are as near, the deeper one."""
    steps = max(blocks - 1, 1)
    return (2 * position * (others - 1) + steps) // (2 * steps)


def _places(manifest: Manifest) -> list[tuple[LayerInfo, _Place]]:
    """The place of every layer, in forward order."""
    order = {layer.name: at for at, layer in enumerate(manifest.layers)}
    blocks = {block.name: at for at, block in enumerate(manifest.blocks)}
    outputs = {block.output: order[block.output] for block in manifest.blocks}
    paths = dict(_paths(manifest))
    numbers: Counter[tuple[str, int, str, str]] = Counter()
    found = []
    for layer in reversed(manifest.layers):
        passed = sum(output < order[layer.name] for output in outputs.values())
        if layer.block in blocks:
            part, block = "block", blocks[layer.block]
        elif 0 < passed < len(outputs):
            part, block = "between", passed - 1
        else:
            part, block = "head" if passed else "stem", 0
        path, role = paths.get(layer.name, ""), layer.role
        if layer.name in outputs:  # a sum where no ReLU follows, a convolution where no skip is
            path, role = "", "output"
        key = part, block, path, role
        numbers[key] += 1
        found.append((layer, _Place(*key, numbers[key])))
    return found[::-1]


def _paths(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Name and path of each layer of a block in front of its merge."""
    layers = {layer.name: layer for layer in manifest.layers}
    seen = set()
    for block in manifest.blocks:
        ends = {"identity": block.identity, "gate": block.gate, "residual": block.residual}
        for path, end in ends.items():
            waiting = [end] if end else []
            while waiting:
                layer = layers.get(waiting.pop())
                if layer and layer.block == block.name and layer.name not in seen:
                    seen.add(layer.name)
                    waiting.extend(layer.inputs)
                    yield layer.name, path


def find_pair(a: Manifest, b: Manifest, layer: str, layer_b: str | None = None) -> LayerPair:
    """A layer of A with its counterpart in B, or with any other layer of another network.

    Raises:
        UnknownLayerError: A has no such layer, or B none of that name.
        InvalidParameterError: B has no layer at its place; or A and B are one network, and
            ``layer_b`` is another layer.
    """
    own = find_layer(a, layer)
    other = None if layer_b is None else find_layer(b, layer_b)
    if other and a.id != b.id:
        return LayerPair(own, other)
    pairs = {pair.a.name: pair for pair in layer_pairs(a, b)}
    if layer not in pairs or layer_b not in (None, layer):
        names = ", ".join(pairs) or "there is none"
        raise InvalidParameterError(f"layer must be one that A and B both have: {names}")
    return pairs[layer]


def similarity(a: Manifest, b: Manifest) -> NetworkSimilarity | None:
    """Linear CKA of layers of A with those of B.

    ``None`` in one network, or if it was not measured since either was trained.
    """
    for found in a.similarity:
        if (found.network, found.sha256) == (b.id, b.files.get(NETWORK_FILE)):
            return found
    for found in b.similarity:
        if (found.network, found.sha256) == (a.id, a.files.get(NETWORK_FILE)):
            return NetworkSimilarity(
                network=b.id,
                sha256=b.files.get(NETWORK_FILE, ""),
                digits=found.digits,
                layers=found.other_layers,
                other_layers=found.layers,
                cka=tuple(zip(*found.cka, strict=True)),
            )
    return None


def compare(a: ForwardPass, b: ForwardPass) -> tuple[LayerComparison, ...]:
    """Norms of all pairs of layers; cosines in one network, CKA of two."""
    measured = similarity(a.manifest, b.manifest)
    pairs = layer_pairs(a.manifest, b.manifest)
    return tuple(_compare_layers(pair, a, b, measured) for pair in pairs)


def _compare_layers(
    pair: LayerPair, a: ForwardPass, b: ForwardPass, measured: NetworkSimilarity | None
) -> LayerComparison:
    maps_a, maps_b, alike = a.maps(pair.a), b.maps(pair.b), is_one_network(a, b)
    return LayerComparison(
        layer=pair.a.name,
        layer_b=pair.b.name,
        shape=pair.a.shape,
        shape_b=pair.b.shape,
        norm_a=float(np.linalg.norm(maps_a)),
        norm_b=float(np.linalg.norm(maps_b)),
        norm_difference=float(np.linalg.norm(maps_a - maps_b)) if alike else None,
        cosine=cosine(maps_a, maps_b) if alike else None,
        cka=cka_of(measured, pair) if measured else None,
    )


def cka_of(measured: NetworkSimilarity, pair: LayerPair) -> float | None:
    """The CKA of two layers, if it was measured."""
    if pair.a.name not in measured.layers or pair.b.name not in measured.other_layers:
        return None
    row = measured.cka[measured.layers.index(pair.a.name)]
    return row[measured.other_layers.index(pair.b.name)]


def comparison_grid(  # one parameter each
    a: ForwardPass,
    b: ForwardPass,
    pair: LayerPair,
    side: Side,
    options: GridOptions,
    filters: tuple[int, ...] | None = None,
) -> Grid:
    """A layer's grid of A, of B or of A - B, of some filters or of all.

    In one network A and B share one range; the difference has a symmetric one of its own, whatever
    the options' normalisation and order. In two networks each grid is that of its layer alone.

    Raises:
        InvalidParameterError: the difference of two networks is asked for.
    """
    if is_one_network(a, b):
        return _grid_with_shared_range(a, b, pair.a, side, options, filters)
    if side == "difference":
        raise InvalidParameterError(
            "side must be a or b for two networks: filters of separately trained networks do not "
            "correspond, so A - B would be of unrelated maps; /compare gives the similarity of the "
            "layers by linear CKA"
        )
    forward, layer = (a, pair.a) if side == "a" else (b, pair.b)
    return layer_grid(forward, layer, filters or tuple(range(layer.filters)), options)


def _grid_with_shared_range(  # as above
    a: ForwardPass,
    b: ForwardPass,
    layer: LayerInfo,
    side: Side,
    options: GridOptions,
    filters: tuple[int, ...] | None,
) -> Grid:
    maps = {"a": a.maps(layer), "b": b.maps(layer)}
    signed = a.is_signed(layer) or b.is_signed(layer)
    diverging = signed or side == "difference"
    if side == "difference":
        maps["difference"] = maps["a"] - maps["b"]
        shared = around_zero(*extent(maps["difference"]), centred=True)
    else:
        extents = [extent(side_maps) for side_maps in maps.values()]
        low, high = min(low for low, _ in extents), max(high for _, high in extents)
        shared = around_zero(low, high, centred=signed)
    return grid_of(
        as_drawn(maps[side], layer),
        (shared,) * layer.filters,
        options,
        diverging=diverging,
        steps=layer.is_sequence,
        filters=filters,
    )
