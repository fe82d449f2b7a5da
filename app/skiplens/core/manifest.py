"""Records of a model's manifest: layers, blocks, graphs, ablations, test-set metrics."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from skiplens.core.branch_scales import Scales
from skiplens.core.input_image import DIGITS, WHITE, InputContract
from skiplens.core.published import Published
from skiplens.core.similarity import NetworkSimilarity


@dataclass(frozen=True)
class BlockMetrics(Published):
    """Metrics of one block on one digit, or their mean over many digits.

    Norms are Euclidean, over all positions and filters.
    """

    block: str
    """Name of the block."""
    norm_x: float
    """Norm of the identity as it enters the sum: x, its projection where the block changes shape,
    or (1 - T(x)) x in a highway block. Without an identity path, norm of the block's input."""
    norm_residual: float
    """Norm of the residual as it enters the sum: F(x), or T(x) F(x) in a highway block."""
    norm_sum: float
    """Norm of the sum; without an identity path, of F(x)."""
    ratio: float | None
    """norm_residual / norm_x; 0 if norm_x is 0; null where x is multiplied by F(x): a factor has
    no size beside what it multiplies."""
    cosine: float | None
    """Cosine of the angle between identity and residual, -1 to 1; 0 if either is zero; null
    without an identity path, and where identity, residual and sum differ in shape."""
    relu_zeroed: float | None
    """Share of the sum that ReLU sets to zero, 0 to 1: the magnitude of its negative values over
    the magnitude of all its values; null where no ReLU follows the sum."""


@dataclass(frozen=True)
class Accuracy:
    """Accuracy on a set of digits, with a 95 % Wilson score interval (Wilson 1927)."""

    value: float
    """Share of the digits classified correctly, 0 to 1."""
    interval: tuple[float, float]
    """Lower and upper bound of the share."""
    correct: int
    """Number of digits classified correctly."""
    digits: int
    """Number of digits classified."""

    @classmethod
    def of(cls, correct: int, digits: int) -> "Accuracy":
        """Accuracy from counts."""
        z = 1.959964  # the 97.5 % quantile of the normal distribution
        share = correct / digits
        centre = (share + z * z / (2 * digits)) / (1 + z * z / digits)
        spread = share * (1 - share) / digits + z * z / (4 * digits * digits)
        half = z * spread**0.5 / (1 + z * z / digits)
        return cls(share, (centre - half, centre + half), correct, digits)


@dataclass(frozen=True)
class SeedAccuracy:
    """Test accuracy of the network trained from one seed of a recipe."""

    seed: int
    """Seed of the training run."""
    accuracy: Accuracy
    """Accuracy on the test digits."""


@dataclass(frozen=True)
class Ablation:
    """Accuracy of the network with the residual branches of some blocks disabled."""

    off: tuple[str, ...]
    """Names of the disabled blocks."""
    correct: int
    """Number of digits classified correctly."""
    accuracy_drop: float
    """Baseline accuracy minus this accuracy, -1 to 1: 0.05 is five percentage points; negative if
    accuracy rose."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics and ablations over the test digits, measured when the network was compiled."""

    digits: int
    """Number of test digits."""
    blocks: tuple[BlockMetrics, ...]
    """Mean metrics of every block, in forward order."""
    ablations: tuple[Ablation, ...]
    """Each block that can be disabled alone, then each pair where there are few blocks."""


FORMAT: Final = 3
MANIFEST_FILE: Final = "manifest.json"
NETWORK_FILE: Final = "network.keras"
WEIGHTS_FILE: Final = "weights.npz"
TRAINING_FILE: Final = "training.json"
SEEDS_FILE: Final = "seeds.json"
SPATIAL_RANK: Final = 3
DIGIT_CLASSES: Final = 10
_LITTLE: Final = 0.02  # of the way from a guess to all images correct
LAYERS_OF_HEAD: Final = 3  # pooling, dense layer, softmax
SUMS: Final = frozenset({"add", "highway"})  # merges that add x, or a share of it, and F(x)
OTHER: Final = "other"  # role of a layer of an unknown kind
REORDERED: Final = "reordered"  # the graph whose blocks run in any order
INPUT: Final = "input"  # names the digit among the inputs of a layer


