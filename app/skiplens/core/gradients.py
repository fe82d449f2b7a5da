"""The gradient of a logit by the number of branches on a path (Veit et al. 2016, fig. 6)."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.manifest import BlockInfo, LayerInfo, logits_are_a_sum

Array = NDArray[np.float32]


def has_path_lengths(blocks: Sequence[BlockInfo], layers: Sequence[LayerInfo]) -> bool:
    """Whether each block adds nothing but ReLUs and convolutions to an x that nothing changes."""
    return logits_are_a_sum(blocks, layers) and all(
        _branch_layers(block, layers) for block in blocks
    )


def _branch_layers(block: BlockInfo, layers: Sequence[LayerInfo]) -> list[tuple[str, str]]:
    """Each convolution of a branch and the ReLU before it; none if it has other layers."""
    ends = {block.residual, block.sum}
    inside = [one for one in layers if one.block == block.name and one.name not in ends]
    height, width, filters = next(one.shape for one in layers if one.name == block.output)
    pairs = list(zip(inside[::2], inside[1::2], strict=False))
    regular = all(
        (relu.kind, relu.activation, convolution.kind) == ("ReLU", "relu", "Conv2D")
        and convolution.parameters - prod(convolution.kernel or ()) * filters**2 in (0, filters)
        and relu.shape == convolution.shape == (height, width, filters)
        and convolution.dilation in (None, (1, 1))
        and all(side % 2 for side in convolution.kernel or (0, 0))
        for relu, convolution in pairs
    )
    if not regular or 2 * len(pairs) != len(inside):
        return []
    return [(relu.name, convolution.name) for relu, convolution in pairs]


def path_gradients(  # a network, and what it computed
    blocks: Sequence[BlockInfo],
    layers: Sequence[LayerInfo],
    weights: Mapping[str, Array],
    activations: Mapping[str, Array],
    target: int,
    scales: Scales = AS_TRAINED,
) -> Array:
    """The gradient of a class's logit at the first block's input, as the sum over all paths of each
    length: float32 ``(C, 1 + blocks, H, W)``, whose sum over lengths is the gradient.

    A path either passes a block or goes through its branch: backwards, ``G[k]`` becomes
    ``G[k] + G[k - 1] dF/dx``.

    Args:
        blocks: of a network that :func:`has_path_lengths`.
        layers: of that network.
        weights: ``layer/kernel`` of the convolutions and the head.
        activations: of the layers, ``(H, W, C)``.
        target: index of the class.
        scales: of the branches.
    """
    height, width, _ = activations[blocks[0].input].shape
    upstream = weights[f"{layers[-2].name}/kernel"][:, target] / (height * width)
    lengths = np.broadcast_to(upstream[:, None, None, None], (len(upstream), 1, height, width))
    for block in reversed(blocks):
        through = np.asarray(lengths * scales.of(block.name), np.float32)
        for relu, convolution in reversed(_branch_layers(block, layers)):
            kernel = weights[f"{convolution}/kernel"]
            open_ = activations[relu].transpose(2, 0, 1)[:, None] > 0
            through = _back_through(kernel, through) * open_
        zero = np.zeros_like(through[:, :1])
        lengths = np.concatenate([lengths, zero], 1) + np.concatenate([zero, through], 1)
    return lengths


def path_shares(gradients: Array) -> Array:
    """The norm of the gradient by each length among those of all, of gradients of
    :func:`path_gradients`: float32 ``(1 + blocks,)``, adding up to 1.
    """
    norms = np.sqrt(np.einsum("cmhw,cmhw->m", gradients, gradients))
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
