"""Gradients: by path, by step, along a line, and by length of path."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from skiplens.core.block_metrics import cosine
from skiplens.core.branch_scales import Scales
from skiplens.core.input_image import InputImage
from skiplens.core.manifest import BlockInfo, Manifest, Published, logits_are_a_sum
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


def has_path_lengths(manifest: Manifest) -> bool:
    """Whether each block adds nothing but ReLUs and convolutions to an x that nothing changes."""
    return logits_are_a_sum(manifest.blocks, manifest.layers) and all(
        _branch_layers(manifest, block) for block in manifest.blocks
    )


def _branch_layers(manifest: Manifest, block: BlockInfo) -> tuple[tuple[str, str], ...]:
    """Each convolution of a branch and the ReLU before it; none if it has other layers."""
    ends = {block.residual, block.sum}
    layers = [one for one in manifest.layers if one.block == block.name and one.name not in ends]
    shape = find_layer(manifest, block.input).shape
    pairs = tuple(zip(layers[::2], layers[1::2], strict=False))
    regular = all(
        (relu.kind, relu.activation, convolution.kind) == ("ReLU", "relu", "Conv2D")
        and convolution.parameters - prod(convolution.kernel or ()) * shape[2] ** 2 in (0, shape[2])
        and relu.shape == convolution.shape == shape
        and convolution.dilation in (None, (1, 1))
        and all(side % 2 for side in convolution.kernel or (0, 0))
        for relu, convolution in pairs
    )
    if not regular or 2 * len(pairs) != len(layers):
        return ()
    return tuple((relu.name, convolution.name) for relu, convolution in pairs)


def shares_by_path_length(forward: ForwardPass, weights: Mapping[str, Array], target: int) -> Array:
    """Shares of the gradient of a class's logit at the first block's input, by the number of
    branches on a path: float32 ``(1 + blocks,)``, adding up to 1 (Veit et al. 2016, fig. 6).

    A path either passes a block or goes through its branch: backwards, ``G[k]`` becomes
    ``G[k] + G[k - 1] dF/dx``. A share is the norm of ``G[k]`` among those of all lengths.
    """
    manifest = forward.manifest
    height, width, _ = find_layer(manifest, manifest.blocks[0].input).shape
    upstream = weights[f"{manifest.layers[-2].name}/kernel"][:, target] / (height * width)
    lengths = np.broadcast_to(upstream[:, None, None, None], (len(upstream), 1, height, width))
    for block in reversed(manifest.blocks):
        through = np.asarray(lengths * forward.scales.of(block.name), np.float32)
        for relu, convolution in reversed(_branch_layers(manifest, block)):
            kernel = weights[f"{convolution}/kernel"]
            open_ = forward.activations[relu].transpose(2, 0, 1)[:, None] > 0
            through = _back_through(kernel, through) * open_
        zero = np.zeros_like(through[:, :1])
        lengths = np.concatenate([lengths, zero], 1) + np.concatenate([zero, through], 1)
    norms = np.sqrt(np.einsum("cmhw,cmhw->m", lengths, lengths))
    return np.asarray(norms / (norms.sum() or 1.0), np.float32)


def _back_through(kernel: Array, gradients: Array) -> Array:
    """Gradients ``(out, M, H, W)`` at the output of a convolution that keeps the shape, at its
    input: ``(in, M, H, W)``.

    Maps lie one behind the other with zeros around each, so that to shift all of them by a place of
    the kernel is to shift one long row.
    """
    rows, columns, given, filters = kernel.shape
    _, count, height, width = gradients.shape
    down, across = rows // 2, columns // 2
    inside = np.s_[:, :, down : down + height, across : across + width]
    padded = np.zeros((filters, count, height + 2 * down, width + 2 * across), np.float32)
    padded[inside] = gradients
    taps = kernel.reshape(-1, filters) @ padded.reshape(filters, -1)
    total = np.zeros((given, taps.shape[1]), np.float32)
    for at, tap in enumerate(taps.reshape(rows * columns, *total.shape)):
        shift = (at // columns - down) * padded.shape[-1] + at % columns - across
        if shift > 0:
            total[:, shift:] += tap[:, :-shift]
        else:
            total[:, : shift or None] += tap[:, -shift:]
    return total.reshape(given, *padded.shape[1:])[inside]
