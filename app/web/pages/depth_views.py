"""Filters followed through the depth, and the head's answer at each."""

from dataclasses import dataclass
from typing import Final

from app.service.readout import readouts
from app.service.streams import stream_matrix, streams
from app.web.pages import wording
from app.web.pages.depth_rows import bar
from app.web.pages.figures import Legend, Picture, matrix_legend
from app.web.pages.subject import Subject

_ROLES: Final = ("output", "residual", "gate")
_PARTS: Final = {"output": "Output", "residual": "F(x)", "gate": "Gate"}


@dataclass(frozen=True)
class StreamFigure:
    """Every filter followed through a run of blocks.

    Attributes:
        title: which blocks, and which part of them.
        tone: ``residual`` or nothing.
        rows: what each row is.
        picture: the matrix.
        alt: what it shows.
        legend: of its colours.
    """

    title: str
    tone: str
    rows: tuple[str, ...]
    picture: Picture
    alt: str
    legend: Legend


@dataclass(frozen=True)
class ReadoutRow:
    """The head's answer at one depth: each class's probability as a bar of 0..100 and as text."""

    after: str
    label: str
    share: str
    bars: tuple[tuple[str, float, str], ...]


def stream_figures(subject: Subject) -> tuple[StreamFigure, ...]:
    """Outputs, residuals and gates of every run of blocks of one shape."""
    manifest, view = subject.engine.manifest, subject.view
    found = []
    for number, run in enumerate(streams(manifest), 1):
        names = wording.listed([block.name for block in run])
        for role in _ROLES:
            if any(getattr(block, role) is None for block in run):
                continue
            matrix = stream_matrix(subject.examination, number, role, view.palette)
            columns = wording.plural(matrix.geometry.columns, "filter")
            picture = Picture(
                view.matrix(number, role), matrix.geometry.width, matrix.geometry.height
            )
            found.append(
                StreamFigure(
                    title=f"{_PARTS[role]} of {names}",
                    tone="residual" if role == "residual" else "",
                    rows=tuple(row.role for row in matrix.rows),
                    picture=picture,
                    alt=f"{_PARTS[role]} of {names} as rows, one column for each of {columns}",
                    legend=matrix_legend(matrix),
                )
            )
    return tuple(found)


def readout_rows(subject: Subject) -> tuple[ReadoutRow, ...]:
    """The head's answer wherever it can be put."""
    classes = subject.engine.manifest.classes
    rows = []
    for one in readouts(subject.examination, subject.engine.weights):
        shares = [float(share) for share in one.probabilities]
        best = max(range(len(shares)), key=shares.__getitem__)
        bars = tuple(
            (label, bar(share, 1.0), wording.percent(share))
            for label, share in zip(classes, shares, strict=True)
        )
        rows.append(ReadoutRow(one.after, classes[best], wording.percent(shares[best]), bars))
    return tuple(rows)
