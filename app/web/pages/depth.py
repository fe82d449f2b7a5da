"""The page of the depth: what each block adds, how much it matters, what it would answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from app.core.figures import BlockFigures
from app.service.blocks import figures
from app.service.flow import flow
from app.web.pages import shell, wording
from app.web.pages.depth_rows import (
    BlockRow,
    FlowRow,
    LesionCell,
    block_rows,
    flow_rows,
    lesion_rows,
)
from app.web.pages.depth_views import ReadoutRow, StreamFigure, readout_rows, stream_figures
from app.web.pages.shell import Choice, DigitCard, ViewPage
from app.web.pages.subject import Subject


@dataclass(frozen=True)
class DepthPage(ViewPage):
    """What happens over the depth.

    Attributes:
        digit: what the network is given.
        back: the gallery.
        residual: whether there are identity paths.
        sentence: what the chart shows, in words.
        blocks: one row each.
        digits: how many digits the usual is the mean of; 0 where it was not measured.
        target: label of the class that the flow is for.
        targets: to choose from.
        flow: one row a block.
        streams: filters followed through the depth.
        readouts: the head's answers.
        lesions: names of the blocks and a square of what is lost; empty where not measured.
    """

    template: ClassVar[str] = "depth.html"

    digit: DigitCard
    back: str
    residual: bool
    sentence: str
    blocks: tuple[BlockRow, ...]
    digits: int
    target: str
    targets: tuple[Choice, ...]
    flow: tuple[FlowRow, ...]
    streams: tuple[StreamFigure, ...]
    readouts: tuple[ReadoutRow, ...]
    lesions: tuple[tuple[str, tuple[LesionCell, ...]], ...]


def depth_page(subject: Subject, target: int | None) -> DepthPage:
    """The page of the depth, its flow for a class, the predicted one by default."""
    manifest, examination = subject.engine.manifest, subject.examination
    found = figures(examination)
    gradients = flow(subject.engine, examination, target)
    residual = any(block.identity for block in manifest.blocks)
    return DepthPage(
        title=f"Depth of {manifest.title}",
        **vars(shell.shell(subject.services, subject.view)),
        digit=shell.digit_card(subject.stored),
        back=subject.view.gallery(),
        residual=residual,
        sentence=_sentence(found) if residual else _PLAIN,
        blocks=block_rows(subject, found),
        digits=manifest.survey.digits if manifest.survey else 0,
        target=manifest.classes[gradients.target],
        targets=tuple(
            Choice(str(at), label, at == gradients.target)
            for at, label in enumerate(manifest.classes)
        ),
        flow=flow_rows(gradients),
        streams=stream_figures(subject),
        readouts=readout_rows(subject),
        lesions=lesion_rows(subject),
    )


_PLAIN: Final = (
    "This network has no identity paths: every block makes its output anew, and there is nothing "
    "to fall back on."
)


def _sentence(found: Sequence[BlockFigures]) -> str:
    refining = [one.block for one in found if one.ratio < 1]
    gentlest = min(found, key=lambda one: one.ratio)
    extent = f"{wording.number(gentlest.ratio)} times as large as x"
    if not refining:
        return (
            "On this digit every block's F(x) is larger than x: the blocks rewrite what they are "
            f"given more than they refine it. The gentlest is {gentlest.block}, at {extent}."
        )
    verb = "refines" if len(refining) == 1 else "refine"
    return (
        f"On this digit {wording.listed(refining)} {verb} what is given: F(x) is smaller than x "
        f"there. The gentlest is {gentlest.block}, whose F(x) is {extent}."
    )
