"""Training recipes: everything that, with the data and a seed, determines a trained network."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from app.network.augmentation import Augmentation


@dataclass(frozen=True)
class Phase:
    """A stretch of training with a fresh optimizer and one cycle of the learning rate.

    Attributes:
        epochs: passes over the training split.
        learning_rate: the peak; a linear warm-up rises to it and a cosine falls from it to zero
            (Loshchilov and Hutter 2017, "SGDR", eq. 5).
        warmup_epochs: length of the rise.
        floor: where the fall ends, as a share of the peak; 1 keeps the peak.
        averaging: momentum of a moving average of the weights, taken after every step, that
            replaces them after every epoch (after Izmailov et al. 2018, "Averaging Weights Leads
            to Wider Optima", with an exponential mean); batch norm's statistics are measured anew
            after the last. ``None`` trains without.
        augmentation: how far digits are bent.
    """

    epochs: int
    learning_rate: float = 3e-3
    warmup_epochs: float = 2.0
    floor: float = 0.0
    averaging: float | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        network: id of the architecture.
        phases: one after the other, each going on from the weights of the one before.
        batch_size: digits a step.
        weight_decay: decoupled decay of kernels (Loshchilov and Hutter 2019, "AdamW"); norms and
            biases are left out.
        label_smoothing: share of each label spread over all classes.
        validation: digits at the end of a seeded shuffle of the 60,000 that are never trained on.
        seed: of the weights, the split, the order, the augmentation and the dropout.
    """

    network: str
    phases: tuple[Phase, ...]
    batch_size: int = 128
    weight_decay: float = 0.02
    label_smoothing: float = 0.02
    validation: int = 5000
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
        return asdict(self)


# Elastic bending first, for shapes that no one in the training set drew; then rigid bending alone,
# which is nearer to how digits really differ; then all of it and the pressure of the pen, further
# than in the training set, for hands that are not in it.
_UNSEEN_HANDS: Final = Augmentation(
    share=0.85, rotation=15.0, shear=0.3, scale=0.15, shift=2.5, elastic=1.4, thickness=0.6
)
_STAGED: Final = Recipe(
    "mnist-resnet",
    (
        Phase(epochs=32),
        Phase(epochs=20, learning_rate=1.5e-3, augmentation=Augmentation(elastic=0.0)),
        Phase(
            epochs=16,
            learning_rate=2e-3,
            warmup_epochs=1.0,
            floor=0.05,
            averaging=0.999,
            augmentation=_UNSEEN_HANDS,
        ),
    ),
)

RECIPES: Final[dict[str, Recipe]] = {
    "mnist-resnet": _STAGED,
    "mnist-plain": replace(_STAGED, network="mnist-plain"),
    "mnist-highway": replace(_STAGED, network="mnist-highway"),
    # Half of the classic network's features are dropped out in training already.
    "mnist-classic": Recipe(
        "mnist-classic",
        (
            Phase(epochs=12),
            Phase(epochs=6, learning_rate=1.5e-3, augmentation=Augmentation(elastic=0.0)),
        ),
        label_smoothing=0.0,
    ),
}
