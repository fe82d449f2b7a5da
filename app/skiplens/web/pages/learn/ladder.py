"""The ladder's runs by depth: networks trained alike, with the skip and without."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from skiplens.core.experiment_results import MeasuredRun
from skiplens.core.manifest import Accuracy

_TEST_DIGITS: Final = 10_000


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
