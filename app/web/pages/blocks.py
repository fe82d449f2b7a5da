"""The page of a block: x, F(x), their sum and the output, on one scale and in numbers."""

from dataclasses import dataclass
from typing import ClassVar, Final

from app.core.manifest import BlockInfo
from app.service.matrices import Matrix, block_strip
from app.web.pages import explanations, shell, wording
from app.web.pages.block_numbers import Figure, FilterBars, figure_rows, filter_bars
from app.web.pages.depth_rows import lost_share
from app.web.pages.figures import Legend, Picture, matrix_legend
from app.web.pages.layers import Neighbour, kernels_picture
from app.web.pages.shell import DigitCard, ViewPage
from app.web.pages.subject import Subject


@dataclass(frozen=True)
class StripRow:
    """One row of a strip.

    Attributes:
        role: ``x``, ``F(x)`` and so on.
        tone: ``identity``, ``residual`` or nothing.
        href: the page of the layer that it shows.
        layer: name of that layer.
        explanation: what it is.
    """

    role: str
    tone: str
    href: str
    layer: str
    explanation: str


@dataclass(frozen=True)
class KernelFigure:
    """All kernels of one convolution of the block."""

    layer: str
    href: str
    picture: Picture
    alt: str


@dataclass(frozen=True)
class BlockPage(ViewPage):
    """A block.

    Attributes:
        name: of the block.
        formula: what it computes.
        explanation: the same in words.
        digit: what the network is given.
        back: the gallery, at this block's section.
        before: the block before, if any.
        after: the block after, if any.
        off: whether its branch is switched off.
        toggle: this page with the branch switched over; nothing where that cannot be.
        strip: the picture.
        rows: of the strip, top to bottom.
        alt: what the strip shows.
        legend: of its colours.
        figures: in numbers, beside what is usual.
        digits: how many digits the usual is the mean of.
        bars: one pair for each filter; empty where the block changes the number of filters.
        kernels: of its convolutions.
        lost: accuracy lost without the branch; nothing where it was not measured.
        downloads: name and address.
    """

    template: ClassVar[str] = "block.html"

    name: str
    formula: str
    explanation: str
    digit: DigitCard
    back: str
    before: Neighbour | None
    after: Neighbour | None
    off: bool
    toggle: str | None
    strip: Picture
    rows: tuple[StripRow, ...]
    alt: str
    legend: Legend
    figures: tuple[Figure, ...]
    digits: int
    bars: tuple[FilterBars, ...]
    kernels: tuple[KernelFigure, ...]
    lost: str | None
    downloads: tuple[Neighbour, ...]


def block_page(subject: Subject, block: BlockInfo) -> BlockPage:
    """The page of a block."""
    manifest, view, examination = subject.engine.manifest, subject.view, subject.examination
    strip = block_strip(examination, block, view.palette)
    names = [one.name for one in manifest.blocks]
    at = names.index(block.name)
    return BlockPage(
        title=f"{block.name} in {manifest.title}",
        **vars(shell.shell(subject.services, view)),
        name=block.name,
        formula=explanations.formula(block),
        explanation=explanations.of_block(block),
        digit=shell.digit_card(subject.stored),
        back=view.gallery(block.name),
        before=_neighbour(subject, names, at - 1),
        after=_neighbour(subject, names, at + 1),
        off=block.name in view.off,
        toggle=view.toggled(block.name, manifest.switches).block(block.name)
        if block.switchable
        else None,
        strip=Picture(view.strip(block.name), strip.geometry.width, strip.geometry.height),
        rows=_rows(subject, strip),
        alt=_alt(block, strip),
        legend=matrix_legend(strip),
        figures=figure_rows(subject, block),
        digits=manifest.survey.digits if manifest.survey else 0,
        bars=filter_bars(subject, block),
        kernels=_kernels(subject, block),
        lost=_lost(subject, block),
        downloads=_downloads(subject, block),
    )


def _neighbour(subject: Subject, names: list[str], at: int) -> Neighbour | None:
    inside = 0 <= at < len(names)
    return Neighbour(names[at], subject.view.block(names[at])) if inside else None


def _rows(subject: Subject, strip: Matrix) -> tuple[StripRow, ...]:
    manifest = subject.engine.manifest
    return tuple(
        StripRow(
            role=row.role,
            tone=_TONES.get(row.role, ""),
            href=subject.view.layer(row.layer.name),
            layer=row.layer.name,
            explanation=_X if row.role == "x" else explanations.of_layer(manifest, row.layer),
        )
        for row in strip.rows
    )


_X: Final = "x: what the block is given, the output of the one before."
_TONES: Final = {"x": "identity", "projected x": "identity", "F(x)": "residual"}


def _alt(block: BlockInfo, strip: Matrix) -> str:
    roles = wording.listed([row.role for row in strip.rows])
    low, high = strip.range
    return (
        f"{roles} of {block.name} as rows, one column for each of its "
        f"{wording.plural(strip.geometry.columns, 'filter')}, on one scale from "
        f"{wording.number(low)} to {wording.number(high)}"
    )


def _kernels(subject: Subject, block: BlockInfo) -> tuple[KernelFigure, ...]:
    found = []
    for layer in subject.engine.manifest.layers:
        picture = kernels_picture(subject.engine, layer, subject.view)
        if layer.block == block.name and picture is not None:
            rows = wording.plural(layer.filters, "filter")
            alt = f"Every kernel of {layer.name}: a row for each of its {rows}"
            found.append(KernelFigure(layer.name, subject.view.layer(layer.name), picture, alt))
    return tuple(found)


def _lost(subject: Subject, block: BlockInfo) -> str | None:
    survey = subject.engine.manifest.survey
    if survey is None:
        return None
    alone = (one for one in survey.lesions if one.off == (block.name,))
    return next((lost_share(one.lost) for one in alone), None)


def _downloads(subject: Subject, block: BlockInfo) -> tuple[Neighbour, ...]:
    view = subject.view
    return (
        Neighbour("strip as PNG", view.strip(block.name)),
        Neighbour("strip in words", view.strip(block.name).replace("strip.png", "strip.json")),
        Neighbour("figures as JSON", view.block_data(block.name)),
    )
