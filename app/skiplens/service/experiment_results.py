"""Results of experiments over test digits, read from the models folder at first use."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from skiplens.core.experiment_results import (
    EXPERIMENTS_FILE,
    POINTS_FILE,
    MeasuredExperiment,
    MeasuredNetwork,
    Plane,
)
from skiplens.core.ladder import LADDER_FILE, MeasuredRun
from skiplens.core.manifest import NETWORK_FILE, Manifest
from skiplens.errors import ModelError
from skiplens.mnist import NPZ_ERRORS

_NETWORK: Final = TypeAdapter(MeasuredNetwork)
_RUNS: Final = TypeAdapter(tuple[MeasuredRun, ...])


@dataclass(frozen=True, eq=False)
class ClassPoints:
    """Test digits on the two principal components of what the head sees at every depth.

    Attributes:
        labels: uint8 ``(digits,)``.
        points: float32 ``(depths, digits, 2)``.
        planes: of every depth.
    """

    labels: NDArray[np.uint8]
    points: NDArray[np.float32]
    planes: tuple[Plane, ...]


class ExperimentResults:
    """The stored results.

    Args:
        models: folder of model folders; without one there are no results.
    """

    def __init__(self, models: Path | None = None) -> None:
        self._models = models
        self._measured: dict[str, MeasuredNetwork | None] = {}
        self._points: dict[str, ClassPoints | None] = {}

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

    def points(self, manifest: Manifest) -> "ClassPoints | None":
        """Test digits at every depth of a network; ``None`` if they were not measured since the
        network was trained.

        Raises:
            ModelError: they cannot be read.
        """
        if manifest.id not in self._points:
            self._points[manifest.id] = self._read_points(manifest)
        return self._points[manifest.id]

    def _read_points(self, manifest: Manifest) -> "ClassPoints | None":
        path = self._models and self._models / manifest.id / POINTS_FILE
        if path is None or not path.is_file():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if str(arrays["sha256"]) != manifest.files.get(NETWORK_FILE):
                    return None
                points = arrays["points"].astype(np.float32)
                planes = tuple(
                    Plane(arrays[f"mean{at}"], arrays[f"axes{at}"], 0.0)
                    for at in range(len(points))
                )
                return ClassPoints(arrays["labels"], points, planes)
        except NPZ_ERRORS as error:
            raise ModelError(f"{path} cannot be read: measure the network again") from error

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
