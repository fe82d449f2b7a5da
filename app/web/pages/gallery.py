"""The gallery: the whole network on one page, in forward order, beside its spine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from app.core.figures import BlockFigures
from app.core.manifest import LayerInfo
from app.service.blocks import figures
from app.service.classic import classic_blocks
from app.service.examination import Examination
from app.web.pages import explanations, shell, wording
from app.web.pages.block_numbers import in_a_sentence
from app.web.pages.compare import way_in
from app.web.pages.figures import LayerFigure, layer_figure
from app.web.pages.plates import network_range
from app.web.pages.reading import Reading, reading_of
from app.web.pages.samples import Samples, sample_links
from app.web.pages.shell import DigitCard, ViewPage
from app.web.pages.spine import Rail, Spine
from app.web.pages.subject import Subject
from app.web.pages.taking import TakeAway, of_gallery
from app.web.pages.view import View

_HEADLINE: Final = ("identity", "residual", "gate", "sum", "output")


@dataclass(frozen=True)
class Stage:
    """The stem or the head.

    Attributes:
        figures: its layers.
        width: of the line that leaves the stem, or enters the head.
    """

    figures: tuple[LayerFigure, ...]
    width: float


@dataclass(frozen=True)
class BlockStage:
    """A block.

    Attributes:
        name: of the block.
        first: whether it is the first, where the words are explained.
        first_projected: whether it is the first that changes shape.
        shape: of its output, as text.
        closer: its own page.
        rail: its part of the spine.
        figures: its numbers; nothing without an identity path.
        sentence: the same in words.
        main: identity, residual, sum and output; of a block without identity path its output.
        inner: the layers of its branch.
    """

    name: str
    first: bool
    first_projected: bool
    shape: str
    closer: str
    rail: Rail
    figures: BlockFigures | None
    sentence: str | None
    main: tuple[LayerFigure, ...]
    inner: tuple[LayerFigure, ...]


@dataclass(frozen=True)
class GalleryPage(ViewPage):
    """The gallery.

    Attributes:
        heading: title of the network.
        summary: one sentence about it.
        facts: name and value.
        digit: what the network is given.
        reading: what it answers.
        samples: to choose from.
        stem: the beginning.
        blocks: the middle.
        head: the end.
        depth: number of layers.
        zero_words: what dark and bright mean in the palette.
        residual: whether there are identity paths.
        all_on: the page with every block on.
        away: what can be taken away.
        over_depth: the page of what happens over the depth.
        dataset: the page of the data set, and how many digits it has; nothing without one.
        compare: this digit beside another.
        classic: the pictures of 2016, where the network has them.
        network_range: of every map, for a script.
    """

    template: ClassVar[str] = "gallery.html"

    heading: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    digit: DigitCard
    reading: Reading
    samples: Samples
    stem: Stage
    blocks: tuple[BlockStage, ...]
    head: Stage
    depth: int
    zero_words: str
    residual: bool
    all_on: str
    away: TakeAway
    over_depth: str
    dataset: tuple[str, int] | None
    compare: str
    classic: str | None
    network_range: str


def gallery_page(subject: Subject, origin: str) -> GalleryPage:
    """The gallery of a digit in a network; ``origin`` is the server's address."""
    services, engine, view = subject.services, subject.engine, subject.view
    manifest, examination = engine.manifest, subject.examination
    found = {one.block: one for one in figures(examination)}
    whole = services.examiner.examine(engine, subject.stored.digit, ())
    spine = Spine(examination, found, {one.block: one for one in figures(whole)})
    read = reading_of(services, examination)
    return GalleryPage(
        title=f"{read.label} in {manifest.title}",
        **vars(shell.shell(services, view)),
        heading=manifest.title,
        summary=manifest.summary,
        facts=shell.facts(engine),
        digit=shell.digit_card(subject.stored),
        reading=read,
        samples=sample_links(
            services.digits.samples, view.digit, lambda digit: view.of_digit(digit).gallery()
        ),
        stem=_stage(examination, "stem", spine.of_layer(manifest.blocks[0].input), view),
        blocks=_blocks(subject, spine, found),
        head=_stage(examination, "head", spine.of_layer(manifest.blocks[-1].output), view),
        depth=len(manifest.layers),
        zero_words=explanations.ZERO[view.palette],
        residual=any(block.identity for block in manifest.blocks),
        all_on=view.all_on().gallery(),
        away=of_gallery(view, origin),
        over_depth=view.depth(),
        dataset=_dataset(subject),
        compare=way_in(subject),
        classic=view.classic() if classic_blocks(manifest) else None,
        network_range=network_range(examination),
    )


def _dataset(subject: Subject) -> tuple[str, int] | None:
    indexes = subject.services.indexes
    return (subject.view.dataset(), len(indexes.dataset)) if indexes.has_dataset else None


def _figures(
    examination: Examination, layers: list[LayerInfo], view: View
) -> tuple[LayerFigure, ...]:
    return tuple(layer_figure(examination, layer, view) for layer in layers)


def _stage(examination: Examination, place: str, width: float, view: View) -> Stage:
    layers = [one for one in examination.manifest.layers if one.place == place]
    return Stage(_figures(examination, layers, view), width)


def _blocks(
    subject: Subject, spine: Spine, found: Mapping[str, BlockFigures]
) -> tuple[BlockStage, ...]:
    examination, view = subject.examination, subject.view
    manifest = examination.manifest
    projecting = [one.name for one in manifest.blocks if one.identity not in (None, one.input)]
    stages = []
    for block in manifest.blocks:
        layers = [one for one in manifest.layers if one.block == block.name]
        main = [one for one in layers if one.role in _HEADLINE]
        inner = [one for one in layers if one.role not in _HEADLINE]
        numbers = found[block.name] if block.identity else None
        off = block.name in view.off
        stages.append(
            BlockStage(
                name=block.name,
                first=block is manifest.blocks[0],
                first_projected=block.name in projecting[:1],
                shape=wording.shape(*layers[-1].shape),
                closer=view.block(block.name),
                rail=spine.rail(block, view),
                figures=numbers,
                sentence=in_a_sentence(numbers, block, off=off) if numbers else None,
                main=_figures(examination, main, view),
                inner=_figures(examination, inner, view),
            )
        )
    return tuple(stages)
