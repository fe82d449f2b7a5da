"""Training recipes: everything that, with the data and a seed, determines a trained network."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from app.network.augmentation import Augmentation


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        network: id of the architecture.
        epochs: passes over the training split.
        warmup_epochs: linear rise of the learning rate before its cosine decay to zero
            (Loshchilov and Hutter 2017, "SGDR", eq. 5, a single cycle).
        batch_size: digits a step.
        learning_rate: the peak.
        weight_decay: decoupled decay of kernels (Loshchilov and Hutter 2019, "AdamW"); norms and
            biases are left out.
        label_smoothing: share of each label spread over all classes.
        validation: digits at the end of a seeded shuffle of the 60,000 that are never trained on.
        seed: of the weights, the split, the order, the augmentation and the dropout.
        augmentation: how far digits are bent.
    """

    network: str
    epochs: int = 32
    warmup_epochs: float = 2.0
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.02
    validation: int = 5000
    seed: int = 2016
    augmentation: Augmentation = field(default_factory=Augmentation)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values."""
        return asdict(self)


_STAGED: Final = Recipe("mnist-resnet")

RECIPES: Final[dict[str, Recipe]] = {
    "mnist-resnet": _STAGED,
    "mnist-plain": replace(_STAGED, network="mnist-plain"),
    "mnist-highway": replace(_STAGED, network="mnist-highway"),
    # Half of the classic network's features are dropped out in training: gentler bending suits it.
    "mnist-classic": replace(_STAGED, network="mnist-classic", epochs=30, label_smoothing=0.0),
}
