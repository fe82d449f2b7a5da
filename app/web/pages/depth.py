"""The page of the depth: what each block adds, how much it matters, what it would answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from app.core.figures import BlockFigures
from app.service.blocks import figures
from app.service.flow import Flow, flow
from app.web.pages import shell, symbols, wording
from app.web.pages.depth_rows import (
    BlockRow,
    FlowRow,
    LesionCell,
    block_rows,
    flow_rows,
    lesion_rows,
)
from app.web.pages.depth_views import ReadoutRow, StreamFigure, readout_rows, stream_figures
from app.web.pages.flow_chart import FlowChart, flow_chart, in_words
from app.web.pages.reading import Reading, reading_of
from app.web.pages.shell import DigitCard, ViewPage
from app.web.pages.subject import Subject
from app.web.pages.symbols import Symbols


@dataclass(frozen=True)
class Target:
    """A class, or a network, to choose: its value in the query, its name, whether it is chosen."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True)
class DepthPage(ViewPage):
    """What happens over the depth.

    Attributes:
        digit: what the network is given.
        back: the gallery.
        residual: whether there are identity paths.
        merge: how every block makes one of the two; nothing where they differ.
        symbols: what the two are called as they enter the sum.
        sentence: what the chart shows, in words.
        blocks: one row each.
        digits: how many digits the usual is the mean of; 0 where it was not measured.
        reading: what the network answers.
        all_on: the page with every block on.
        target: label of the class that the flow is for.
        targets: to choose from.
        others: networks whose flow can be drawn beside this one's.
        beside: title of the one that is; nothing where none is.
        chart: the flow over depth; nothing where there is no gradient at all.
        flow_words: what becomes of it.
        flow: one row a block.
        streams: filters followed through the depth.
        readouts: the head's answers.
        lesions: names of the blocks and a square of what is lost; empty where not measured.
    """

    template: ClassVar[str] = "depth.html"

    digit: DigitCard
    back: str
    residual: bool
    merge: str | None
    symbols: Symbols
    sentence: str
    blocks: tuple[BlockRow, ...]
    digits: int
    reading: Reading
    all_on: str
    target: str
    targets: tuple[Target, ...]
    others: tuple[Target, ...]
    beside: str | None
    chart: FlowChart | None
    flow_words: str
    flow: tuple[FlowRow, ...]
    streams: tuple[StreamFigure, ...]
    readouts: tuple[ReadoutRow, ...]
    lesions: tuple[tuple[str, tuple[LesionCell, ...]], ...]


def depth_page(subject: Subject, target: int | None, beside: str | None) -> DepthPage:
    """The page of the depth.

    Args:
        subject: what it is about.
        target: index of the class that the flow is for, the predicted one by default.
        beside: id of another network, whose flow is drawn beside this one's.

    Raises:
        InvalidParameterError: there is no such class.
        UnknownNetworkError: there is no such network.
    """
    manifest, view = subject.engine.manifest, subject.view
    found = figures(subject.examination)
    gradients = flow(subject.engine, subject.examination, target)
    other = None if beside is None else _flow_in(subject, beside, gradients.target)
    flows = [(manifest.title, gradients), *([other] if other else [])]
    residual = any(block.identity for block in manifest.blocks)
    merges = {block.merge for block in manifest.blocks}
    names = symbols.of_blocks(manifest.blocks)
    return DepthPage(
        title=f"Depth of {manifest.title}",
        **vars(shell.shell(subject.services, view)),
        digit=shell.digit_card(subject.stored),
        back=view.gallery(),
        residual=residual,
        merge=merges.pop() if len(merges) == 1 else None,
        symbols=names,
        sentence=sentence(found, view.off, names) if residual else _PLAIN,
        blocks=block_rows(subject, found),
        digits=manifest.survey.digits if manifest.survey else 0,
        reading=reading_of(subject.services, subject.examination),
        all_on=view.all_on().depth(),
        target=manifest.classes[gradients.target],
        targets=tuple(
            Target(str(at), label, at == gradients.target)
            for at, label in enumerate(manifest.classes)
        ),
        others=_others(subject, beside),
        beside=other[0] if other else None,
        chart=flow_chart(manifest.title, gradients, other),
        flow_words=in_words(flows),
        flow=flow_rows(gradients, other[1] if other else None),
        streams=stream_figures(subject),
        readouts=readout_rows(subject),
        lesions=lesion_rows(subject),
    )


def _flow_in(subject: Subject, network: str, target: int) -> tuple[str, Flow]:
    """Another network's title, and its flow for the same digit and class."""
    engine = subject.services.catalogue.network(network)
    off = subject.view.in_network(engine.manifest).off
    examination = subject.services.examiner.examine(engine, subject.stored.digit, off)
    return engine.manifest.title, flow(engine, examination, target)


def _others(subject: Subject, beside: str | None) -> tuple[Target, ...]:
    manifests = [engine.manifest for engine in subject.services.catalogue.networks]
    return tuple(
        Target(one.id, one.title, one.id == beside)
        for one in manifests
        if one.id != subject.engine.manifest.id
    )


_PLAIN: Final = (
    "This network has no identity paths: every block makes its output anew, and there is nothing "
    "to fall back on."
)


def sentence(found: Sequence[BlockFigures], off: Sequence[str], names: Symbols) -> str:
    """Which of the blocks that are on refine and which rewrite what they are given."""
    on = [one for one in found if one.block not in off]
    if not on:
        return (
            "Every branch is switched off: the identity runs from end to end, and nothing is added."
        )
    refining = [one.block for one in on if one.ratio < 1]
    gentlest = min(on, key=lambda one: one.ratio)
    extent = f"{names.f} is {wording.number(gentlest.ratio)} times as large as {names.x}"
    if len(on) == 1 and not refining:
        return f"On this digit {gentlest.block} rewrites what it is given: {extent} there."
    if not refining:
        return (
            f"On this digit {names.f} is larger than {names.x} in every block"
            f"{' that is on' if off else ''}: they rewrite what they are given more than they "
            f"refine it. The gentlest is {gentlest.block}, where {extent}."
        )
    if len(refining) == 1:
        only = "only " if len(on) > 1 else ""
        return f"On this digit {only}{gentlest.block} refines what it is given: {extent} there."
    return (
        f"On this digit {wording.listed(refining)} refine what they are given: {names.f} is "
        f"smaller than {names.x} there. The gentlest is {gentlest.block}, where {extent}."
    )
