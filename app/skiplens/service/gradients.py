"""Gradients: by path, by step, along a line, and by length of path."""

from dataclasses import dataclass, replace

import numpy as np

from skiplens.core.block_metrics import cosine
from skiplens.core.branch_scales import Scales
from skiplens.core.gradients import has_path_lengths, path_gradients, path_shares
from skiplens.core.input_image import InputImage
from skiplens.core.manifest import BlockInfo
from skiplens.core.published import Published
from skiplens.engine.base import Activations, Array, Engine
from skiplens.errors import InvalidParameterError, NoGradientsError, quoted
from skiplens.service.forward import ForwardPass, branch_scales, network_input
from skiplens.service.registry import find_layer


@dataclass(frozen=True)
class BlockGradient(Published):
    """Gradient norms at one block's input."""

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


def slopes_between(
    engine: Engine, scales: Scales, start: InputImage, end: InputImage, target: int, steps: int
) -> Array:
    """How the logit of a class changes along the straight line from one digit to another: the mean
    of its derivative over each of so many steps of equal length, float32 ``(steps,)``.
    """
    manifest = engine.manifest
    logits = next(layer.name for layer in manifest.layers if layer.role == "logits")
    place = np.linspace(0, 1, steps + 1, dtype=np.float32)[:, None, None, None]
    ends = network_input(manifest, start), network_input(manifest, end)
    images = ends[0] * (1 - place) + ends[1] * place
    rows = np.repeat(branch_scales(manifest, scales)[None], len(images), axis=0)
    found = engine.outputs(images, rows, logits).reshape(len(images), -1)
    return np.asarray(steps * np.diff(found[:, target]), np.float32)


def shares_by_path_length(engine: Engine, forward: ForwardPass) -> Array | None:
    """Shares of the gradient of the predicted class's logit at the first block's input, by the
    number of branches on a path: float32 ``(1 + blocks,)``; ``None`` where no path has a length.
    """
    network = forward.manifest.blocks, forward.manifest.layers
    if not has_path_lengths(*network):
        return None
    seen = engine.weights, forward.activations
    return path_shares(path_gradients(*network, *seen, forward.label, forward.scales))
