"""Analyses: block metrics, gradients by path, figures of 2016."""

from dataclasses import dataclass, replace

import numpy as np

from skiplens.core.block_metrics import block_metrics, cosine
from skiplens.core.manifest import DESCRIBED, BlockInfo, BlockMetrics, LayerInfo, Manifest
from skiplens.engine.base import Activations, Engine
from skiplens.errors import InvalidParameterError, NoGradientsError, quoted
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
        NoGradientsError: the network was compiled without gradients.
    """
    target, found = _gradients(engine, forward, target)
    blocks = tuple(_block_gradient(block, found) for block in forward.manifest.blocks)
    return GradientByPath(target, blocks)


def _gradients(engine: Engine, forward: ForwardPass, target: int | None) -> tuple[int, Activations]:
    """The class, and the gradients of its logit; see :func:`gradient_by_path` for errors."""
    manifest = forward.manifest
    if manifest.no_gradients:
        raise NoGradientsError(f"network {manifest.id} has no gradients: {manifest.no_gradients}")
    if target is None:
        target = forward.label
    if not 0 <= target < len(manifest.classes):
        raise InvalidParameterError(
            f"target must be 0 to {len(manifest.classes) - 1}; got {quoted(str(target))}"
        )
    scales = branch_scales(manifest, forward.scales)
    return target, engine.gradients(forward.image, scales, target)


def _block_gradient(block: BlockInfo, gradients: Activations) -> BlockGradient:
    total = float(np.linalg.norm(gradients[block.input]))
    if block.identity is None:
        return BlockGradient(block.name, total, None, total, None)
    paths = [gradients[f"{block.name}.x:{path}"] for path in ("identity", "residual")]
    identity, residual = (float(np.linalg.norm(path)) for path in paths)
    return BlockGradient(block.name, total, identity, residual, cosine(*paths))


def gradient_by_step(
    engine: Engine, forward: ForwardPass, target: int | None = None
) -> GradientByPath | None:
    """:func:`gradient_by_path` at each step of the first block's input, in place of each block's;
    ``None`` if that input is no sequence.
    """
    block = next(iter(forward.manifest.blocks), None)
    if block is None or not find_layer(forward.manifest, block.input).is_sequence:
        return None
    target, found = _gradients(engine, forward, target)
    names = [name for name in found if name == block.input or name.startswith(f"{block.name}.x:")]
    steps = range(found[block.input].shape[1])
    return GradientByPath(
        target,
        tuple(
            replace(
                _block_gradient(block, {name: found[name][:, step] for name in names}),
                block=f"row {step}",
            )
            for step in steps
        ),
    )


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
