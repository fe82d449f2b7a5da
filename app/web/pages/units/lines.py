"""Arithmetic in lines: numbers with what they are underneath, and the signs between them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.core.units.steps import Application, BatchNorm, Merge
from app.core.units.sums import Convolution
from app.web.pages import wording
from app.web.pages.units.sources import Sources

DIGITS: Final = 4
_SIGMOID: Final = "sigmoid"
_MOST_TERMS: Final = 4


@dataclass(frozen=True)
class Term:
    """A number of a line.

    Attributes:
        value: as text.
        label: what it is.
        tone: ``identity``, ``residual`` or nothing.
        href: where it comes from, if it has a page.
    """

    value: str
    label: str
    tone: str = ""
    href: str | None = None


@dataclass(frozen=True)
class Line:
    """One step: what is done, and with which numbers. Signs are plain text among the terms."""

    words: str
    tokens: tuple[Term | str, ...]


def term(value: float, label: str, tone: str = "", href: str | None = None) -> Term:
    """A number to four digits."""
    return Term(wording.number(value, DIGITS), label, tone, href)


def of_convolution(found: Convolution, order: list[int], sources: Sources) -> tuple[Line, ...]:
    """The last steps of a convolution: all maps in an order, and the bias; a function behind them
    has a line of its own.
    """
    tokens: list[Term | str] = []
    for at in order[:_MOST_TERMS]:
        label = f"map {found.first + at}" if len(order) > 1 else "sum of the products"
        tokens += ["+", term(float(found.sums[at]), label)]
    if others := order[_MOST_TERMS:]:
        tokens += ["+", term(float(found.sums[others].sum()), f"{len(others)} others")]
    words = "All maps are added up" if len(order) > 1 else "The digit is the only map"
    if found.bias is None:
        reason = ", as the batch norm behind it has one" if sources.normalised else ""
        words += f"; this layer has no bias{reason}."
    else:
        tokens += ["+", term(found.bias, "bias")]
        words += ", and the filter's bias, one number for all places."
    total = term(found.total, "total" if found.function else "value")
    lines = [Line(words, (*tokens[1:], "=", total))]
    if found.function:
        result = term(found.result, "value")
        lines.append(Line(f"Then {found.function}.", (f"{found.function}(", total, ") =", result)))
    return tuple(lines)


def of_norm(found: BatchNorm, sources: Sources) -> tuple[Line, ...]:
    """The steps of a batch norm."""
    centred = found.value - found.mean
    spread = math.sqrt(found.variance + found.epsilon)
    root = f"\N{SQUARE ROOT}({wording.number(found.variance)} + {found.epsilon:g})"
    given = term(found.value, sources.name(0), href=sources.here(0))
    return (
        Line(
            "Take off the mean that this filter had in training.",
            (given, wording.MINUS, term(found.mean, "mean"), "=", term(centred, "")),
        ),
        Line(
            "Divide by how far values strayed from it: the root of the variance, with a small "
            "number that keeps it from zero.",
            (
                *(term(centred, ""), "\N{DIVISION SIGN}", term(spread, root)),
                *("=", term(centred / spread, "")),
            ),
        ),
        Line(
            "Scale and shift by two numbers that training found.",
            (
                *(term(centred / spread, ""), wording.TIMES, term(found.gamma, "gamma"), "+"),
                *(term(found.beta, "beta"), "=", term(found.result, "value")),
            ),
        ),
    )


def of_application(found: Application, sources: Sources) -> tuple[Line, ...]:
    """The step of a function, a switch, or neither."""
    tone = sources.own_tone
    given = term(found.value, sources.name(0), tone, sources.here(0))
    tokens: tuple[Term | str, ...] = _FORMS[found.function](given)
    if found.switch == 0:
        tokens = (*tokens, wording.TIMES, Term("0", "branch off"))
    result = term(found.result, sources.symbol or "value", tone)
    return (Line(_application_words(found, sources), (*tokens, "=", result)),)


_FORMS: Final[dict[str | None, Callable[[Term], tuple[Term | str, ...]]]] = {
    None: lambda given: (given,),
    "relu": lambda given: ("max(0,", given, ")"),
    "sigmoid": lambda given: (f"1 \N{DIVISION SIGN} (1 + e^{wording.MINUS}", given, ")"),
    "tanh": lambda given: ("tanh(", given, ")"),
}


def _application_words(found: Application, sources: Sources) -> str:
    if found.switch == 0:
        return "The block's branch is switched off, so nothing of it is taken."
    if found.function == "relu":
        return (
            "Above zero, so it goes on as it is."
            if found.value > 0
            else "Not above zero, so what goes on is zero."
        )
    if found.function == _SIGMOID:
        return "The sigmoid makes a share between 0 and 1 of any number."
    if found.function is not None:
        return f"The function {found.function} of what it is given."
    return f"What {sources.name(0)} puts out, as it is."


def of_merge(found: Merge, sources: Sources) -> tuple[Line, ...]:
    """The steps of a merge; its terms have the two colours where they are x and F(x)."""
    terms = [
        term(value, sources.part(at), sources.tone(at), sources.here(at))
        for at, value in enumerate(found.terms)
    ]
    result = term(found.result, sources.symbol or "value")
    if found.operation == "highway":
        return _highway(found.terms, terms, result)
    words, before, sign, behind = _MERGES[found.operation]
    tokens = [token for one in terms for token in (sign, one)][1:]
    last = (behind.format(len(terms)),) if behind else ()
    return (Line(words, (*before, *tokens, *last, "=", result)),)


def _highway(values: tuple[float, ...], terms: list[Term], result: Term) -> tuple[Line, ...]:
    (x, fx, gate), (x_term, fx_term, gate_term) = values, terms
    taken = term(gate * fx, "of F(x)", "residual")
    carried = term((1 - gate) * x, "of x", "identity")
    rest = term(1 - gate, f"1 {wording.MINUS} T(x)")
    return (
        Line("Of F(x) the gate takes its share.", (gate_term, wording.TIMES, fx_term, "=", taken)),
        Line("Of x the rest is carried on.", (rest, wording.TIMES, x_term, "=", carried)),
        Line("The two are added.", (taken, "+", carried, "=", result)),
    )


_MERGES: Final[dict[str, tuple[str, tuple[str, ...], str, str]]] = {
    "add": ("What the block was given and what its branch found are added.", (), "+", ""),
    "multiply": ("The two are multiplied.", (), wording.TIMES, ""),
    "average": ("The mean of the two is taken.", ("(",), "+", ") \N{DIVISION SIGN} {}"),
    "maximum": ("The larger of the two is taken.", ("max(",), ",", ")"),
}
