"""Training recipes: with the data, a recipe determines the trained network."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from skiplens.core.ladder import KINDS, LADDER, stream_name
from skiplens.network.architectures import ROWS_NAMES
from skiplens.network.augmentation import Augmentation


@dataclass(frozen=True)
class Phase:
    """A training phase with a new optimizer and one cycle of the learning rate.

    Attributes:
        epochs: passes over the training split.
        learning_rate: peak after a linear warm-up, before a cosine decay (Loshchilov and Hutter
            2017, "SGDR", eq. 5).
        floor: final learning rate as a share of the peak.
        warmup_epochs: length of the warm-up.
        augmentation: of the digits.
    """

    epochs: int
    learning_rate: float = 3e-3
    floor: float = 0.0
    warmup_epochs: float = 2.0
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        network: id of the architecture.
        phases: in order; each continues from the weights of the one before.
        batch_size: digits in a step.
        weight_decay: decoupled decay of kernels (Loshchilov and Hutter 2019, "AdamW"), without
            norms and biases.
        averaging: momentum of the moving average over steps that gives the final weights (Polyak
            and Juditsky 1992 take the plain mean); 0 keeps the last weights.
        validation: number of the last digits held out to choose a recipe; 0 trains on all.
        seed: of weights, order, augmentation and dropout.
    """

    network: str
    phases: tuple[Phase, ...]
    batch_size: int = 128
    weight_decay: float = 0.02
    averaging: float = 0.0
    validation: int = 0
    seed: int = 2016

    @property
    def epochs(self) -> int:
        """Epochs of all phases."""
        return sum(phase.epochs for phase in self.phases)

    def phase_of(self, epoch: int) -> tuple[Phase, int]:
        """The phase of an epoch, counted from 1, and the epoch's number within it, from 1."""
        for phase in self.phases:
            if epoch <= phase.epochs:
                return phase, epoch
            epoch -= phase.epochs
        raise ValueError(f"epoch {epoch} lies beyond the recipe's {self.epochs}")

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # tuples become lists
        return values


# Mostly affine, slightly elastic, with varied stroke thickness, for writers that the training set
# does not contain; and digits drawn as in other countries, such as a 1 with a long upstroke.
_STRONG_AUGMENTATION: Final = Augmentation(
    share=0.85,
    rotation=12.0,
    shear=0.25,
    scale=0.15,
    shift=2.0,
    elastic=1.0,
    thickness=0.5,
    drawn=0.15,
)
# The second phase continues at the first one's learning rate. It restarts the moving average of the
# weights, to exclude the first steps from random weights.
_BLOCKS: Final = Recipe(
    "mnist-resnet",
    (
        Phase(epochs=4, floor=1.0, augmentation=_STRONG_AUGMENTATION),
        Phase(epochs=14, warmup_epochs=0.0, floor=0.3, augmentation=_STRONG_AUGMENTATION),
    ),
    averaging=0.9997,
)

# The same for every depth of the ladder, so that the depth and the skip are all that differs. At a
# rate three times as high the streams learn faster and the deepest plain stack not at all.
_STREAM: Final = Recipe(
    "mnist-stream",
    (Phase(epochs=6, learning_rate=1e-3, warmup_epochs=1.0, augmentation=_STRONG_AUGMENTATION),),
    validation=10_000,
    seed=0,
)
# The same for both, so that the skip is all that differs.
_ROWS: Final = Recipe("mnist-rows", (Phase(epochs=8),), validation=10_000, seed=0)

RECIPES: Final[dict[str, Recipe]] = {
    "mnist-resnet": _BLOCKS,
    "mnist-plain": replace(_BLOCKS, network="mnist-plain"),
    "mnist-highway": replace(_BLOCKS, network="mnist-highway"),
    # The classic network has dropout of one half, so it needs less augmentation.
    "mnist-classic": Recipe(
        "mnist-classic",
        (
            Phase(epochs=12),
            Phase(epochs=6, learning_rate=1.5e-3, augmentation=Augmentation(elastic=0.0)),
        ),
    ),
    **{
        stream_name(kind, blocks): replace(_STREAM, network=stream_name(kind, blocks))
        for kind in KINDS
        for blocks in LADDER
    },
    **{name: replace(_ROWS, network=name) for name in ROWS_NAMES.values()},
}
