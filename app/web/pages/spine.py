"""The spine: the network drawn as what it is, with this digit's norms as line widths.

Only widths and labels are worked out here; the drawing itself is in the templates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.figures import BlockFigures
from app.core.manifest import BlockInfo
from app.service.examination import Examination
from app.web.pages import symbols
from app.web.pages.symbols import Symbols
from app.web.pages.view import View

WIDEST: Final = 15.0  # of the rail's 120 units across
THINNEST: Final = 1.5


@dataclass(frozen=True)
class Rail:
    """One block's part of the spine. Widths are of lines, in units of the rail.

    Attributes:
        name: of the block.
        enters: width of what the block is given.
        identity: width of the identity as it enters the sum; 0 without an identity path.
        residual: width of the residual as it enters the sum.
        joined: width of the sum.
        leaves: width of the output.
        projected: whether the identity changes shape on its way.
        gated: whether a gate weighs the two.
        symbols: what the two are called as they enter the sum.
        switchable: whether the branch is a link.
        off: whether the branch is switched off.
        left: width that it had before, of a branch that is off.
        toggle: the page with the branch switched over, at this piece of the spine.
    """

    name: str
    enters: float
    identity: float
    residual: float
    joined: float
    leaves: float
    projected: bool
    gated: bool
    symbols: Symbols
    switchable: bool
    off: bool
    left: float
    toggle: str


class Spine:
    """Line widths of one examination, all on one scale.

    Args:
        examination: whose norms.
        figures: of its blocks, by name.
        whole: the same with every block on.
    """

    def __init__(
        self,
        examination: Examination,
        figures: Mapping[str, BlockFigures],
        whole: Mapping[str, BlockFigures],
    ) -> None:
        self._examination = examination
        self._figures = figures
        self._whole = whole
        norms = [self._norm(block.input) for block in examination.manifest.blocks]
        for one in figures.values():
            norms += [one.norm_x, one.norm_f, one.norm_sum]
        self._largest = max(norms, default=0.0) or 1.0

    def width(self, norm: float) -> float:
        """The width of a line that carries this norm."""
        return round(max(THINNEST, WIDEST * min(norm / self._largest, 1.0)), 2)

    def of_layer(self, layer: str) -> float:
        """The width of a line that carries a layer's maps."""
        return self.width(self._norm(layer))

    def rail(self, block: BlockInfo, view: View) -> Rail:
        """A block's part."""
        figures = self._figures[block.name]
        switches = self._examination.manifest.switches
        return Rail(
            name=block.name,
            enters=self.of_layer(block.input),
            identity=self.width(figures.norm_x) if block.identity else 0.0,
            residual=self.width(figures.norm_f),
            joined=self.width(figures.norm_sum),
            leaves=self.of_layer(block.output),
            projected=block.identity not in (None, block.input),
            gated=block.gate is not None,
            symbols=symbols.of_block(block),
            switchable=block.switchable,
            off=block.name in view.off,
            left=self.width(self._whole[block.name].norm_f),
            toggle=view.toggled(block.name, switches).gallery(f"{block.name}-branch"),
        )

    def _norm(self, layer: str) -> float:
        return float(np.linalg.norm(self._examination.activations[layer].astype(np.float64)))
