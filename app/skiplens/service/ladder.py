"""What the runs of the ladder reached: networks of several depths, with the skip and without."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skiplens.core.manifest import Accuracy
from skiplens.errors import StartupError


@dataclass(frozen=True)
class Rung:
    """The runs of one depth.

    Attributes:
        blocks: of each network.
        residual: accuracy of each run with the skip.
        plain: without.
    """

    blocks: int
    residual: tuple[Accuracy, ...]
    plain: tuple[Accuracy, ...]


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
    except (ValueError, KeyError, TypeError) as error:
        raise StartupError(f"{path} is damaged: {error}") from error
    return tuple(
        Rung(blocks, tuple(kinds["residual"]), tuple(kinds["plain"]))
        for blocks, kinds in sorted(found.items())
        if kinds["residual"] and kinds["plain"]
    )


def _by_depth(runs: list[Mapping[str, Any]]) -> dict[int, dict[str, list[Accuracy]]]:
    found: dict[int, dict[str, list[Accuracy]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        measured = run["test_accuracy"]
        accuracy = Accuracy.of(int(measured["correct"]), int(measured["digits"]))
        found[int(run["blocks"])][run["kind"]].append(accuracy)
    return found
