"""Results of experiments over test digits: curves with their spread, and the ladder of depths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from skiplens.core.ladder import LadderKind, stream_name
from skiplens.core.manifest import Published

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


@dataclass(frozen=True)
class LossPoint(Published):
    """The training loss at a step."""

    step: int
    """Number of weight updates."""
    loss: float
    """Mean cross-entropy of the batches since the last point."""


@dataclass(frozen=True)
class GradientNorms(Published):
    """Norms of the gradient by depth at a step, of 256 training digits."""

    step: int
    """Number of weight updates."""
    stream: tuple[float, ...]
    """At the stem's output and at each block's: root mean square over digits of the norm of the
    gradient of a digit's loss."""
    kernels: tuple[float, ...]
    """Of the mean loss by the kernels of the stem, of each block and of the head."""


@dataclass(frozen=True)
class RunHistory(Published):
    """Measurements of a network while it was trained."""

    epochs: tuple[EpochResult, ...]
    """Every epoch."""
    loss: tuple[LossPoint, ...]
    """The loss every 50 steps."""
    gradients: tuple[GradientNorms, ...]
    """Gradients at steps 0, 10, 100 and 1,000, and at the end."""


@dataclass(frozen=True)
class MeasuredRun(Published):
    """One network of the ladder of depths, trained from one seed."""

    kind: LadderKind
    """With the skip, or without."""
    blocks: int
    """Number of blocks, of two convolutions each."""
    seed: int
    """Of the training run."""
    test_accuracy: float
    """Accuracy on MNIST's 10,000 test digits, 0 to 1."""
    history: RunHistory
    """The training."""

    @property
    def network(self) -> str:
        """Id of the network."""
        return stream_name(self.kind, self.blocks)


def accuracy_by_depth(runs: Sequence[MeasuredRun]) -> Mapping[LadderKind, tuple[CurvePoint, ...]]:
    """The mean test accuracy over seeds against the number of blocks, with the skip and without."""
    found: dict[LadderKind, dict[int, list[float]]] = {}
    for run in runs:
        found.setdefault(run.kind, {}).setdefault(run.blocks, []).append(run.test_accuracy)
    return {
        kind: tuple(curve_point(blocks, depths[blocks]) for blocks in sorted(depths))
        for kind, depths in found.items()
    }
