"""The ladder of depths: networks of 2 to 27 blocks, each once with the skip and once without."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from skiplens.core.experiment_results import CurvePoint, EpochResult, curve_point
from skiplens.core.manifest import Accuracy
from skiplens.core.published import Published

DEEPEST: Final = 27
LADDER: Final = (2, 6, 14, DEEPEST)
"""Numbers of blocks."""

LadderKind = Literal["residual", "plain"]
KINDS: Final[tuple[LadderKind, ...]] = ("residual", "plain")

LADDER_FILE: Final = "ladder.json"
"""Figures of the runs, in the models folder."""
_TEST_DIGITS: Final = 10_000


def stream_name(kind: LadderKind, blocks: int) -> str:
    """The id of a network of the ladder; the deepest two bear no number."""
    name = "mnist-stream" if kind == "residual" else "mnist-stream-plain"
    return name if blocks == DEEPEST else f"{name}-{blocks}"


STREAM: Final = stream_name("residual", DEEPEST)
LADDER_NETWORKS: Final = frozenset(stream_name(kind, blocks) for kind in KINDS for blocks in LADDER)
RUNGS: Final = LADDER_NETWORKS - {stream_name(kind, DEEPEST) for kind in KINDS}
"""Ids of the networks that are there to be compared with the deepest two."""


def are_compared(network: str, other: str) -> bool:
    """Whether the layers of two networks are compared when they are compiled: any two but those of
    the ladder, of which only twins are, and the deepest two with all networks beside the ladder.
    """
    if not RUNGS & {network, other}:
        return network != other
    return any(
        {network, other} == {stream_name(kind, blocks) for kind in KINDS} for blocks in LADDER
    )


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


@dataclass(frozen=True)
class LadderRow:
    """The runs of one depth.

    Attributes:
        blocks: of each network.
        residual: the runs with the skip.
        plain: those without.
    """

    blocks: int
    residual: tuple[MeasuredRun, ...]
    plain: tuple[MeasuredRun, ...]


def rungs(runs: Iterable[MeasuredRun]) -> tuple[LadderRow, ...]:
    """The depths that were trained both with the skip and without, from the fewest blocks up."""
    depths: dict[int, list[MeasuredRun]] = {}
    for run in runs:
        depths.setdefault(run.blocks, []).append(run)
    found = (
        LadderRow(
            blocks,
            tuple(run for run in depths[blocks] if run.kind == "residual"),
            tuple(run for run in depths[blocks] if run.kind == "plain"),
        )
        for blocks in sorted(depths)
    )
    return tuple(rung for rung in found if rung.residual and rung.plain)


def accuracy_together(runs: Sequence[MeasuredRun]) -> Accuracy:
    """Accuracy on the test digits over all runs."""
    correct = sum(round(run.test_accuracy * _TEST_DIGITS) for run in runs)
    return Accuracy.of(correct, _TEST_DIGITS * len(runs))


def gradients_at_start(runs: Sequence[MeasuredRun]) -> tuple[tuple[float, ...], ...]:
    """Share of the loss's gradient that reached each block's input before training, the first
    block's first: of every run in which it was measured.
    """
    norms = [one.stream for run in runs for one in run.history.gradients if one.step == 0]
    return tuple(tuple(norm / stream[-1] for norm in stream[:-1]) for stream in norms)
