"""What each residual block does to its input, in numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.figures import BlockFigures
from app.core.manifest import BlockInfo

Array = NDArray[np.float32]


def block_figures(block: BlockInfo, activations: Mapping[str, Array]) -> BlockFigures:
    """The figures of one block, from its parts' activations by layer name."""
    x, fx = (part.astype(np.float64) for part in addends(block, activations))
    total = activations[block.sum or block.residual].astype(np.float64)
    norm_x, norm_f = float(np.linalg.norm(x)), float(np.linalg.norm(fx))
    magnitude = float(np.abs(total).sum())
    return BlockFigures(
        block=block.name,
        norm_x=norm_x,
        norm_f=norm_f,
        norm_sum=float(np.linalg.norm(total)),
        ratio=norm_f / norm_x if norm_x else 0.0,
        cosine=cosine(x, fx) if block.identity else None,
        relu_cut=float(-np.minimum(total, 0).sum()) / magnitude if magnitude else 0.0,
    )


def addends(block: BlockInfo, activations: Mapping[str, Array]) -> tuple[Array, Array]:
    """Identity and residual, ``(H, W, C)`` each, as they enter the block's sum."""
    x, fx = activations[block.identity or block.input], activations[block.residual]
    if block.gate is None:
        return x, fx
    gate = activations[block.gate]
    return x * (1 - gate), fx * gate


def cosine(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Cosine of the angle between two arrays of one shape, -1..1; 0 where either is zero."""
    norms = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return min(max(float(np.vdot(a, b)) / norms, -1.0), 1.0) if norms else 0.0
