"""What each block of an examination does to its input, in numbers."""

from app.core.blocks import block_figures
from app.core.figures import BlockFigures
from app.service.examination import Examination


def figures(examination: Examination) -> tuple[BlockFigures, ...]:
    """The figures of every block, in forward order."""
    return tuple(
        block_figures(block, examination.activations) for block in examination.manifest.blocks
    )
