"""A block in numbers: its figures beside what is usual, and each filter's part in them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.blocks import addends, block_figures
from app.core.figures import BlockFigures
from app.core.manifest import BlockInfo
from app.web.pages import wording
from app.web.pages.subject import Subject

CHART_HEIGHT: Final = 64.0


@dataclass(frozen=True)
class Figure:
    """One of the block's figures.

    Attributes:
        name: what it is called.
        tone: ``identity``, ``residual`` or nothing.
        value: on this digit.
        usual: over the test digits; nothing where it was not measured.
        explanation: what it says.
    """

    name: str
    tone: str
    value: str
    usual: str | None
    explanation: str


@dataclass(frozen=True)
class FilterBars:
    """One filter's part of the block: heights of two bars, and the norms behind them in words."""

    index: int
    identity: float
    residual: float
    text: str
    href: str


_Read = Callable[[BlockFigures], float | None]
_EXPLAINED: Final[tuple[tuple[str, str, str, _Read], ...]] = (
    (
        "size of x",
        "identity",
        "Euclidean norm of the identity as it enters the sum",
        lambda one: one.norm_x,
    ),
    ("size of F(x)", "residual", "Euclidean norm of what the branch adds", lambda one: one.norm_f),
    ("size of the sum", "", "Euclidean norm of the two added", lambda one: one.norm_sum),
    ("F(x) over x", "", "below 1 the block refines, above 1 it rewrites", lambda one: one.ratio),
    (
        "cosine of x and F(x)",
        "",
        "1: along x; 0: something new; \N{MINUS SIGN}1: against x",
        lambda one: one.cosine,
    ),
    (
        "cut by ReLU",
        "",
        "share of the sum below zero, which the activation removes",
        lambda one: one.relu_cut,
    ),
)


def figure_rows(subject: Subject, block: BlockInfo) -> tuple[Figure, ...]:
    """The figures of a block, beside what is usual."""
    survey = subject.engine.manifest.survey
    usual = (
        next((one for one in survey.blocks if one.block == block.name), None) if survey else None
    )
    here = block_figures(block, subject.examination.activations)
    found = []
    for name, tone, explanation, read in _EXPLAINED:
        value = read(here)
        if value is None:
            continue
        write = wording.percent if name == "cut by ReLU" else wording.number
        measured = read(usual) if usual else None
        found.append(
            Figure(
                name,
                tone,
                write(value),
                write(measured) if measured is not None else None,
                explanation,
            )
        )
    return tuple(found)


def filter_bars(subject: Subject, block: BlockInfo) -> tuple[FilterBars, ...]:
    """Each filter's norm of x and of F(x); nothing where the two differ in shape."""
    parts = addends(block, subject.examination.activations)
    if parts[0].shape != parts[1].shape:
        return ()
    x, fx = (np.linalg.norm(part.astype(np.float64), axis=(0, 1)) for part in parts)
    largest = max(float(x.max()), float(fx.max())) or 1.0
    return tuple(
        FilterBars(
            index=at,
            identity=round(CHART_HEIGHT * float(x[at]) / largest, 2),
            residual=round(CHART_HEIGHT * float(fx[at]) / largest, 2),
            text=f"filter {at}: x {wording.number(float(x[at]))}, "
            f"F(x) {wording.number(float(fx[at]))}",
            href=subject.view.filter(block.output, at),
        )
        for at in range(len(x))
    )
