"""Finds the merges of ``x`` and ``F(x)`` in a flattened network, without names, by dominators.

At a merge of two tensors, ``x`` is the nearest tensor that every path from the image to either of
them passes (Lengauer and Tarjan 1979, "A fast algorithm for finding dominators"; a network has no
cycles, so that one pass in forward order is enough). Masks, which tell the steps that count, are no
paths. The identity is the one of the two that is ``x``, that ``x`` was merged into before, or that
is a linear projection of ``x``.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import keras

from skiplens.network.flattening import Call, FlatNetwork, Merge, Tensor
from skiplens.network.keras_calls import calls_as_keras
from skiplens.network.layer_records import is_operation

_PAIR: Final = 2
_KINDS: Final = frozenset({"Add", "Multiply", "Average", "Maximum", "Concatenate"})
_LINEAR: Final = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
    keras.layers.BatchNormalization,
    keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    keras.layers.Cropping1D,
    keras.layers.Cropping2D,
    keras.layers.UpSampling1D,
    keras.layers.UpSampling2D,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.Rescaling,
    keras.layers.Identity,
)
_LINEAR_FUNCTIONS: Final = frozenset(
    {"GetItem", "Pad", "Reshape", "Transpose", "Multiply", "Divide", "Squeeze", "ExpandDims"}
)


class Dominators:
    """Which tensors every path from the image to a tensor passes."""

    def __init__(self, flat: FlatNetwork) -> None:
        self._above: dict[int, Tensor | None] = {id(flat.source): None}
        self._depth = {id(flat.source): 0}
        for call in flat.calls:
            given = [tensor for tensor in call.inputs if id(tensor) in self._depth]
            if not given:
                continue  # computed from weights alone
            known = [tensor for tensor in given if not _is_mask(tensor)] or given
            above = known[0]
            for tensor in known[1:]:
                above = self.nearest(above, tensor)
            for out in call.outputs:
                self._above[id(out)] = above
                self._depth[id(out)] = self._depth[id(above)] + 1

    def nearest(self, a: Tensor, b: Tensor) -> Tensor:
        """The nearest tensor that every path to either passes, which may be one of them."""
        while a is not b:
            if self._depth[id(a)] >= self._depth[id(b)]:
                a = self._above[id(a)]
            else:
                b = self._above[id(b)]
        return a

    def __contains__(self, tensor: Tensor) -> bool:
        """Whether a tensor depends on the image."""
        return id(tensor) in self._depth


def _is_mask(tensor: Tensor) -> bool:
    return str(tensor.dtype) == "bool"


def find_merges(flat: FlatNetwork) -> list[Merge]:
    """Every merge of an ``x`` and its ``F(x)``, in forward order, so that a nested one comes before
    the one around it.

    A merge whose ``x`` is the image is none, as the image has no feature maps.
    """
    dominators = Dominators(flat)
    producers = {id(out): call for call in flat.calls for out in call.outputs}
    written = {id(merge.call): merge for merge in flat.written if merge.x is not flat.source}
    inside = {id(merge.call) for merge in flat.written}
    found: list[Merge] = []
    for call in flat.calls:
        if id(call) in inside:
            merge = written.get(id(call))
        else:
            merge = _merge(call, flat, dominators, producers, found)
        if merge is not None:
            found.append(merge)
    return found


def _merge(
    call: Call,
    flat: FlatNetwork,
    dominators: Dominators,
    producers: dict[int, Call],
    before: Iterable[Merge],
) -> Merge | None:
    kind, pair = type(call.layer).__name__, call.inputs
    if kind not in _KINDS or len(pair) != _PAIR or any(one not in dominators for one in pair):
        return None
    x = dominators.nearest(*pair)
    if x is flat.source or len({id(one) for one in pair}) < _PAIR:
        return None
    name = kind.lower()
    merged = {id(one.call.output) for one in before if one.x is x and one.kind == name}
    at = _identity(x, pair, producers, merged, projected=kind in {"Add", "Concatenate"})
    if at is None:
        return None
    if name == "concatenate" and (at != 0 or not _joins_filters(call)):
        name = "custom"  # blocks append F(x) to x
    return Merge(call, name, x, pair[at], pair[1 - at])


def _joins_filters(call: Call) -> bool:
    rank = len(call.inputs[0].shape)
    return call.layer.axis in (-1, rank - 1)


def _identity(
    x: Tensor,
    pair: tuple[Tensor, ...],
    producers: dict[int, Call],
    merged: set[int],
    *,
    projected: bool,
) -> int | None:
    """Which of the two is ``x``, one that ``x`` is ``merged`` into or, else, the shorter linear
    projection of it.
    """
    for at, tensor in enumerate(pair):
        if tensor is x:
            return at
    if len(holders := [at for at, tensor in enumerate(pair) if id(tensor) in merged]) == 1:
        return holders[0]
    if not projected:
        return None
    lengths = [_projection(x, tensor, producers) for tensor in pair]
    known = [(length, at) for at, length in enumerate(lengths) if length is not None]
    if not known or (len(known) == _PAIR and lengths[0] == lengths[1]):
        return None  # two alike, and neither is the identity
    return min(known)[1]


def _projection(x: Tensor, tensor: Tensor, producers: dict[int, Call]) -> int | None:
    """How many linear layers in a row make a tensor of ``x``; ``None`` if that is not how."""
    length = 0
    while tensor is not x:
        call = producers[id(tensor)]
        if len(call.inputs) != 1 or not is_linear(call.layer):
            return None
        tensor, length = call.inputs[0], length + 1
    return length


def is_linear(layer: Any) -> bool:
    """Whether a layer, or the operation behind a function, is linear in its one input, or affine.

    Max pooling with windows of one value only skips values. A Lambda without weights is taken for
    the shortcut that pads with zeros (He et al. 2015, option A).
    """
    if isinstance(layer, keras.layers.Layer) and not calls_as_keras(layer):
        return False
    if isinstance(layer, keras.layers.MaxPooling2D):
        return tuple(layer.pool_size) == (1, 1)
    if isinstance(layer, keras.layers.Lambda):
        return True
    activation = getattr(layer, "activation", keras.activations.linear)
    if isinstance(layer, _LINEAR):
        return activation is keras.activations.linear
    return is_operation(layer, *_LINEAR_FUNCTIONS)


def branch_calls(merge: Merge, producers: dict[int, Call]) -> tuple[set[int], set[int]]:
    """Ids of the calls on the way from ``x`` to the identity, and to ``F(x)`` and ``T(x)``."""
    ends = [merge.residual] if merge.gate is None else [merge.residual, merge.gate]
    residual = _between(merge.x, ends, producers, masks=False)
    identity = _between(merge.x, [merge.identity], producers, masks=False)
    return identity - residual, residual


def _between(
    x: Tensor, ends: Iterable[Tensor], producers: dict[int, Call], *, masks: bool
) -> set[int]:
    """Ids of the calls on the way from ``x`` to the ends, with those that make masks or without."""
    found: set[int] = set()
    open_ends = list(ends)
    while open_ends:
        tensor = open_ends.pop()
        if tensor is x or id(tensor) not in producers or (_is_mask(tensor) and not masks):
            continue
        call = producers[id(tensor)]
        if id(call) not in found:
            found.add(id(call))
            open_ends.extend(call.inputs)
    return found


def needed_calls(flat: FlatNetwork, outputs: Iterable[Tensor]) -> Iterator[Call]:
    """The calls that some tensors depend on, in forward order."""
    producers = {id(out): call for call in flat.calls for out in call.outputs}
    wanted = _between(flat.source, outputs, producers, masks=True)
    return (call for call in flat.calls if id(call) in wanted)
