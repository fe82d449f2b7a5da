"""The factors by which a forward pass scales residual branches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Scales:
    """The factors of residual branches, by block; a block that is not named has 1.

    Attributes:
        factors: name and factor of each block whose factor is not 1, in forward order. Two that
            scale alike are equal, and a cache's key.
    """

    factors: tuple[tuple[str, float], ...] = ()

    def __bool__(self) -> bool:
        """Whether any branch is scaled."""
        return bool(self.factors)

    def __str__(self) -> str:
        """As a query has it: ``block2:0,block5:0.5``."""
        return ",".join(f"{block}:{factor_text(factor)}" for block, factor in self.factors)

    def of(self, block: str) -> float:
        """The factor of a block's residual branch."""
        return dict(self.factors).get(block, 1.0)

    @property
    def off(self) -> tuple[str, ...]:
        """Names of the blocks whose branch adds nothing: those with factor 0."""
        return tuple(block for block, factor in self.factors if factor == 0)

    def with_factor(self, block: str, factor: float, order: Sequence[str]) -> "Scales":
        """The same but for one block; ``order`` names the blocks in forward order."""
        return Scales.in_order({**dict(self.factors), block: factor}, order)

    @classmethod
    def in_order(cls, factors: Mapping[str, float], order: Sequence[str]) -> "Scales":
        """Of those blocks in ``order`` that have a factor; others are left out."""
        given = ((block, factors.get(block, 1.0) + 0.0) for block in order)  # -0.0 + 0.0 is 0.0
        return cls(tuple((block, factor) for block, factor in given if factor != 1))


AS_TRAINED: Final = Scales()
"""Every factor is 1."""


def factor_text(factor: float) -> str:
    """The shortest text that reads back as the factor: ``0``, ``0.5``."""
    return repr(factor).removesuffix(".0")
