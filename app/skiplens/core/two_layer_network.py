"""A dense network of two layers, one neuron each: plain, and with its second layer made residual.

Formulas are expressions. They are computed here, and pages draw them from the same declarations.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from skiplens.core.unit_arithmetic import FUNCTIONS

ActivationName = Literal["sigmoid", "relu"]
Route = Literal["identity", "residual"]
Values = Mapping[str, float]


@dataclass(frozen=True)
class Symbol:
    """An input, a weight or the hidden value, by name: ``x``, ``w1``, ``w2``, ``h``."""

    name: str


@dataclass(frozen=True)
class Applied:
    """The activation function of an expression, or its derivative there."""

    argument: "Expression"
    derivative: bool = False


@dataclass(frozen=True)
class Product:
    """Factors, in the order in which they are written."""

    factors: tuple["Expression", ...]


@dataclass(frozen=True)
class Sum:
    """Terms, in the order in which they are written."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True)
class Via:
    """A term of a residual layer, by the path that it takes."""

    route: Route
    term: "Expression"


Expression = Symbol | Applied | Product | Sum | Via


def _sigmoid_slope(value: float) -> float:
    return FUNCTIONS["sigmoid"](value) * FUNCTIONS["sigmoid"](-value)


# The slope of ReLU at zero is 0 by convention, as in Keras.
_SLOPES: Final[Mapping[ActivationName, Callable[[float], float]]] = {
    "sigmoid": _sigmoid_slope,
    "relu": lambda value: float(value > 0),
}


def evaluate(expression: Expression, values: Values, activation: ActivationName) -> float:
    """The value of an expression.

    Args:
        expression: what to compute.
        values: of every symbol in it, by name.
        activation: the function ``f``.
    """
    match expression:
        case Symbol(name):
            return values[name]
        case Applied(argument, derivative):
            function = _SLOPES[activation] if derivative else FUNCTIONS[activation]
            return function(evaluate(argument, values, activation))
        case Product(factors):
            return math.prod(evaluate(factor, values, activation) for factor in factors)
        case Sum(terms):
            return math.fsum(evaluate(term, values, activation) for term in terms)
        case Via(_, term):
            return evaluate(term, values, activation)


def routes(expression: Expression) -> Iterator[Via]:
    """The terms of a residual layer in an expression."""
    if isinstance(expression, Via):
        yield expression
    elif isinstance(expression, Sum):
        for term in expression.terms:
            yield from routes(term)


X, W1, W2, H = (Symbol(name) for name in ("x", "w1", "w2", "h"))
_FIRST: Final = Product((W1, X))
_SECOND: Final = Product((W2, H))
HIDDEN: Final = Applied(_FIRST)
"""``h = f(w1 x)``, the same in both networks."""


@dataclass(frozen=True)
class TwoLayerNetwork:
    """A network by its output and partial derivatives, by the chain rule.

    Attributes:
        output: ``y``.
        by: partial derivative of ``y`` by each symbol.
    """

    output: Expression
    by: Mapping[str, Expression]


def _slope(argument: Expression) -> Applied:
    return Applied(argument, derivative=True)


PLAIN: Final = TwoLayerNetwork(
    output=Applied(_SECOND),
    by={
        "w2": Product((_slope(_SECOND), H)),
        "w1": Product((_slope(_SECOND), W2, _slope(_FIRST), X)),
        "x": Product((_slope(_SECOND), W2, _slope(_FIRST), W1)),
    },
)
"""``y = f(w2 h)``."""

RESIDUAL: Final = TwoLayerNetwork(
    output=Sum((Via("identity", H), Via("residual", PLAIN.output))),
    by={
        "w2": Via("residual", PLAIN.by["w2"]),
        "w1": Sum((Via("identity", Product((_slope(_FIRST), X))), Via("residual", PLAIN.by["w1"]))),
        "x": Sum((Via("identity", Product((_slope(_FIRST), W1))), Via("residual", PLAIN.by["x"]))),
    },
)
"""``y = h + f(w2 h)``: the second layer keeps its input and adds to it."""


def symbol_values(x: float, w1: float, w2: float, activation: ActivationName) -> dict[str, float]:
    """The value of every symbol, by name."""
    values = {"x": x, "w1": w1, "w2": w2}
    return {**values, "h": evaluate(HIDDEN, values, activation)}
