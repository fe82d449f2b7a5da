"""What the runs of the ladder reached: networks of several depths, with the skip and without."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from skiplens.core.manifest import Accuracy
from skiplens.errors import StartupError

_Run = Mapping[str, Any]


@dataclass(frozen=True)
class Rung:
    """The runs of one depth.

    Attributes:
        blocks: of each network.
        residual: accuracy of each run with the skip.
        plain: without.
        residual_start: share of the loss's gradient that came back through all blocks before
            training, mean of the runs; ``None`` if it was not measured.
        plain_start: the same without the skip.
    """

    blocks: int
    residual: tuple[Accuracy, ...]
    plain: tuple[Accuracy, ...]
    residual_start: float | None = None
    plain_start: float | None = None


def read_ladder(path: Path) -> tuple[Rung, ...]:
    """The depths that were trained both with the skip and without, from the fewest blocks up.

    Raises:
        StartupError: the file is damaged.
    """
    if not path.is_file():
        return ()
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
        found = _by_depth(runs)
        return tuple(
            Rung(
                blocks,
                tuple(map(_accuracy, kinds["residual"])),
                tuple(map(_accuracy, kinds["plain"])),
                _start(kinds["residual"]),
                _start(kinds["plain"]),
            )
            for blocks, kinds in sorted(found.items())
            if kinds["residual"] and kinds["plain"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StartupError(f"{path} is damaged: {error}") from error


def _by_depth(runs: list[_Run]) -> dict[int, dict[str, list[_Run]]]:
    found: dict[int, dict[str, list[_Run]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        found[int(run["blocks"])][run["kind"]].append(run)
    return found


def _accuracy(run: _Run) -> Accuracy:
    measured = run["test_accuracy"]
    return Accuracy.of(int(measured["correct"]), int(measured["digits"]))


def _start(runs: list[_Run]) -> float | None:
    """Of the gradients by depth before the first step, the first as a share of the last."""
    gradients = [one for run in runs for one in run.get("history", {}).get("gradients", ())]
    norms = [one["stream"] for one in gradients if one["step"] == 0]
    return fmean(first / last for first, *_, last in norms) if norms else None
