"""A block in numbers: its figures beside what is usual."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.core.blocks import block_figures
from app.core.figures import BlockFigures
from app.core.manifest import BlockInfo
from app.web.pages import explanations, symbols, wording
from app.web.pages.subject import Subject
from app.web.pages.symbols import Symbols

_ALONG: Final = 0.3  # a cosine beyond which two directions count as alike


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
class _Row:
    name: str
    tone: str
    explanation: str
    read: Callable[[BlockFigures], float | None]
    write: Callable[[float], str] = wording.number


def _explained(names: Symbols) -> tuple[_Row, ...]:
    return (
        _Row(
            f"size of {names.x}",
            "identity",
            "Euclidean norm of the identity as it enters the sum",
            lambda one: one.norm_x,
        ),
        _Row(
            f"size of {names.f}",
            "residual",
            "Euclidean norm of what the branch adds",
            lambda one: one.norm_f,
        ),
        _Row("size of the sum", "", "Euclidean norm of the two added", lambda one: one.norm_sum),
        _Row(
            names.over,
            "",
            "below 1 the block refines, above 1 it rewrites",
            lambda one: one.ratio,
        ),
        _Row(
            names.cosine,
            "",
            f"1: along {names.x}; 0: something new; {wording.MINUS}1: against {names.x}",
            lambda one: one.cosine,
            wording.cosine,
        ),
        _Row(
            "cut by ReLU",
            "",
            "share of the sum below zero, which the activation removes",
            lambda one: one.relu_cut,
            wording.percent,
        ),
    )


_WITHOUT_IDENTITY: Final = (
    _Row(
        "size of the input",
        "",
        "Euclidean norm of what the block is given",
        lambda one: one.norm_x,
    ),
    _Row(
        "size of F(x)",
        "residual",
        "Euclidean norm of what it makes of it",
        lambda one: one.norm_f,
    ),
    _Row("F(x) over the input", "", "how much larger, or smaller", lambda one: one.ratio),
    _Row(
        "cut by ReLU",
        "",
        "share of F(x) below zero, which the activation removes",
        lambda one: one.relu_cut,
        wording.percent,
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
    for row in _explained(symbols.of_block(block)) if block.identity else _WITHOUT_IDENTITY:
        value = row.read(here)
        if value is None:
            continue
        measured = row.read(usual) if usual else None
        found.append(
            Figure(
                row.name,
                row.tone,
                row.write(value),
                row.write(measured) if measured is not None else None,
                row.explanation,
            )
        )
    return tuple(found)


def in_a_sentence(figures: BlockFigures, block: BlockInfo, *, off: bool) -> str:
    """A block's figures on one digit, in words."""
    names = symbols.of_block(block)
    if off:
        return explanations.when_off(block)
    direction = ""
    if figures.cosine is not None:
        direction = f" and {_direction(figures.cosine)} (cosine {wording.cosine(figures.cosine)})"
    return (
        f"On this digit {names.f} is {wording.number(figures.ratio)} times as large as "
        f"{names.x}{direction}. "
        f"ReLU then cuts {wording.percent(figures.relu_cut)} of the sum."
    )


def _direction(cosine: float) -> str:
    if cosine > _ALONG:
        return "points along it"
    return "points against it" if cosine < -_ALONG else "points across it"
