"""One filter in the parts of its block: x, F(x), sum and output side by side, on one scale."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core import geometry
from app.core.manifest import BlockInfo, Manifest
from app.core.scaling import Normalisation, ranges
from app.core.statistics import describe
from app.service.examination import Examination
from app.service.grids import Cell, Grid, GridOptions
from app.web.pages.view import View

SIDE: Final = 112  # pixels along a side of a map


@dataclass(frozen=True)
class Part:
    """A part of a block.

    Attributes:
        layer: whose map it is.
        text: what it is: ``x``, ``F(x)``, ``sum`` or ``output``.
        tone: ``identity``, ``residual`` or nothing.
    """

    layer: str
    text: str
    tone: str


def parts_of(block: BlockInfo) -> tuple[Part, ...]:
    """The parts of a block, as they follow from each other; none without an identity path."""
    if block.identity is None:
        return ()
    return (
        Part(block.identity, "x", "identity"),
        Part(str(block.residual), "F(x)", "residual"),
        Part(str(block.sum), "sum", ""),
        Part(block.output, "output", ""),
    )


def parts_grid(examination: Examination, block: BlockInfo, index: int, view: View) -> Grid:
    """The maps of one filter index in the parts of a block that has an identity path; their one
    scale is centred on zero."""
    layers = [part.layer for part in parts_of(block)]
    maps = np.stack([examination.activations[name][:, :, index] for name in layers], axis=-1)
    scales = ranges(maps, Normalisation.SYMMETRIC, signed=True, network=(0.0, 0.0))
    height, width, count = maps.shape
    zoom = max(geometry.MIN_ZOOM, min(geometry.MAX_ZOOM, SIDE // max(height, width)))
    layout = geometry.lay_out(count, height, width, columns=count, zoom=zoom, labels=False)
    cells = tuple(
        Cell(one.index, box, scale, one.dead, one.constant)
        for one, box, scale in zip(describe(maps), layout.boxes, scales, strict=True)
    )
    options = GridOptions(Normalisation.SYMMETRIC, view.palette, zoom, count, labels=False)
    return Grid(maps, layout, cells, options, diverging=True)


def block_of_part(manifest: Manifest, layer: str) -> BlockInfo | None:
    """The block that a layer is a part of other than as its input, if any."""
    return next(
        (
            block
            for block in manifest.blocks
            if any(part.layer == layer for part in parts_of(block) if part.layer != block.input)
        ),
        None,
    )
