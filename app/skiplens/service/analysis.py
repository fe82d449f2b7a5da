"""Analyses: block metrics, gradients by path, early exits, figures of 2016."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from skiplens.core.block_metrics import block_metrics, cosine
from skiplens.core.manifest import DESCRIBED, BlockInfo, BlockMetrics, LayerInfo, Manifest
from skiplens.engine.base import Activations, Array, Engine
from skiplens.errors import InvalidParameterError, quoted
from skiplens.service.forward import ForwardPass, branch_scales
from skiplens.service.registry import find_layer


def all_block_metrics(forward: ForwardPass) -> tuple[BlockMetrics, ...]:
    """Metrics of all blocks, in forward order."""
    return tuple(block_metrics(block, forward.activations) for block in forward.manifest.blocks)


@dataclass(frozen=True)
class BlockGradient:
    """Gradient norms at one block's input."""

    __pydantic_config__ = DESCRIBED

    block: str
    """Name of the block."""
    total: float
    """Euclidean norm of the gradient."""
    identity: float | None
    """Norm of the gradient through the identity path; null without one."""
    residual: float
    """Norm of the gradient through F; the total without an identity path."""
    cosine: float | None
    """Cosine of the angle between the two parts, -1 to 1; null without an identity path."""


@dataclass(frozen=True)
class GradientByPath:
    """Gradients at the inputs of all blocks.

    Attributes:
        target: index of the class whose logit is differentiated.
        blocks: one entry a block, in forward order.
    """

    target: int
    blocks: tuple[BlockGradient, ...]


def gradient_by_path(
    engine: Engine, forward: ForwardPass, target: int | None = None
) -> GradientByPath:
    """The gradient of a class's logit, by path; of the predicted class by default.

    Raises:
        InvalidParameterError: there is no such class.
    """
    manifest = forward.manifest
    if target is None:
        target = forward.label
    if not 0 <= target < len(manifest.classes):
        raise InvalidParameterError(
            f"target must be 0 to {len(manifest.classes) - 1}; got {quoted(str(target))}"
        )
    scales = branch_scales(manifest, forward.scales)
    gradients = engine.gradients(forward.digit.as_input(), scales, target)
    return GradientByPath(
        target, tuple(_block_gradient(block, gradients) for block in manifest.blocks)
    )


def _block_gradient(block: BlockInfo, gradients: Activations) -> BlockGradient:
    total = float(np.linalg.norm(gradients[block.input]))
    if block.identity is None:
        return BlockGradient(block.name, total, None, total, None)
    paths = [gradients[f"{block.name}.x:{path}"] for path in ("identity", "residual")]
    identity, residual = (float(np.linalg.norm(path)) for path in paths)
    return BlockGradient(block.name, total, identity, residual, cosine(*paths))


_GLOBAL_POOLING: Final = frozenset({"GlobalAveragePooling2D", "GlobalMaxPooling2D"})


@dataclass(frozen=True, eq=False)
class EarlyExit:
    """The prediction of the head at one depth.

    Attributes:
        after: layer that the head is applied to.
        probabilities: float32 ``(classes,)``, adding up to 1.
    """

    after: str
    probabilities: Array


def early_exits(forward: ForwardPass, weights: Mapping[str, Array]) -> tuple[EarlyExit, ...]:
    """The head applied to each block input and output of the last block's shape, in forward order.

    None if the head is anything but pooling, a dense layer and a softmax.
    """
    manifest = forward.manifest
    pool, logits = manifest.layers[-3:-1]
    if not _is_plain_head(manifest, pool, logits):
        return ()
    shape = find_layer(manifest, manifest.blocks[-1].output).shape
    names = [
        name
        for block in manifest.blocks
        for name in (block.input, block.output)
        if find_layer(manifest, name).shape == shape
    ]
    return tuple(
        EarlyExit(name, _predict(pool, logits.name, weights, forward.activations[name]))
        for name in dict.fromkeys(names)
    )


def _is_plain_head(manifest: Manifest, pool: LayerInfo, logits: LayerInfo) -> bool:
    """Whether the two are pooling without overlap or padding, and the dense layer after it."""
    last = find_layer(manifest, manifest.blocks[-1].output)
    chained = pool.inputs == (last.name,) and logits.inputs == (pool.name,)
    covered = zip(pool.window or (1, 1), pool.shape, last.shape, strict=False)
    tiled = pool.kind in _GLOBAL_POOLING or (
        pool.window == pool.strides and all(side * count <= given for side, count, given in covered)
    )
    return chained and tiled and (pool.role, logits.role) == ("pool", "logits")


def _predict(pool: LayerInfo, logits: str, weights: Mapping[str, Array], maps: Array) -> Array:
    scores = _pooled(pool, maps).reshape(-1) @ weights[f"{logits}/kernel"]
    scores += weights.get(f"{logits}/bias", np.float32(0))
    exponents = np.exp(scores - scores.max())
    return np.asarray(exponents / exponents.sum(), np.float32)


def _pooled(pool: LayerInfo, maps: Array) -> Array:
    reduce = np.max if "Max" in pool.kind else np.mean
    if pool.kind in _GLOBAL_POOLING or pool.window is None:
        return np.asarray(reduce(maps, axis=(0, 1)))
    (down, across), (height, width, channels) = pool.window, pool.shape
    tiles = maps[: height * down, : width * across]
    return np.asarray(reduce(tiles.reshape(height, down, width, across, channels), axis=(1, 3)))


@dataclass(frozen=True)
class ClassicBlock:
    """A block whose residual is one convolution, to which x is added unchanged."""

    block: BlockInfo
    convolution: LayerInfo


def classic_blocks(manifest: Manifest) -> tuple[ClassicBlock, ...]:
    """All blocks of a network if each is classic and their outputs have one shape; else none."""
    found = [
        ClassicBlock(block, convolution)
        for block in manifest.blocks
        if (convolution := _only_convolution(manifest, block)) is not None
    ]
    shapes = {find_layer(manifest, block.output).shape for block in manifest.blocks}
    return tuple(found) if len(found) == len(manifest.blocks) and len(shapes) == 1 else ()


def _only_convolution(manifest: Manifest, block: BlockInfo) -> LayerInfo | None:
    """The convolution of a classic block, else ``None``."""
    parts = {block.residual, block.sum, block.output}
    layers = [layer for layer in manifest.layers if layer.block == block.name]
    inner = [layer for layer in layers if layer.name not in parts]
    plainly_added = block.merge == "add" and block.identity == block.input
    return inner[0] if plainly_added and len(inner) == 1 and inner[0].kernel else None


def likeness_of_2016(forward: ForwardPass, block: BlockInfo) -> float | None:
    """Cosine of F(x) and what was drawn as the residual in 2016, -1..1; ``None`` in block 1.

    That was the sum of the previous block minus the sum of this one. Since ``x = ReLU(previous)``,
    it equals ``-F(x) + min(previous, 0)``.
    """
    before = next((other for other in forward.manifest.blocks if other.output == block.input), None)
    if before is None or before.sum is None or block.sum is None:
        return None
    maps = forward.activations
    drawn = maps[before.sum].astype(np.float64) - maps[block.sum]
    return cosine(drawn, maps[block.residual].astype(np.float64))
