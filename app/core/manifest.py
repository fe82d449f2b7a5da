"""Records that describe a compiled network: what ``manifest.json`` says, field by field.

Reading and writing the file is not done here.
"""

from dataclasses import dataclass
from typing import Any, Final

from app.core.figures import BlockFigures

FORMAT: Final = 1
SPATIAL_RANK: Final = 3


@dataclass(frozen=True)
class LayerInfo:
    """One tapped layer.

    Attributes:
        name: address by place and role, ``block1.conv1``.
        kind: Keras class, or the operation for the parts of a block (``Residual``, ``Add``, ...).
        role: ``conv``, ``norm``, ``activation``, ``identity``, ``residual``, ``gate``, ``sum``,
            ``output``, ``pool``, ``logits`` or ``probabilities``.
        block: name of the block it belongs to; ``None`` in stem and head.
        shape: ``(H, W, C)``; layers without space have H = W = 1.
        parameters: number of weights of this layer alone.
        kernel: ``(height, width)`` of a convolution's kernels.
        strides: ``(down, across)`` of a convolution or pooling.
        signed: whether values below zero can occur.
    """

    name: str
    kind: str
    role: str
    block: str | None
    shape: tuple[int, int, int]
    parameters: int = 0
    kernel: tuple[int, int] | None = None
    strides: tuple[int, int] | None = None
    signed: bool = True

    @property
    def filters(self) -> int:
        """Number of filters, C."""
        return self.shape[-1]

    @property
    def place(self) -> str:
        """The block, ``stem`` or ``head``."""
        return self.block or self.name.split(".", 1)[0]

    @property
    def spatial(self) -> bool:
        """Whether its maps have more than one position."""
        return self.shape[0] * self.shape[1] > 1


@dataclass(frozen=True)
class BlockInfo:
    """One block, as the names of the layers that play its parts.

    Attributes:
        name: ``block1``.
        merge: ``add``, ``highway``, another merge's name, or ``None`` without an identity path.
        input: the layer that gives it ``x``.
        identity: the layer whose maps the merge takes as the identity: ``input`` itself, or the
            projection where the block changes shape; ``None`` without an identity path.
        residual: ``F(x)``: what the branch adds, or, without an identity path, all there is.
        gate: ``T(x)`` of a highway block.
        sum: the merge's result; ``None`` without an identity path.
        output: after the activation.
        switchable: whether its residual branch can be switched off.
    """

    name: str
    merge: str | None
    input: str
    identity: str | None
    residual: str
    gate: str | None
    sum: str | None
    output: str
    switchable: bool


@dataclass(frozen=True)
class GraphInfo:
    """One compiled graph.

    Attributes:
        file: name in the model folder.
        inputs: input names in the order of its function.
        outputs: what each output is, in the order they come back.
        deviation: largest difference from Keras found when it was compiled, relative to
            the largest magnitude of the output.
    """

    file: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    deviation: float


@dataclass(frozen=True)
class Accuracy:
    """Digits read correctly, with a 95 % Wilson score interval (Wilson 1927).

    Attributes:
        value: share read correctly.
        interval: lower and upper bound of the share.
        correct: digits read correctly.
        digits: digits read.
    """

    value: float
    interval: tuple[float, float]
    correct: int
    digits: int

    @classmethod
    def of(cls, correct: int, digits: int) -> "Accuracy":
        """The accuracy of ``correct`` digits out of ``digits``."""
        z = 1.959964  # the 97.5 % quantile of the normal distribution
        share = correct / digits
        centre = (share + z * z / (2 * digits)) / (1 + z * z / digits)
        spread = share * (1 - share) / digits + z * z / (4 * digits * digits)
        half = z * spread**0.5 / (1 + z * z / digits)
        return cls(share, (centre - half, centre + half), correct, digits)


@dataclass(frozen=True)
class Lesion:
    """How well the network reads with some blocks' residual branches switched off.

    Attributes:
        off: names of the blocks.
        correct: digits read correctly.
        lost: share of all digits lost against the whole network; negative where it gained.
    """

    off: tuple[str, ...]
    correct: int
    lost: float


@dataclass(frozen=True)
class Survey:
    """What was measured over the test digits when the network was compiled.

    Attributes:
        digits: how many.
        blocks: usual figures of every block, in forward order.
        lesions: each switchable block off alone, then each pair.
    """

    digits: int
    blocks: tuple[BlockFigures, ...]
    lesions: tuple[Lesion, ...]


@dataclass(frozen=True)
class Manifest:
    """A compiled network.

    Attributes:
        format: version of this record.
        id: of the network, also the name of its folder.
        title: for people.
        summary: one sentence for people.
        input_shape: ``(28, 28, 1)``.
        classes: label of each output.
        parameters: number of weights, all told.
        layers: every tapped layer, in forward order.
        blocks: every block, in forward order.
        graphs: ``activations`` and ``gradients``.
        test_accuracy: on MNIST's 10,000 test digits; ``None`` where it was not measured.
        survey: figures and lesions over the test digits; ``None`` where they were not measured.
        training: recipe, commit and history of the run; ``None`` for a network brought along.
        files: SHA-256 of every other file of the folder, by name.
    """

    format: int
    id: str
    title: str
    summary: str
    input_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    parameters: int
    layers: tuple[LayerInfo, ...]
    blocks: tuple[BlockInfo, ...]
    graphs: dict[str, GraphInfo]
    test_accuracy: Accuracy | None
    survey: Survey | None
    training: dict[str, Any] | None
    files: dict[str, str]

    @property
    def switches(self) -> tuple[str, ...]:
        """Names of the blocks that can be switched off, in the order of the gates."""
        return tuple(block.name for block in self.blocks if block.switchable)
