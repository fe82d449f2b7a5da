"""The network's head at every depth: predictions after each block, and each block's votes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from skiplens.core.branch_scales import Scales
from skiplens.core.input_image import SIDE
from skiplens.core.manifest import LAYERS_OF_HEAD, LayerInfo, Manifest, logits_are_a_sum
from skiplens.engine.base import Array, Engine
from skiplens.errors import NoVotesError
from skiplens.service.forward import ForwardPass, branch_scales
from skiplens.service.registry import find_layer

_GLOBAL_POOLING: Final = frozenset(
    f"Global{kind}Pooling{axes}D" for kind in ("Average", "Max") for axes in (1, 2)
)


@dataclass(frozen=True, eq=False)
class EarlyExit:
    """The prediction of the head at one depth.

    Attributes:
        after: layer that the head is applied to.
        probabilities: float32 ``(classes,)``, adding up to 1.
        projected: whether the layer has another shape than the head takes, so that its maps went
            on through the projections of the later blocks, whose branches were off.
    """

    after: str
    probabilities: Array
    projected: bool = False


def early_exits(forward: ForwardPass, weights: Mapping[str, Array]) -> tuple[EarlyExit, ...]:
    """The head applied to each block input and output of the last block's shape, in forward order.

    None if the head is anything but pooling, a dense layer and a softmax.
    """
    manifest = forward.manifest
    if not _has_plain_head(manifest):
        return ()
    pool, logits = manifest.layers[-3:-1]
    shape = find_layer(manifest, manifest.blocks[-1].output).shape
    return tuple(
        EarlyExit(name, _predict(pool, logits.name, weights, forward.activations[name]))
        for name in depths(manifest)
        if find_layer(manifest, name).shape == shape
    )


def depths(manifest: Manifest) -> tuple[str, ...]:
    """The layers that an answer can be asked of: every block's input and output."""
    names = [name for block in manifest.blocks for name in (block.input, block.output)]
    return tuple(dict.fromkeys(names))


