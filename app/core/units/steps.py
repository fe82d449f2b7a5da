"""Values that are made of one or of a few: a batch norm, a ReLU, a sum of a block, a softmax.

Records as in :mod:`app.core.units.sums`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.units.functions import MERGES, applied

Array = NDArray[np.float32]


@dataclass(frozen=True)
class BatchNorm:
    """``(value - mean) / sqrt(variance + epsilon) * gamma + beta``.

    Ioffe and Szegedy 2015, "Batch Normalization", algorithm 2: mean and variance are those that
    were usual in training.
    """

    value: float
    mean: float
    variance: float
    epsilon: float
    gamma: float
    beta: float

    @property
    def result(self) -> float:
        """The value."""
        spread = math.sqrt(self.variance + self.epsilon)
        return (self.value - self.mean) / spread * self.gamma + self.beta


@dataclass(frozen=True)
class Application:
    """A value passed on: through a function, times a block's switch, or as it is.

    Attributes:
        value: what is given.
        function: one of :data:`app.core.units.functions.FUNCTIONS`, or ``None``.
        switch: 1 where the block's branch is on and 0 where it is off; ``None`` for what no
            switch acts on.
    """

    value: float
    function: str | None
    switch: float | None

    @property
    def result(self) -> float:
        """The value."""
        return applied(self.function, self.value) * (1.0 if self.switch is None else self.switch)


@dataclass(frozen=True)
class Merge:
    """Several maps' values at one place, made one.

    Attributes:
        operation: ``add``, ``multiply``, ``average``, ``maximum`` or ``highway``.
        terms: x and F(x), and behind them T(x) of a highway; any number of others.
    """

    operation: str
    terms: tuple[float, ...]

    @property
    def result(self) -> float:
        """The value."""
        return MERGES[self.operation](self.terms)


@dataclass(frozen=True, eq=False)
class Softmax:
    """``exp(score) / sum of exp(scores)``, with the largest score taken off each first, which
    changes nothing but keeps the numbers small.

    Attributes:
        scores: float32 ``(n,)``.
        index: which of them the value is the share of.
    """

    scores: Array
    index: int

    @property
    def exponentials(self) -> NDArray[np.float64]:
        """``exp(score - largest)``: float64 ``(n,)`` in 0..1."""
        scores = self.scores.astype(np.float64)
        return np.asarray(np.exp(scores - scores.max()))

    @property
    def result(self) -> float:
        """The value."""
        found = self.exponentials
        return float(found[self.index] / found.sum())
