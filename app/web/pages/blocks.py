"""The page of a block: x, F(x), their sum and the output, on one scale and in numbers."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.blocks import filter_figures
from app.core.manifest import BlockInfo
from app.service.classic import classic_blocks
from app.service.matrices import block_strip
from app.web.pages import explanations, shell, symbols, wording
from app.web.pages.block_charts import FilterCharts, filter_charts
from app.web.pages.block_numbers import Figure, figure_rows
from app.web.pages.block_table import FilterTable, Order, filter_table
from app.web.pages.compare import way_in
from app.web.pages.depth_rows import lost_share
from app.web.pages.figures import Legend, Picture, ZoomedPicture, matrix_legend
from app.web.pages.layers import Neighbour, kernels_picture
from app.web.pages.reading import Reading, reading_of
from app.web.pages.shell import DigitCard, ViewPage
from app.web.pages.strips import StripRow, strip_alt, strip_rows
from app.web.pages.subject import Subject
from app.web.pages.symbols import Symbols
from app.web.pages.taking import TakeAway, of_block


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
        switch_words: whether it is, in a sentence.
        toggle: this page with the branch switched over; nothing where that cannot be.
        reading: what the network answers.
        all_on: this page with every block on.
        strip: the picture.
        rows: of the strip, top to bottom.
        alike: whether each row has every filter, so that a script can tell what is where.
        alt: what the strip shows.
        legend: of its colours.
        figures: in numbers, beside what is usual.
        digits: how many digits the usual is the mean of.
        paired: whether x and F(x) stand against each other filter by filter.
        gated: whether a gate weighs the two before they are added.
        symbols: what the two are called as they enter the sum.
        charts: of every filter, under its column of the strip.
        table: every filter in numbers.
        kernels: of its convolutions.
        compare: its output beside that of another digit.
        classic: this block among the pictures of 2016, where the network has them.
        lost: accuracy lost without the branch; nothing where it was not measured.
        away: what can be taken away.
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
    switch_words: str
    toggle: str | None
    reading: Reading
    all_on: str
    strip: ZoomedPicture
    rows: tuple[StripRow, ...]
    alike: bool
    alt: str
    legend: Legend
    figures: tuple[Figure, ...]
    digits: int
    paired: bool
    gated: bool
    symbols: Symbols
    charts: FilterCharts
    table: FilterTable
    kernels: tuple[KernelFigure, ...]
    compare: str
    classic: str | None
    lost: str | None
    away: TakeAway


def block_page(subject: Subject, block: BlockInfo, order: Order, origin: str) -> BlockPage:
    """The page of a block, the table of its filters in the order asked for."""
    manifest, view, examination = subject.engine.manifest, subject.view, subject.examination
    strip = block_strip(examination, block, view.palette)
    found = filter_figures(block, examination.activations)
    names = [one.name for one in manifest.blocks]
    at, off = names.index(block.name), block.name in view.off
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
        off=off,
        switch_words=explanations.when_off(block) if off else "The branch is on.",
        toggle=view.toggled(block.name, manifest.switches).block(block.name)
        if block.switchable
        else None,
        reading=reading_of(subject.services, examination),
        all_on=view.all_on().block(block.name),
        strip=ZoomedPicture.of(view.strip(block.name), strip.geometry),
        rows=strip_rows(subject, strip),
        alike=len({row.layer.shape for row in strip.rows}) == 1,
        alt=strip_alt(block, strip),
        legend=matrix_legend(strip),
        figures=figure_rows(subject, block),
        digits=manifest.survey.digits if manifest.survey else 0,
        paired=any(one.cosine is not None for one in found),
        gated=block.gate is not None,
        symbols=symbols.of_block(block),
        charts=filter_charts(found, block, strip, view),
        table=filter_table(found, block, order, view),
        kernels=_kernels(subject, block),
        compare=way_in(subject, block.output),
        classic=f"{view.classic()}#{block.name}" if classic_blocks(manifest) else None,
        lost=_lost(subject, block),
        away=of_block(view, block, origin),
    )


def _neighbour(subject: Subject, names: list[str], at: int) -> Neighbour | None:
    inside = 0 <= at < len(names)
    return Neighbour(names[at], subject.view.block(names[at])) if inside else None


def _kernels(subject: Subject, block: BlockInfo) -> tuple[KernelFigure, ...]:
    found = []
    for layer in subject.engine.manifest.layers:
        if layer.block != block.name:
            continue
        picture = kernels_picture(subject.engine, layer, subject.view)
        if picture is not None:
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
