"""Results of experiments over test digits: curves with their spread, and planes of features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.published import Published

Array = NDArray[np.float32]

EXPERIMENTS_FILE: Final = "experiments.json"
"""Curves of a network, in its model folder."""
POINTS_FILE: Final = "points.npz"
"""Test digits at every depth of a network, in its model folder."""


@dataclass(frozen=True)
class CurvePoint(Published):
    """A quantity measured in one or several runs of an experiment."""

    x: float
    """What was varied: a number of blocks, a factor, a depth."""
    mean: float
    """Mean over the runs."""
    spread: float
    """Standard deviation over the runs; 0 for one run."""
    runs: int
    """Number of runs."""


@dataclass(frozen=True)
class Curve(Published):
    """Points in the order of x."""

    name: str
    """What the curve shows, for example `all` blocks, one block, or `accuracy`."""
    points: tuple[CurvePoint, ...]
    """Its points."""


@dataclass(frozen=True)
class MeasuredExperiment(Published):
    """What an experiment found about a network."""

    experiment: str
    """Name of the experiment."""
    digits: int
    """Number of test digits, evenly spaced."""
    seed: int
    """Of what was drawn at random."""
    curves: tuple[Curve, ...]
    """What was measured; accuracies are 0 to 1."""


@dataclass(frozen=True)
class MeasuredNetwork:
    """All experiments with a network; ``sha256`` is that of the ``network.keras`` measured."""

    sha256: str
    experiments: tuple[MeasuredExperiment, ...]


def curve_point(x: float, runs: Sequence[float]) -> CurvePoint:
    """The mean and the standard deviation of runs, at least one."""
    spread = float(np.std(runs, ddof=1)) if len(runs) > 1 else 0.0
    return CurvePoint(float(x), round(float(np.mean(runs)), 6), round(spread, 6), len(runs))


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane along which features vary most.

    Attributes:
        mean: of the features, float32 ``(C,)``.
        axes: unit vectors, float32 ``(2, C)``, the one of larger variance first.
        explained: the share of the variance along both, 0 to 1.
    """

    mean: Array
    axes: Array
    explained: float

    def points(self, features: Array) -> Array:
        """Where examples ``(N, C)`` are on the plane: float32 ``(N, 2)``."""
        return np.asarray((features - self.mean) @ self.axes.T, np.float32)


@dataclass(frozen=True)
class EpochResult(Published):
    """One epoch of training."""

    epoch: int
    """From 1."""
    loss: float
    """Mean training loss, on augmented digits."""
    validation_accuracy: float | None
    """On the digits held out, 0 to 1; null without any."""
    seconds: float
    """Of training, without validation."""
