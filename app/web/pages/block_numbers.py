"""A block in numbers: its figures beside what is usual."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.core.blocks import block_figures
from app.core.figures import BlockFigures
from app.core.manifest import BlockInfo
from app.web.pages import wording
from app.web.pages.subject import Subject

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
_WRITTEN: Final[dict[str, Callable[[float], str]]] = {
    "cosine of x and F(x)": wording.cosine,
    "cut by ReLU": wording.percent,
}
_WITHOUT_IDENTITY: Final[tuple[tuple[str, str, str, _Read], ...]] = (
    ("size of the input", "", "Euclidean norm of what the block is given", lambda one: one.norm_x),
    ("size of F(x)", "residual", "Euclidean norm of what it makes of it", lambda one: one.norm_f),
    ("F(x) over the input", "", "how much larger, or smaller", lambda one: one.ratio),
    (
        "cut by ReLU",
        "",
        "share of F(x) below zero, which the activation removes",
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
    for name, tone, explanation, read in _EXPLAINED if block.identity else _WITHOUT_IDENTITY:
        value = read(here)
        if value is None:
            continue
        write = _WRITTEN.get(name, wording.number)
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


def in_a_sentence(figures: BlockFigures, *, off: bool) -> str:
    """A block's figures on one digit, in words."""
    if off:
        return "F(x) is switched off: the block hands on x as it came."
    direction = ""
    if figures.cosine is not None:
        direction = f" and {_direction(figures.cosine)} (cosine {wording.cosine(figures.cosine)})"
    return (
        f"On this digit F(x) is {wording.number(figures.ratio)} times as large as x{direction}. "
        f"ReLU then cuts {wording.percent(figures.relu_cut)} of the sum."
    )


def _direction(cosine: float) -> str:
    if cosine > _ALONG:
        return "points along it"
    return "points against it" if cosine < -_ALONG else "points across it"
