"""The rows of the depth chart: each block's figures, lesions, and the flow through it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.core.figures import BlockFigures
from app.service.flow import Flow
from app.web.pages import wording
from app.web.pages.subject import Subject

BAR: Final = 100.0


@dataclass(frozen=True)
class BlockRow:
    """A block's figures, one row of the depth chart. Bars are 0..100, all on one scale.

    Attributes:
        name: of the block.
        href: its page.
        off: whether its branch is switched off.
        identity: bar of the norm of the identity as it enters the sum.
        residual: bar of the norm of the residual as it enters the sum.
        usual_identity: where the first usually ends; nothing where it was not measured.
        usual_residual: where the second usually ends.
        norm_x: as text.
        norm_f: as text.
        ratio: of the second norm over the first, as text.
        usual_ratio: as text; nothing where it was not measured.
        cosine: as text; nothing without an identity path.
        relu_cut: as text.
        lost: accuracy lost over the test digits without the block, as text.
    """

    name: str
    href: str
    off: bool
    identity: float
    residual: float
    usual_identity: float | None
    usual_residual: float | None
    norm_x: str
    norm_f: str
    ratio: str
    usual_ratio: str | None
    cosine: str | None
    relu_cut: str
    lost: str | None


@dataclass(frozen=True)
class FlowRow:
    """The gradient at one block's input. Bars are 0..100, all on one scale.

    Attributes:
        name: of the block.
        total: bar of the whole gradient's norm.
        identity: bar of the part through the identity; nothing without an identity path.
        residual: bar of the part through F.
        norms: of the whole, and, where there are two routes, of each part, as text.
        cosine: of the two parts, as text; nothing without an identity path.
        beside: norm of the whole in the network beside, as text; nothing where there is none.
    """

    name: str
    total: float
    identity: float | None
    residual: float
    norms: tuple[str, ...]
    cosine: str | None
    beside: str | None


@dataclass(frozen=True)
class LesionCell:
    """Accuracy lost with two blocks off, or with one, on the diagonal."""

    text: str
    bar: float


def block_rows(subject: Subject, found: Sequence[BlockFigures]) -> tuple[BlockRow, ...]:
    """The figures of every block."""
    manifest, view = subject.engine.manifest, subject.view
    survey = manifest.survey
    usual = {one.block: one for one in survey.blocks} if survey else {}
    lost = {one.off: one.lost for one in survey.lesions} if survey else {}
    measured: list[BlockFigures] = [*found, *usual.values()]
    norms = [norm for one in measured for norm in (one.norm_x, one.norm_f)]
    largest = max(norms) or 1.0
    rows = []
    for one in found:
        known: BlockFigures | None = usual.get(one.block)
        rows.append(
            BlockRow(
                name=one.block,
                href=view.block(one.block),
                off=one.block in view.off,
                identity=bar(one.norm_x, largest),
                residual=bar(one.norm_f, largest),
                usual_identity=bar(known.norm_x, largest) if known else None,
                usual_residual=bar(known.norm_f, largest) if known else None,
                norm_x=wording.number(one.norm_x),
                norm_f=wording.number(one.norm_f),
                ratio=wording.number(one.ratio),
                usual_ratio=wording.number(known.ratio) if known else None,
                cosine=None if one.cosine is None else wording.cosine(one.cosine),
                relu_cut=wording.percent(one.relu_cut),
                lost=lost_share(lost[(one.block,)]) if (one.block,) in lost else None,
            )
        )
    return tuple(rows)


def flow_rows(computed: Flow, beside: Flow | None) -> tuple[FlowRow, ...]:
    """The gradient at every block's input, by route, and in all in another network."""
    others = {one.block: wording.number(one.total) for one in beside.blocks} if beside else {}
    parts = [part for one in computed.blocks for part in (one.total, one.identity, one.residual)]
    largest = max(part for part in parts if part is not None) or 1.0
    rows = []
    for one in computed.blocks:
        norms = [one.total] if one.identity is None else [one.total, one.identity, one.residual]
        rows.append(
            FlowRow(
                name=one.block,
                total=bar(one.total, largest),
                identity=None if one.identity is None else bar(one.identity, largest),
                residual=bar(one.residual, largest),
                norms=tuple(wording.number(norm) for norm in norms),
                cosine=None if one.cosine is None else wording.cosine(one.cosine),
                beside=others.get(one.block),
            )
        )
    return tuple(rows)


def lesion_rows(subject: Subject) -> tuple[tuple[str, tuple[LesionCell, ...]], ...]:
    """What is lost with each pair of blocks off; empty where it was not measured."""
    survey = subject.engine.manifest.survey
    if survey is None or not survey.lesions:
        return ()
    lost = {frozenset(one.off): one.lost for one in survey.lesions}
    names = subject.engine.manifest.switches
    return tuple(
        (
            row,
            tuple(
                LesionCell(lost_share(share), bar(max(share, 0.0), 1.0))
                for share in (lost[frozenset((row, column))] for column in names)
            ),
        )
        for row in names
    )


def bar(value: float, largest: float) -> float:
    """A bar of 0..100."""
    return round(BAR * value / largest, 2)


def lost_share(lost: float) -> str:
    """A share of the test digits that was lost; says so where it was gained instead."""
    return (
        f"{wording.MINUS}{wording.percent(-lost)} (gained)" if lost < 0 else wording.percent(lost)
    )
