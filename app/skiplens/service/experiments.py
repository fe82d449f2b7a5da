"""What experiments found over test digits, read from the models folder at first use."""

import json
from functools import cached_property
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from skiplens.core.experiments import (
    EXPERIMENTS_FILE,
    MeasuredExperiment,
    MeasuredNetwork,
    MeasuredRun,
)
from skiplens.core.ladder import LADDER_FILE
from skiplens.core.manifest import NETWORK_FILE, Manifest
from skiplens.errors import ModelError

_NETWORK: Final = TypeAdapter(MeasuredNetwork)
_RUNS: Final = TypeAdapter(tuple[MeasuredRun, ...])


class Experiments:
    """The stored results.

    Args:
        models: folder of model folders; without one there are no results.
    """

    def __init__(self, models: Path | None = None) -> None:
        self._models = models
        self._measured: dict[str, MeasuredNetwork | None] = {}

    def measured(self, manifest: Manifest, experiment: str) -> MeasuredExperiment | None:
        """What an experiment found about a network; ``None`` if it was not measured since the
        network was trained.

        Raises:
            ModelError: the results cannot be read.
        """
        if manifest.id not in self._measured:
            self._measured[manifest.id] = self._read(manifest)
        found = self._measured[manifest.id]
        experiments = found.experiments if found else ()
        return next((one for one in experiments if one.experiment == experiment), None)

    def _read(self, manifest: Manifest) -> MeasuredNetwork | None:
        path = self._models and self._models / manifest.id / EXPERIMENTS_FILE
        if path is None or not path.is_file():
            return None
        try:
            found = _NETWORK.validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise ModelError(f"{path} cannot be read: measure the network again") from error
        return found if found.sha256 == manifest.files.get(NETWORK_FILE) else None

    @cached_property
    def ladder(self) -> tuple[MeasuredRun, ...]:
        """Every run of the ladder of depths; none without results.

        Raises:
            ModelError: the results cannot be read.
        """
        path = self._models and self._models / LADDER_FILE
        if path is None or not path.is_file():
            return ()
        try:
            runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
            for run in runs:
                counts = run["test_accuracy"]
                run["test_accuracy"] = counts["correct"] / counts["digits"]
            return _RUNS.validate_python(runs)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path} is damaged: {error}") from error