@dataclass(frozen=True)
class LayerInfo(Published):
    """One layer whose activations are recorded.

    Padding is not stored; it follows from the shapes. With a kernel of length ``k``, stride ``s``,
    ``n`` input and ``m`` output positions, ``max((m - 1) * s + (k - 1) * dilation + 1 - n, 0)``
    zeros are added in total, the smaller half of them in front.
    """

    name: str
    """Name by block and role, such as block1.conv1."""
    kind: str
    """Keras class, or the operation for the parts of a block, such as Residual or Add."""
    role: str
    """`conv`, `norm`, `activation`, `identity`, `residual`, `gate`, `sum`, `output`, `pool`,
    `logits`, `states` of a recurrent layer, `probabilities` or `other`."""
    block: str | None
    """Name of its block; null in stem and head."""
    shape: tuple[int, int, int]
    """Height, width, number of filters; height and width are 1 in layers without spatial axes."""
    parameters: int = 0
    """Number of weights of this layer alone."""
    kernel: tuple[int, int] | None = None
    """Height and width of the kernels; null except for convolutions."""
    strides: tuple[int, int] | None = None
    """Vertical and horizontal stride; null except for convolutions and poolings."""
    signed: bool = True
    """Whether values below zero can occur."""
    inputs: tuple[str, ...] = ()
    """Layers it is computed from, in call order; `input` is the digit. A sum lists identity and
    residual, and in a highway block the gate. Layers that leave values unchanged at inference
    (dropout, flattening) are skipped."""
    window: tuple[int, int] | None = None
    """Height and width of a pooling's windows; null if it pools whole maps."""
    dilation: tuple[int, int] | None = None
    """Vertical and horizontal dilation of a convolution's kernels."""
    epsilon: float | None = None
    """Constant that batch normalisation adds to the variance."""
    activation: str | None = None
    """Activation function applied last, such as relu or softmax; null if there is none."""

    @property
    def filters(self) -> int:
        """Number of filters, C."""
        return self.shape[-1]

    @property
    def nbytes(self) -> int:
        """Bytes of its maps, which are float32."""
        return 4 * math.prod(self.shape)

    @property
    def is_sequence(self) -> bool:
        """Whether its positions are steps in a row, one after another: ``(1, T, C)``."""
        return self.shape[0] == 1 < self.shape[1]

    @property
    def filter_noun(self) -> str:
        """What one of its filters is called: a ``unit`` where no kernel slides over an image."""
        return "unit" if self.is_sequence or not self.spatial else "filter"

    @property
    def drawn_size(self) -> tuple[int, int]:
        """Height and width of one map in a picture: the steps of a sequence run downwards."""
        height, width, _ = self.shape
        return (width, height) if self.is_sequence else (height, width)

    @property
    def spatial(self) -> bool:
        """Whether its maps have more than one position."""
        return self.shape[0] * self.shape[1] > 1


@dataclass(frozen=True)
class BlockInfo(Published):
    """One block: the names of the layers that form its parts."""

    name: str
    """Name of the block, such as block1."""
    merge: str | None
    """How x and F(x) are merged: `add`, `highway` or another merge; null without an identity
    path."""
    input: str
    """Layer that computes x."""
    identity: str | None
    """Layer that enters the merge as the identity: the input, its projection where the block
    changes shape, or the sum of an earlier block with the same input; null without an identity
    path."""
    residual: str
    """Layer that computes F(x)."""
    gate: str | None
    """Layer that computes T(x) of a highway block; null elsewhere."""
    sum: str | None
    """Layer that merges x and F(x); null without an identity path."""
    output: str
    """Layer of the block's output, after the activation."""
    can_disable: bool
    """Whether the residual branch can be scaled and disabled."""
    rectified: bool = True
    """Whether the output is the ReLU of the sum, or of F(x) without an identity path."""

    def after(self, source: str) -> "BlockInfo":
        """The same block with another layer as its input; its identity path has no projection."""
        return replace(self, input=source, identity=self.identity and source)

    @property
    def scaled_layer(self) -> str | None:
        """The layer that the branch scale multiplies: ``T(x)`` if there is a gate, else ``F(x)``;
        ``None`` if the branch cannot be scaled.
        """
        return (self.gate or self.residual) if self.can_disable else None

    @property
    def compared(self) -> tuple[str, ...]:
        """The layers that are compared in the block: x, F(x), sum and output."""
        parts = (self.identity, self.residual, self.sum, self.output)
        return tuple(part for part in parts if part is not None)


def logits_are_a_sum(blocks: Sequence[BlockInfo], layers: Sequence[LayerInfo]) -> bool:
    """Whether the logits are the sum of what each block adds: every block adds F(x) to an x that
    nothing changes, and the head is the mean over all positions and a dense layer.
    """
    if not blocks or len(layers) < LAYERS_OF_HEAD:
        return False
    pool, logits = layers[-3:-1]
    x = blocks[0].input
    for block in blocks:
        if (block.merge, block.input, block.identity, block.output) != ("add", x, x, block.sum):
            return False
        x = block.output
    chained = pool.inputs == (x,) and logits.inputs == (pool.name,)
    head = (pool.kind, logits.kind, logits.role)
    return chained and head == ("GlobalAveragePooling2D", "Dense", "logits")


