"""One filter in the parts of its block: x, F(x), sum and output side by side, on one scale."""

from dataclasses import dataclass
from typing import Final

from app.core.manifest import BlockInfo, LayerInfo, Manifest
from app.service.matrices import block_strip
from app.web.pages import wording
from app.web.pages.figures import Legend, Picture
from app.web.pages.subject import Subject

_TONES: Final = {"x": "identity", "projected x": "identity", "F(x)": "residual"}
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
        strip: the picture that the maps are cut from.
        parts: as they follow from each other.
        legend: of the scale that they share.
    """

    block: str
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
    low, high = strip.range
    parts = tuple(
        Part(
            text=row.role,
            sign=_SIGNS.get(row.role, "") if block.merge == "add" else "",
            tone=_TONES.get(row.role, ""),
            href=view.filter(row.layer.name, index),
            box=" ".join(map(str, size.boxes[at * size.columns + index])),
            current=row.layer == layer,
        )
        for at, row in enumerate(strip.rows)
    )
    return PartsRow(
        block=block.name,
        strip=Picture(view.strip(block.name), size.width, size.height),
        parts=parts,
        legend=Legend(
            wording.number(low), True, wording.number(high), "signed", "one scale for all of them"
        ),
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
