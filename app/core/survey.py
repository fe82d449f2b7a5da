"""Records of what was measured over the test digits when a network was compiled."""

from dataclasses import dataclass

from app.core.figures import BlockFigures


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
