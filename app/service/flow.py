"""Information flow: how much each block's input matters to the answer, and by which route.

The gradient of log p(target) at a block's input is the sum of what comes back through the identity
and what comes back through F (He et al. 2016, "Identity Mappings in Deep Residual Networks",
eq. 5, one block at a time).
"""

from dataclasses import dataclass

import numpy as np

from app.core.blocks import cosine
from app.core.manifest import BlockInfo
from app.engine.protocol import Activations, Engine
from app.errors import InvalidParameterError, shown
from app.service.examination import Examination


@dataclass(frozen=True)
class BlockFlow:
    """The gradient at one block's input.

    Attributes:
        block: its name.
        total: Euclidean norm of the gradient.
        identity: norm of the part through the identity; ``None`` without an identity path.
        residual: norm of the part through F; without an identity path it is the total.
        cosine: of the angle between the two parts; ``None`` without an identity path.
    """

    block: str
    total: float
    identity: float | None
    residual: float
    cosine: float | None


@dataclass(frozen=True)
class Flow:
    """The flow over depth.

    Attributes:
        target: index of the class whose log probability is differentiated.
        blocks: one entry a block, in forward order.
    """

    target: int
    blocks: tuple[BlockFlow, ...]


def flow(engine: Engine, examination: Examination, target: int | None = None) -> Flow:
    """The flow for a class, the predicted one by default.

    Raises:
        InvalidParameterError: there is no such class.
    """
    manifest = examination.manifest
    if target is None:
        target = examination.label
    if not 0 <= target < len(manifest.classes):
        raise InvalidParameterError(
            f"target must be 0 to {len(manifest.classes) - 1}; got {shown(str(target))}"
        )
    gates = examination.gates
    gradients = engine.gradients(examination.digit.as_input(), gates, target)
    return Flow(target, tuple(_block_flow(block, gradients) for block in manifest.blocks))


def _block_flow(block: BlockInfo, gradients: Activations) -> BlockFlow:
    total = gradients[block.input]
    norm = float(np.linalg.norm(total))
    if block.identity is None:
        return BlockFlow(block.name, norm, None, norm, None)
    identity = gradients[f"{block.name}.x:identity"]
    residual = gradients[f"{block.name}.x:residual"]
    return BlockFlow(
        block.name,
        norm,
        float(np.linalg.norm(identity)),
        float(np.linalg.norm(residual)),
        cosine(identity, residual),
    )
