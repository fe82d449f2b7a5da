"""Stored results are used as long as they are of the network that is there."""

import json
from pathlib import Path

import pytest

from skiplens.engine.base import Engine
from skiplens.errors import ModelError
from skiplens.service.experiment_results import ExperimentResults
from tests.conftest import MODELS


def test_results_are_found_by_name(engine: Engine) -> None:
    found = ExperimentResults(MODELS)
    removal = found.measured(engine.manifest, "removal")
    assert removal is not None
    assert removal.experiment == "removal"
    assert found.measured(engine.manifest, "alchemy") is None
    assert found.ladder


def test_without_a_folder_there_are_none(engine: Engine, tmp_path: Path) -> None:
    for found in (ExperimentResults(), ExperimentResults(tmp_path)):
        assert found.measured(engine.manifest, "removal") is None
        assert found.ladder == ()


def test_results_of_another_training_do_not_count(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / engine.manifest.id
    folder.mkdir()
    stored = json.loads((MODELS / engine.manifest.id / "experiments.json").read_text())
    stored["sha256"] = "0" * 64
    (folder / "experiments.json").write_text(json.dumps(stored))
    assert ExperimentResults(tmp_path).measured(engine.manifest, "removal") is None


def test_damaged_results_are_named(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / engine.manifest.id
    folder.mkdir()
    (folder / "experiments.json").write_text("{}")
    (tmp_path / "ladder.json").write_text('{"runs": [{}]}')
    points = (MODELS / engine.manifest.id / "points.npz").read_bytes()
    (folder / "points.npz").write_bytes(points[: len(points) // 2])
    found = ExperimentResults(tmp_path)
    with pytest.raises(ModelError, match="measure the network again"):
        found.measured(engine.manifest, "removal")
    with pytest.raises(ModelError, match=r"points\.npz cannot be read"):
        found.points(engine.manifest)
    with pytest.raises(ModelError, match=r"ladder\.json"):
        _ = found.ladder
