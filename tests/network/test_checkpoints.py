"""Checkpoints of a run, and the commit of its code."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from skiplens.core.experiment_results import EpochResult
from skiplens.errors import TrainingError
from skiplens.network.checkpoints import Run, code_commit, read_run, restore, write_run
from skiplens.network.recipe import Phase
from tests.network.tiny import SAVES_WITH_KERAS, numpy
from tests.network.tiny_training import RECIPE, network

pytestmark = SAVES_WITH_KERAS

HISTORY = (EpochResult(1, 2.5, 0.5, 3.0), EpochResult(2, 1.25, 0.75, 2.5))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of two epochs."""
    write_run(tmp_path, Run(RECIPE, "abc", HISTORY[:1]), network())
    write_run(tmp_path, Run(RECIPE, "abc", HISTORY), network())
    return tmp_path


def test_a_run_is_read_as_it_was_written(folder: Path) -> None:
    assert read_run(folder, RECIPE) == Run(RECIPE, "abc", HISTORY)
    assert sorted(path.name for path in folder.iterdir()) == ["epoch-002.keras", "run.json"]


def test_an_empty_folder_holds_a_run_that_has_yet_to_begin(tmp_path: Path) -> None:
    assert read_run(tmp_path, RECIPE) == Run(RECIPE, code_commit())


def test_a_run_killed_between_its_two_files_is_the_one_before(folder: Path) -> None:
    network().save(folder / "epoch-003.keras")
    run = read_run(folder, RECIPE)
    restore(network(), folder, run)
    assert len(run.history) == 2


def test_the_network_gets_the_weights_of_the_checkpoint(tmp_path: Path) -> None:
    kept, run = network(), Run(RECIPE, None, HISTORY[:1])
    write_run(tmp_path, run, kept)
    fresh = network()
    restore(fresh, tmp_path, run)
    kernel, wanted = (model.get_layer("stem").layers[0].kernel for model in (fresh, kept))
    assert (numpy(kernel) == numpy(wanted)).all()


@pytest.mark.parametrize(
    "other", [{"seed": 8}, {"network": "other"}, {"phases": (Phase(epochs=4),)}], ids=str
)
def test_a_run_of_another_recipe_is_refused(other: dict[str, object], folder: Path) -> None:
    with pytest.raises(TrainingError, match="holds a run of another recipe; delete it, or"):
        read_run(folder, replace(RECIPE, **other))  # type: ignore[arg-type]  # of several types


def no_json(text: str) -> str:
    return text[:-5]


def no_history(text: str) -> str:
    state = json.loads(text)
    del state["history"]
    return json.dumps(state)


def other_fields(text: str) -> str:
    return text.replace('"loss"', '"losses"')


def a_list(text: str) -> str:
    return "[1, 2]"


@pytest.mark.parametrize("damage", [no_json, no_history, other_fields, a_list])
def test_a_damaged_record_is_refused(damage: Callable[[str], str], folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(TrainingError, match=r"run\.json is damaged: "):
        read_run(folder, RECIPE)


def test_a_record_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "run.json").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(TrainingError, match=r"run\.json is damaged: "):
        read_run(folder, RECIPE)


def test_a_missing_or_damaged_checkpoint_is_refused(folder: Path) -> None:
    run = read_run(folder, RECIPE)
    (folder / "epoch-002.keras").write_bytes(b"PK\x03\x04")
    with pytest.raises(
        TrainingError, match=r"epoch-002\.keras is damaged; train in another folder"
    ):
        restore(network(), folder, run)
    (folder / "epoch-002.keras").unlink()
    with pytest.raises(TrainingError, match=r"checkpoint .*epoch-002\.keras is missing"):
        restore(network(), folder, run)


def answer(
    monkeypatch: pytest.MonkeyPatch, returncode: int, stdout: str
) -> list[dict[str, object]]:
    """Let git answer so; what it is asked is kept."""
    asked: list[dict[str, object]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append({"command": command, **options})
        if returncode and options.get("check"):
            raise subprocess.CalledProcessError(returncode, command)
        return subprocess.CompletedProcess(command, returncode, stdout)

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_it_is_what_git_says_without_its_line_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, 0, "0123456789ab-modified\n")
    assert code_commit() == "0123456789ab-modified"
    assert asked[0]["timeout"]


def test_outside_a_checkout_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 128, "")
    assert code_commit() is None
    answer(monkeypatch, 0, "\n")
    assert code_commit() is None


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("git", 10)])
def test_without_an_answer_there_is_none(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(subprocess, "run", run)
    assert code_commit() is None


def test_here_it_is_a_commit_or_nothing() -> None:
    found = code_commit()
    assert found is None or re.fullmatch(r"[0-9a-f]{12}(-modified)?", found)
