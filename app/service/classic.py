"""The four pictures of 2016: residual, kernels, pre-activation and activation of each block.

They are of blocks that are one convolution each, added to what they are given, at one width
throughout, so that a kernel's indices are those of the maps before and behind it.
"""

from dataclasses import dataclass

import numpy as np

from app.core.blocks import cosine
from app.core.manifest import BlockInfo, LayerInfo, Manifest
from app.service.catalogue import layer_of
from app.service.examination import Examination


@dataclass(frozen=True)
class ClassicBlock:
    """A block of that kind, and its convolution."""

    block: BlockInfo
    convolution: LayerInfo


def classic_blocks(manifest: Manifest) -> tuple[ClassicBlock, ...]:
    """Every block of a network, if all are of that kind; else none."""
    found = [
        ClassicBlock(block, convolution)
        for block in manifest.blocks
        if (convolution := _only_layer(manifest, block)) is not None
    ]
    shapes = {layer_of(manifest, block.output).shape for block in manifest.blocks}
    return tuple(found) if len(found) == len(manifest.blocks) and len(shapes) == 1 else ()


def _only_layer(manifest: Manifest, block: BlockInfo) -> LayerInfo | None:
    """The convolution that a block's branch is, if it is one, and x is added to it as it is."""
    parts = {block.residual, block.sum, block.output}
    inner = [one for one in manifest.layers if one.block == block.name and one.name not in parts]
    plainly_added = block.merge == "add" and block.identity == block.input
    return inner[0] if plainly_added and len(inner) == 1 and inner[0].kernel else None


def likeness_of_2016(examination: Examination, block: BlockInfo) -> float | None:
    """Cosine of F(x) and what was drawn as the residual in 2016, -1..1.

    That was the sum of the block before minus the sum of this one. With ``x = ReLU(before)`` it
    comes to ``-F(x) + min(before, 0)``. The first block has no block before it: ``None``.
    """
    before = next((one for one in examination.manifest.blocks if one.output == block.input), None)
    if before is None or before.sum is None or block.sum is None:
        return None
    maps = examination.activations
    drawn = maps[before.sum].astype(np.float64) - maps[block.sum]
    return cosine(drawn, maps[block.residual].astype(np.float64))
