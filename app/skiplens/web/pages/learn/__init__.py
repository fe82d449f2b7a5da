"""The story of a residual network, step by step, and on which networks it can be told."""

from typing import Final

from skiplens.core.input_image import SIDE
from skiplens.core.manifest import INPUT, BlockInfo, LayerInfo, Manifest

_KERNEL: Final = (3, 3)
_LEAST_BLOCKS: Final = 2


def can_be_told(manifest: Manifest) -> bool:
    """Whether every step has its figure in a network: its stem is one convolution with kernels of
    3 by 3, its blocks add, and in some x passes unchanged and ReLU follows the sum.
    """
    return (
        adds_blocks(manifest)
        and first_convolution(manifest) is not None
        and any(is_plain_sum(block) for block in manifest.blocks)
    )


def adds_blocks(manifest: Manifest) -> bool:
    """Whether a network classifies digits by blocks that add, and has gradients."""
    added = [block for block in manifest.blocks if block.merge == "add" and block.can_disable]
    return (
        manifest.takes_digits
        and manifest.input_shape == (SIDE, SIDE, 1)
        and len(added) >= _LEAST_BLOCKS
        and manifest.no_gradients is None
    )


def is_plain_sum(block: BlockInfo) -> bool:
    """Whether x passes a block unchanged, and ReLU follows the sum."""
    return block.merge == "add" and block.identity == block.input and block.rectified


def first_convolution(manifest: Manifest) -> LayerInfo | None:
    """The only convolution before the first block; ``None`` if there is no such one."""
    names = [layer.name for layer in manifest.layers]
    stem = manifest.layers[: names.index(manifest.blocks[0].input) + 1] if manifest.blocks else ()
    convolutions = [layer for layer in stem if layer.kernel]
    if len(convolutions) != 1:
        return None
    (only,) = convolutions
    return only if only.inputs == (INPUT,) and only.kernel == _KERNEL else None