def projected_depths(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """The depths whose maps have another shape than the last block's output, and reach the head if
    the branches of the later blocks, which are named, are off; none if some cannot be.
    """
    if not manifest.blocks or not all(block.can_disable for block in manifest.blocks):
        return {}
    shape = find_layer(manifest, manifest.blocks[-1].output).shape
    blocks = [block.name for block in manifest.blocks]
    first = manifest.blocks[0].input
    done = {first: 0} | {block.output: at for at, block in enumerate(manifest.blocks, 1)}
    return {
        name: tuple(blocks[at:])
        for name, at in done.items()
        if find_layer(manifest, name).shape != shape
    }


def exits_at_every_depth(engine: Engine, forward: ForwardPass) -> tuple[EarlyExit, ...]:
    """:func:`early_exits`, and before them those of maps of another shape, which pass through the
    projections of the later blocks: the network with every later branch off. Empty if
    :func:`early_exits` is.
    """
    later = early_exits(forward, engine.weights)
    if not later:
        return ()
    earlier = []
    for name, off in projected_depths(forward.manifest).items():
        factors = dict(forward.scales.factors) | dict.fromkeys(off, 0.0)
        scales = Scales.in_order(factors, forward.manifest.disableable_blocks)
        rows = branch_scales(forward.manifest, scales)[None]
        last = forward.manifest.layers[-1].name
        probabilities = engine.outputs(forward.image, rows, last).reshape(-1)
        earlier.append(EarlyExit(name, probabilities, projected=True))
    return (*earlier, *later)


def reads_rows(manifest: Manifest) -> bool:
    """Whether there are blocks, each of which outputs a step for every row of the digit."""
    outputs = (find_layer(manifest, block.output) for block in manifest.blocks)
    rows = [one.is_sequence and one.shape[1] == SIDE for one in outputs]
    return manifest.takes_digits and bool(rows) and all(rows)


def exits_by_row(engine: Engine, forward: ForwardPass) -> tuple[EarlyExit, ...]:
    """The prediction for the first rows of the digit alone, from one row to all of them; rows that
    are still to come are blank. None of a network that does not read rows.
    """
    manifest = forward.manifest
    if not reads_rows(manifest):
        return ()
    seen = np.repeat(forward.image, SIDE, axis=0)
    for row in range(SIDE):
        seen[row, row + 1 :] = 0
    scales = np.repeat(branch_scales(manifest, forward.scales)[None], SIDE, axis=0)
    found = engine.outputs(seen, scales, manifest.layers[-1].name).reshape(SIDE, -1)
    return tuple(EarlyExit(f"row {row}", one) for row, one in enumerate(found))


def _has_plain_head(manifest: Manifest) -> bool:
    """Whether the last block is followed by pooling without overlap or padding, a dense layer and
    softmax.
    """
    if not manifest.blocks or len(manifest.layers) < LAYERS_OF_HEAD:
        return False
    pool, logits = manifest.layers[-3:-1]
    last = find_layer(manifest, manifest.blocks[-1].output)
    chained = pool.inputs == (last.name,) and logits.inputs == (pool.name,)
    covered = zip(pool.window or (1, 1), pool.shape, last.shape, strict=False)
    tiled = pool.kind in _GLOBAL_POOLING or (
        pool.window == pool.strides and all(side * count <= given for side, count, given in covered)
    )
    roles = (pool.role, logits.role, logits.kind)
    return chained and tiled and roles == ("pool", "logits", "Dense")


def _predict(pool: LayerInfo, logits: str, weights: Mapping[str, Array], maps: Array) -> Array:
    scores = _pooled(pool, maps).reshape(-1) @ weights[f"{logits}/kernel"]
    scores += weights.get(f"{logits}/bias", np.float32(0))
    return softmax(scores)


def softmax(scores: Array) -> Array:
    """Probabilities of logits, float32."""
    exponents = np.exp(scores - scores.max())
    return np.asarray(exponents / exponents.sum(), np.float32)


def _pooled(pool: LayerInfo, maps: Array) -> Array:
    reduce = np.max if "Max" in pool.kind else np.mean
    if pool.kind in _GLOBAL_POOLING or pool.window is None:
        return np.asarray(reduce(maps, axis=(0, 1)))
    (down, across), (height, width, channels) = pool.window, pool.shape
    tiles = maps[: height * down, : width * across]
    return np.asarray(reduce(tiles.reshape(height, down, width, across, channels), axis=(1, 3)))


@dataclass(frozen=True, eq=False)
class BlockVotes:
    """What one block adds to each logit.

    Attributes:
        block: name.
        filters: float32 ``(C, classes)``: what each filter of F(x) adds.
        total: float32 ``(classes,)``: their sum.
    """

    block: str
    filters: Array
    total: Array


@dataclass(frozen=True, eq=False)
class Votes:
    """The logits as a sum: ``bias + stem + the total of every block``, float32 ``(classes,)`` each.

    Attributes:
        bias: of the head.
        stem: what the first block's input adds.
        blocks: in the order in which they run.
        logits: of the network, which the sum equals but for rounding.
    """

    bias: Array
    stem: Array
    blocks: tuple[BlockVotes, ...]
    logits: Array


def votes(forward: ForwardPass, weights: Mapping[str, Array]) -> Votes:
    """What stem and blocks add to each logit: their mean over positions, times the dense layer.

    Raises:
        NoVotesError: the network's logits are no such sum.
    """
    manifest, maps = forward.manifest, forward.activations
    if not logits_are_a_sum(manifest.blocks, manifest.layers):
        raise NoVotesError(
            f"the logits of network {manifest.id} are no sum of what its blocks add: that takes "
            "blocks that add F(x) to an x that nothing changes, not even a ReLU after the sum, and "
            "a head of mean and dense layer"
        )
    logits = manifest.layers[-2].name
    kernel = weights[f"{logits}/kernel"]

    def shares(layer: str) -> Array:
        return np.asarray(maps[layer].mean(axis=(0, 1))[:, None] * kernel)

    blocks = []
    for block in manifest.blocks:
        filters = shares(block.residual)
        blocks.append(BlockVotes(block.name, filters, filters.sum(axis=0)))
    return Votes(
        bias=weights.get(f"{logits}/bias", np.zeros(kernel.shape[1], np.float32)),
        stem=shares(manifest.blocks[0].input).sum(axis=0),
        blocks=tuple(blocks),
        logits=maps[logits].reshape(-1),
    )
