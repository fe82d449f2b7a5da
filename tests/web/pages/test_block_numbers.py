"""The figures of a block in words, as they are written everywhere else."""

from app.core.figures import BlockFigures
from app.web.pages.block_numbers import in_a_sentence

FIGURES = BlockFigures("block2", 8.0, 4.0, 9.0, 0.5, -0.5, 0.3589)


def test_a_share_has_the_decimals_and_the_space_of_every_other() -> None:
    assert "cuts 35.89\u202f% of" in in_a_sentence(FIGURES, off=False)
