"""Records of a model's manifest: layers, blocks, graphs, ablations, test-set metrics."""

import hashlib
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any, Final


@dataclass(frozen=True)
class BlockMetrics:
    """A block on one digit, or the mean over many.

    Norms are Euclidean, over all positions and filters.

    Attributes:
        block: its name.
        norm_x: norm of the identity as it enters the sum: ``x``, its projection where the block
            changes shape, or ``(1 - T(x)) * x`` in a highway block. Without an identity path, of
            what the block is given.
        norm_residual: norm of the residual as it enters the sum: ``F(x)``, or ``T(x) * F(x)``.
        norm_sum: norm of the sum; without an identity path, of ``F(x)``.
        ratio: ``norm_residual / norm_x``; 0 where the identity is zero.
        cosine: of the angle between the two merge_inputs, -1..1; 0 where either is zero; ``None``
            without an identity path, and where identity, residual and sum differ in shape, so
            that no filter of one is the same filter of the others.
        relu_zeroed: share of the sum that the activation cuts, 0..1: the magnitude of its negative
            values over the magnitude of all its values.
    """

    block: str
    norm_x: float
    norm_residual: float
    norm_sum: float
    ratio: float
    cosine: float | None
    relu_zeroed: float


@dataclass(frozen=True)
class FilterMetrics:
    """One filter of a block's sum on one digit: the figures of :class:`BlockMetrics` of its maps.

    Attributes:
        filter: its index in the sum.
        norm_x: of the identity's map that enters it; ``None`` where none does.
        norm_residual: of the residual's.
        norm_sum: of its own map.
        ratio: ``norm_residual / norm_x``; 0 for a zero identity; ``None`` where either lacks.
        cosine: of the two maps, -1..1; 0 where either is zero; ``None`` where either lacks.
        relu_zeroed: share of its own map that the activation cuts, 0..1.
    """

    filter: int
    norm_x: float | None
    norm_residual: float | None
    norm_sum: float
    ratio: float | None
    cosine: float | None
    relu_zeroed: float


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
class SeedAccuracy:
    """How well a network trained from one seed of its recipe reads the test digits."""

    seed: int
    accuracy: Accuracy


@dataclass(frozen=True)
class Ablation:
    """How well the network reads with some blocks' residual branches switched off.

    Attributes:
        off: names of the blocks.
        correct: digits read correctly.
        accuracy_drop: baseline accuracy minus this accuracy, -1..1; negative if accuracy rose.
    """

    off: tuple[str, ...]
    correct: int
    accuracy_drop: float


@dataclass(frozen=True)
class Evaluation:
    """What was measured over the test digits when the network was compiled.

    Attributes:
        digits: how many.
        blocks: usual figures of every block, in forward order.
        ablations: each block that can be disabled off alone, then each pair where there are few.
    """

    digits: int
    blocks: tuple[BlockMetrics, ...]
    ablations: tuple[Ablation, ...]


FORMAT: Final = 1
MANIFEST_FILE: Final = "manifest.json"
NETWORK_FILE: Final = "network.keras"
WEIGHTS_FILE: Final = "weights.npz"
TRAINING_FILE: Final = "training.json"
SEEDS_FILE: Final = "seeds.json"
SPATIAL_RANK: Final = 3
OTHER: Final = "other"  # the role of a layer of a kind that has none of its own
INPUT: Final = "input"  # among a layer's inputs: the digit itself


@dataclass(frozen=True)
class LayerInfo:
    """One tapped layer.

    Attributes:
        name: address by place and role, ``block1.conv1``.
        kind: Keras class, or the operation for the parts of a block (``Residual``, ``Add``, ...).
        role: ``conv``, ``norm``, ``activation``, ``identity``, ``residual``, ``gate``, ``sum``,
            ``output``, ``pool``, ``logits``, ``probabilities`` or :data:`OTHER`.
        block: name of the block it belongs to; ``None`` in stem and head.
        shape: ``(H, W, C)``; layers without space have H = W = 1.
        parameters: number of weights of this layer alone.
        kernel: ``(height, width)`` of a convolution's kernels.
        strides: ``(down, across)`` of a convolution or pooling.
        signed: whether values below zero can occur.
        inputs: the layers whose maps it is computed from, in call order, :data:`INPUT` for the
            digit: identity and residual of a sum, and a highway's gate behind them. What leaves
            values as they are (dropout in use, flattening) is looked through.
        window: ``(height, width)`` of a pooling's windows; ``None`` where it takes whole maps.
        dilation: ``(down, across)`` from one weight of a convolution's kernels to the next.
        epsilon: what a batch norm adds to the variance.
        activation: name of the function that it applies last, ``relu``, ``softmax``; ``None``
            without one.

    Padding is not written down, since shapes tell it: with a kernel ``k``, strides ``s`` and
    lengths ``n`` before and ``m`` behind, ``max((m - 1) * s + (k - 1) * dilation + 1 - n, 0)``
    zeros are added in all, the smaller half of them before. Without padding that is none.
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
    inputs: tuple[str, ...] = ()
    window: tuple[int, int] | None = None
    dilation: tuple[int, int] | None = None
    epsilon: float | None = None
    activation: str | None = None

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
        can_disable: whether its residual branch can be switched off.
    """

    name: str
    merge: str | None
    input: str
    identity: str | None
    residual: str
    gate: str | None
    sum: str | None
    output: str
    can_disable: bool

    @property
    def switch(self) -> str | None:
        """The layer that is zero while the branch is off, ``T(x)`` or else ``F(x)``; ``None``
        where it cannot be switched off.
        """
        return (self.gate or self.residual) if self.can_disable else None


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
        evaluation: metrics and ablations over the test digits; ``None`` if not measured.
        training: recipe, commit and history of the run; ``None`` for a network brought along.
        files: SHA-256 of the network, its graphs and its weights, by the name of the file.
        seeds: accuracy of each seed that the recipe was followed from, that of this network among
            them; empty where there is only this network.
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
    evaluation: Evaluation | None
    training: dict[str, Any] | None
    files: dict[str, str]
    seeds: tuple[SeedAccuracy, ...] = ()

    @property
    def accuracy_over_seeds(self) -> tuple[float, float] | None:
        """Mean and sample standard deviation of the seeds' accuracies, shares of 0..1; ``None``
        where there are fewer than two.
        """
        values = [one.accuracy.value for one in self.seeds]
        return (mean(values), stdev(values)) if len(values) > 1 else None

    @property
    def version(self) -> str:
        """Changes with any file of the network: 12 hexadecimal digits."""
        return hashlib.sha256("".join(sorted(self.files.values())).encode()).hexdigest()[:12]

    @property
    def switches(self) -> tuple[str, ...]:
        """Names of the blocks that can be switched off, in the order of the gates."""
        return tuple(block.name for block in self.blocks if block.can_disable)
