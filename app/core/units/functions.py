"""What is done to a value last, and how several values are merged into one."""

import math
from collections.abc import Callable
from typing import Final

FUNCTIONS: Final[dict[str, Callable[[float], float]]] = {
    "relu": lambda value: max(value, 0.0),
    "sigmoid": lambda value: 0.5 * (1 + math.tanh(value / 2)),  # exp would overflow
    "tanh": math.tanh,
}

MERGES: Final[dict[str, Callable[[tuple[float, ...]], float]]] = {
    "add": math.fsum,
    "multiply": math.prod,
    "average": lambda terms: math.fsum(terms) / len(terms),
    "maximum": max,
    "highway": lambda terms: terms[2] * terms[1] + (1 - terms[2]) * terms[0],
}


def applied(function: str | None, value: float) -> float:
    """A value after one of :data:`FUNCTIONS`, or as it is."""
    return value if function is None else FUNCTIONS[function](value)
