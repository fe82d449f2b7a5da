"""What the two parts of a block's sum are called as they enter it; their sizes go by these names.

A gate weighs x and F(x) before they are added, so what is measured at the sum is not what a strip
draws as x and F(x), and is not called so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.core.manifest import BlockInfo
from app.web.pages.wording import MINUS


@dataclass(frozen=True)
class Symbols:
    """Names of the two.

    Attributes:
        x: the identity as it enters the sum.
        f: the residual as it enters the sum.
        norm_x: size of the identity, as a heading.
        norm_f: size of the residual, as a heading.
        ratio: size of the residual over that of the identity, as a heading.
    """

    x: str
    f: str
    norm_x: str
    norm_f: str
    ratio: str

    @property
    def norms(self) -> tuple[str, str]:
        """Both sizes, as headings."""
        return self.norm_x, self.norm_f

    @property
    def over(self) -> str:
        """The ratio in words."""
        return f"{self.f} over {self.x}"

    @property
    def cosine(self) -> str:
        """The cosine of the two in words."""
        return f"cosine of {self.x} and {self.f}"


PLAIN: Final = Symbols("x", "F(x)", "|x|", "|F|", "F / x")
_CARRIED: Final = f"(1{MINUS}T)·x"
GATED: Final = Symbols(_CARRIED, "T·F(x)", f"|{_CARRIED}|", "|T·F|", f"|T·F| / |{_CARRIED}|")
# Of blocks of which some have a gate and some have none.
COMMON: Final = Symbols("the identity", "the residual", "identity", "residual", "ratio")


def of_block(block: BlockInfo) -> Symbols:
    """The names in one block."""
    return PLAIN if block.gate is None else GATED


def of_blocks(blocks: Sequence[BlockInfo]) -> Symbols:
    """Names that hold in each of these blocks."""
    found = {of_block(block) for block in blocks}
    return found.pop() if len(found) == 1 else COMMON
