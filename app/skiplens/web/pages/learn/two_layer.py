"""The two-layer network as a figure: formulas, their numbers, and what follows what is dragged.

The server computes every number that a slider can reach from where the others stand, so that a
dragged number follows at once and no formula is written a second time in JavaScript.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from skiplens.core.branch_scales import factor_text
from skiplens.core.two_layer_network import (
    HIDDEN,
    PLAIN,
    RESIDUAL,
    ActivationName,
    Expression,
    TwoLayerNetwork,
    evaluate,
    routes,
    symbol_values,
)
from skiplens.web.pages import fmt
from skiplens.web.pages.learn import mathml

RANGE: Final = 6.0
"""Inputs and weights lie between this and its negative."""
_STEP: Final = 0.25
_KEPT: Final = 128  # figures, of 60 KB each: a class starts from the same one
_NETWORKS: Final = {"plain": PLAIN, "residual": RESIDUAL}
_MEANINGS: Final = {"x": "x, the input", "w1": "first weight", "w2": "second weight"}
_BY: Final = ("w2", "w1", "x")
_THINNEST, _THICKEST = 0.75, 14.0  # pixels
_DECADES: Final = 4  # of gradients that widths tell apart: from 0.0001 to 1


@dataclass(frozen=True)
class FormulaView:
    """A formula in symbols, and in numbers with what it gives."""

    name: str
    symbols: Markup
    numbers: Markup


@dataclass(frozen=True)
class Slider:
    """An input or a weight to drag.

    Attributes:
        numbers: JSON, for each value as text the numbers in the order of the figure's keys.
    """

    name: str
    meaning: str
    label: Markup
    value: str
    numbers: str


@dataclass(frozen=True)
class DenseFigure:
    """Both networks at one input and two weights."""

    sliders: tuple[Slider, ...]
    keys: str
    """JSON, the names of all numbers that follow."""
    texts: dict[str, str]
    hidden: FormulaView
    plain: tuple[FormulaView, ...]
    residual: tuple[FormulaView, ...]
    gradients: dict[str, float]
    """``plain`` and ``residual``: partial derivative of the output by the first weight, and its
    parts ``identity`` and ``through``."""
    activation: ActivationName


@lru_cache(maxsize=_KEPT)
def dense_figure(x: float, w1: float, w2: float, activation: ActivationName) -> DenseFigure:
    """The figure; numbers lie between plus and minus :data:`RANGE`."""
    at = {"x": x, "w1": w1, "w2": w2}
    texts = _texts(at, activation)
    keys = tuple(texts)
    sliders = tuple(
        Slider(
            name,
            _MEANINGS[name],
            mathml.symbol(name),
            factor_text(value),
            _reach(at, name, activation),
        )
        for name, value in at.items()
    )
    return DenseFigure(
        sliders=sliders,
        keys=json.dumps(keys),
        texts=texts,
        hidden=_view("h", mathml.symbol("h"), HIDDEN, texts),
        plain=tuple(_views("plain", PLAIN, texts)),
        residual=tuple(_views("residual", RESIDUAL, texts)),
        gradients=_gradients(at, activation),
        activation=activation,
    )


def positions() -> tuple[float, ...]:
    """Where a slider can stand."""
    steps = round(RANGE / _STEP)
    return tuple(at * _STEP for at in range(-steps, steps + 1))


def _reach(at: dict[str, float], name: str, activation: ActivationName) -> str:
    """The numbers for every position of one slider, as JSON."""
    found = {
        factor_text(value): list(_texts({**at, name: value}, activation).values())
        for value in positions()
    }
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


def _gradients(at: dict[str, float], activation: ActivationName) -> dict[str, float]:
    values = symbol_values(**at, activation=activation)
    by_route = {via.route: evaluate(via, values, activation) for via in routes(RESIDUAL.by["w1"])}
    return {
        "plain": evaluate(PLAIN.by["w1"], values, activation),
        "residual": evaluate(RESIDUAL.by["w1"], values, activation),
        "identity": by_route["identity"],
        "through": by_route["residual"],
    }


def _texts(at: dict[str, float], activation: ActivationName) -> dict[str, str]:
    """Every number of the figure as text, by its key, and the widths of the routes."""
    values = symbol_values(**at, activation=activation)
    texts = {}
    for name, expression in _formulas():
        for part in mathml.parts(expression):
            texts[mathml.key(part)] = fmt.number(evaluate(part, values, activation))
        texts[name] = fmt.number(evaluate(expression, values, activation))
    for name, gradient in _gradients(at, activation).items():
        texts[f"width.{name}"] = f"{route_width(gradient):g}"
    return texts


def _formulas() -> Iterator[tuple[str, Expression]]:
    yield "h", HIDDEN
    for network, formulas in _NETWORKS.items():
        yield f"{network}.y", formulas.output
        for by in _BY:
            yield f"{network}.{by}", formulas.by[by]


def _views(name: str, network: TwoLayerNetwork, texts: dict[str, str]) -> Iterator[FormulaView]:
    yield _view(f"{name}.y", mathml.symbol("y"), network.output, texts)
    for by in _BY:
        yield _view(f"{name}.{by}", mathml.partial("y", by), network.by[by], texts)


def _view(name: str, left: Markup, expression: Expression, texts: dict[str, str]) -> FormulaView:
    total = mathml.number(name, texts)
    has_parts = len(tuple(mathml.parts(expression))) > 1
    return FormulaView(
        name=name,
        symbols=mathml.equation(left, mathml.draw(expression)),
        numbers=mathml.equation(
            mathml.draw_numbers(expression, texts) if has_parts else Markup(""), total
        ),
    )


def route_width(gradient: float) -> float:
    """The width of a route in pixels: in proportion to the logarithm of its gradient."""
    if not gradient:
        return 0.0
    share = 1 + math.log10(abs(gradient)) / _DECADES
    return round(_THINNEST + (_THICKEST - _THINNEST) * min(max(share, 0.0), 1.0), 2)
