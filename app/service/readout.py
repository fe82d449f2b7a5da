"""What the head would answer after each block, were it put there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core.manifest import LayerInfo, Manifest
from app.service.catalogue import layer_of
from app.service.examination import Examination

Array = NDArray[np.float32]

_WHOLE: Final = frozenset({"GlobalAveragePooling2D", "GlobalMaxPooling2D"})


@dataclass(frozen=True, eq=False)
class Readout:
    """The head's answer at one depth.

    Attributes:
        after: layer whose output the head was applied to.
        probabilities: float32 ``(classes,)``, adding up to 1.
    """

    after: str
    probabilities: Array


def readouts(examination: Examination, weights: Mapping[str, Array]) -> tuple[Readout, ...]:
    """The head applied to the output of every block that has the last block's shape, and to what
    the first of those is given where that has the shape too; in forward order. None of a head that
    is more than a pooling, a weighted sum and a softmax: what it does is not known here.
    """
    manifest = examination.manifest
    head = _head_of(manifest)
    if head is None:
        return ()
    shape = layer_of(manifest, manifest.blocks[-1].output).shape
    names = [
        name
        for block in manifest.blocks
        for name in (block.input, block.output)
        if layer_of(manifest, name).shape == shape
    ]
    return tuple(
        Readout(name, _answer(head, weights, examination.activations[name]))
        for name in dict.fromkeys(names)
    )


@dataclass(frozen=True)
class _Head:
    """What stands behind the last block, but for the softmax."""

    pool: LayerInfo
    logits: LayerInfo


def _head_of(manifest: Manifest) -> _Head | None:
    pool, logits = manifest.layers[-3:-1]
    chained = pool.inputs == (manifest.blocks[-1].output,) and logits.inputs == (pool.name,)
    tiled = pool.kind in _WHOLE or (pool.window == pool.strides and _covers(pool, manifest))
    plain = (pool.role, logits.role) == ("pool", "logits")
    return _Head(pool, logits) if chained and plain and tiled else None


def _covers(pool: LayerInfo, manifest: Manifest) -> bool:
    """Whether all of its windows lie within the maps."""
    given = layer_of(manifest, pool.inputs[0]).shape
    down, across = pool.window or (1, 1)
    return pool.shape[0] * down <= given[0] and pool.shape[1] * across <= given[1]


def _answer(head: _Head, weights: Mapping[str, Array], maps: Array) -> Array:
    logits = head.logits.name
    scores = _pooled(head.pool, maps).reshape(-1) @ weights[f"{logits}/kernel"]
    scores += weights.get(f"{logits}/bias", np.float32(0))
    exponents = np.exp(scores - scores.max())
    return np.asarray(exponents / exponents.sum(), np.float32)


def _pooled(pool: LayerInfo, maps: Array) -> Array:
    reduce = np.max if "Max" in pool.kind else np.mean
    if pool.kind in _WHOLE or pool.window is None:
        return np.asarray(reduce(maps, axis=(0, 1)))
    (down, across), (height, width, channels) = pool.window, pool.shape
    tiles = maps[: height * down, : width * across]
    return np.asarray(reduce(tiles.reshape(height, down, width, across, channels), axis=(1, 3)))