@dataclass(frozen=True)
class GraphInfo:
    """One compiled graph."""

    file: str
    """File name in the model folder."""
    inputs: tuple[str, ...]
    """Names of the inputs, in the order of the graph's signature."""
    outputs: tuple[str, ...]
    """Names of the outputs, in the order the graph returns them."""
    deviation: float
    """Largest difference from Keras when it was compiled, relative to the output's largest
    magnitude."""


@dataclass(frozen=True)
class Manifest:
    """A compiled network."""

    format: int
    """Version of this record."""
    id: str
    """Id of the network and name of its folder."""
    title: str
    """Display name."""
    summary: str
    """One sentence about the network."""
    input_shape: tuple[int, int, int]
    """Height, width, channels."""
    classes: tuple[str, ...]
    """Label of each class, in the order of the probabilities."""
    parameters: int
    """Number of weights."""
    layers: tuple[LayerInfo, ...]
    """Every recorded layer, in forward order."""
    blocks: tuple[BlockInfo, ...]
    """Every block, in forward order."""
    graphs: dict[str, GraphInfo]
    """Compiled graphs: `activations` and `gradients`, and `reordered` if three blocks or more are
    all alike.
    """
    test_accuracy: Accuracy | None
    """Accuracy on the test images; null if not measured."""
    evaluation: Evaluation | None
    """Metrics and ablations over the test digits; null if not measured."""
    training: dict[str, Any] | None
    """Recipe, commit and history of the training; null for a network trained elsewhere."""
    files: dict[str, str]
    """SHA-256 of the network, its graphs and its weights, by file name."""
    seeds: tuple[SeedAccuracy, ...] = ()
    """Accuracy of each seed of the recipe, this network's included; empty with one network only."""
    similarity: tuple[NetworkSimilarity, ...] = ()
    """Similarity to each other network of the models folder; empty if not measured."""
    input: InputContract = DIGITS
    """What it expects of an image, besides its shape."""
    no_gradients: str | None = None
    """Why there is no graph of gradients, as a clause; null if there is one."""

    @property
    def input_scale(self) -> float:
        """The largest value that its own layers get: 255 where they scale bytes themselves."""
        return WHITE * self.input.scale[0]

    @property
    def takes_digits(self) -> bool:
        """Whether images are prepared as MNIST's digits were."""
        return self.input.kind == "digit"

    @property
    def classifies_digits(self) -> bool:
        """Whether its classes are the ten digits, whatever their names."""
        return self.takes_digits and len(self.classes) == DIGIT_CLASSES

    @property
    def is_near_chance(self) -> bool:
        """Whether its accuracy was measured and is hardly that of a guess."""
        accuracy, chance = self.test_accuracy, 1 / len(self.classes)
        return accuracy is not None and accuracy.interval[0] <= chance + _LITTLE * (1 - chance)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all activations of a forward pass."""
        return sum(layer.nbytes for layer in self.layers)

    @property
    def has_identity_paths(self) -> bool:
        """Whether the input passes around any block."""
        return any(block.identity for block in self.blocks)

    @property
    def noun(self) -> str:
        """What its input is called."""
        return self.input.kind

    def projects(self, block: BlockInfo) -> bool:
        """Whether a block's x is projected on its identity path, rather than summed up before."""
        return block.identity not in {None, block.input, *(other.sum for other in self.blocks)}

    def answers_like(self, other: "Manifest") -> bool:
        """Whether both take images of one kind and know the same classes."""
        return self.takes_digits == other.takes_digits and self.classes == other.classes

    @property
    def version(self) -> str:
        """Hash of the network's files, of how images are prepared for it, and of the names of its
        classes: 12 hexadecimal digits.
        """
        told = sorted(self.files.values()), self.input, self.classes
        return hashlib.sha256(repr(told).encode()).hexdigest()[:12]

    @property
    def disableable_blocks(self) -> tuple[str, ...]:
        """Names of the blocks whose branch can be scaled, in the order of `branch_scales`."""
        return tuple(block.name for block in self.blocks if block.can_disable)

    def scaled(self, blocks: Iterable[str], factor: float = 0.0) -> Scales:
        """The branches of some blocks multiplied by a factor, by 0 switched off."""
        return Scales.in_order(dict.fromkeys(blocks, factor), self.disableable_blocks)

    @property
    def can_reorder(self) -> bool:
        """Whether the blocks can run in any order."""
        return REORDERED in self.graphs
