"""One filter in the parts of its block: x, F(x), sum and output side by side, on one scale."""

from dataclasses import dataclass
from typing import Final

from app.core.manifest import BlockInfo, LayerInfo, Manifest
from app.service.matrices import block_strip
from app.web.pages import explanations
from app.web.pages.figures import Legend, Picture, legend_of
from app.web.pages.strips import tone
from app.web.pages.subject import Subject

_WORDS: Final[dict[str | None, str]] = {
    "add": "What the block is given, what it adds, what comes of it: place by place, the second "
    "map is added to the first.",
    None: "What the block's layers make of it, before and after ReLU.",
}
_SIGNS: Final = {"F(x)": "+", "sum": "=", "output": "\N{RIGHTWARDS ARROW}"}


@dataclass(frozen=True)
class Part:
    """A part of the block: one map cut from the strip.

    Attributes:
        text: what it is: ``x``, ``F(x)``, ``sum``, ``output`` or ``gate``.
        sign: how it follows from the parts before it, where those are simply added.
        tone: ``identity``, ``residual`` or nothing.
        href: the filter's page in this part.
        box: of the map in the strip, as an SVG view box has it.
        current: whether it is the part that is shown.
    """

    text: str
    sign: str
    tone: str
    href: str
    box: str
    current: bool


@dataclass(frozen=True)
class PartsRow:
    """A filter in the parts of its block.

    Attributes:
        block: name of the block.
        words: how the parts follow from each other.
        strip: the picture that the maps are cut from.
        parts: as they follow from each other.
        legend: of the scale that they share.
    """

    block: str
    words: str
    strip: Picture
    parts: tuple[Part, ...]
    legend: Legend


def parts_row(subject: Subject, layer: LayerInfo, index: int) -> PartsRow | None:
    """A filter in the parts of the block that its layer is a part of, if it is."""
    view = subject.view
    block = _block_of_part(subject.examination.manifest, layer.name)
    if block is None:
        return None
    strip = block_strip(subject.examination, block, view.palette)
    size = strip.geometry
    column = index + next(row.first for row in strip.rows if row.layer == layer)
    boxes = [(row, strip.box(row, column)) for row in strip.rows]
    parts = tuple(
        Part(
            text=row.role,
            sign=_SIGNS.get(row.role, "") if block.merge == "add" else "",
            tone=tone(row.role),
            href=view.filter(row.layer.name, column - row.first),
            box=" ".join(map(str, box)),
            current=row.layer == layer,
        )
        for row, box in boxes
        if box is not None
    )
    return PartsRow(
        block=block.name,
        words=_WORDS.get(block.merge) or explanations.of_block(block),
        strip=Picture(view.strip(block.name), size.width, size.height),
        parts=parts,
        legend=legend_of(strip.range, "signed", "one scale for all of them"),
    )


def _block_of_part(manifest: Manifest, layer: str) -> BlockInfo | None:
    """The block that a layer is a part of other than as what it is given, if any."""
    for block in manifest.blocks:
        if layer != block.input and layer in {
            block.identity,
            block.residual,
            block.gate,
            block.sum,
            block.output,
        }:
            return block
    return None
