"""What the command line does with networks, end to end on tiny ones."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from skiplens.core.ladder import LADDER_FILE
from skiplens.core.manifest import Accuracy, Manifest
from skiplens.engine.litert import LiteRTEngine, run_once
from skiplens.engine.model_folder import open_folder
from skiplens.errors import CompileError, StartupError, TrainingError, install
from skiplens.mnist import Split
from skiplens.network import commands, compiling
from skiplens.network.architectures import ARCHITECTURES
from skiplens.network.recipe import RECIPES, Phase, Recipe
from skiplens.network.results import add_result
from tests.network.tiny import SAVES_WITH_KERAS, Array
from tests.network.tiny_training import digits, eager_steps, network

pytestmark = SAVES_WITH_KERAS

RECIPE = Recipe("tiny", (Phase(epochs=1),), batch_size=32, validation=20)


@pytest.fixture(autouse=True)
def tiny_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "tiny", network)
    monkeypatch.setitem(RECIPES, "tiny", RECIPE)
    counts = {"train": 52, "test": 12}
    monkeypatch.setattr(commands, "load_mnist", lambda part, source: digits(counts[part]))


@pytest.fixture
def eager() -> Iterator[None]:
    with eager_steps():
        yield


def test_train_compile_and_evaluate(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    runs, models = tmp_path / "runs", tmp_path / "models" / "tiny"
    commands.train_network("tiny", None, runs, models)
    saved = keras.models.load_model(models / "network.keras")
    assert not saved.compiled
    record = json.loads((models / "training.json").read_text(encoding="utf-8"))
    assert record["recipe"]["network"] == "tiny"
    assert [report["epoch"] for report in record["history"]] == [1]
    manifest = commands.compile_folder(models, None, run_once, measure=True)
    assert manifest.training == record
    engine = LiteRTEngine(open_folder(models), 1, 0)
    evaluated = commands.evaluate_engine(manifest, engine.activations, None)
    assert evaluated == manifest.test_accuracy
    said = capfd.readouterr().err
    assert not [one for one in caplog.records if one.name == "absl"]
    assert (
        "tiny is trained; next, with the same --data and --models: skiplens compile tiny"
        in " ".join(said.split())
    )
    assert "outputs agree with Keras to" in said
    assert f"{evaluated.correct} of 12 test digits" in said
    shutil.copytree(models, models.parent / "twin")
    commands.measure_similarities(models.parent, None)
    (found,) = open_folder(models).manifest.similarity
    assert (found.network, found.digits) == ("twin", 12)
    assert np.allclose(np.diag(found.cka), 1)
    assert "tiny, twin: CKA of" in " ".join(capfd.readouterr().err.split())


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(("given", "used"), [(None, "1"), ("0", "0")])
def test_training_takes_the_fast_convolutions_unless_told_otherwise(
    given: str | None, used: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", given or "")
    if given is None:
        monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    commands.train_network("tiny", None, tmp_path / "runs", tmp_path / "models")
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == used


@pytest.mark.usefixtures("eager")
def test_as_many_digits_are_held_out_as_one_says(tmp_path: Path) -> None:
    models = tmp_path / "models"
    commands.train_network("tiny", None, tmp_path / "runs", models, hold_out=0)
    record = json.loads((models / "training.json").read_text(encoding="utf-8"))
    assert record["recipe"]["validation"] == 0
    assert record["history"][0]["validation_accuracy"] is None
    with pytest.raises(TrainingError, match="holds a run of another recipe"):
        commands.train_network("tiny", None, tmp_path / "runs", models)


@pytest.mark.usefixtures("eager")
def test_other_seeds_read_the_test_digits_and_leave_the_network_that_ships(
    tmp_path: Path,
) -> None:
    runs, models = tmp_path / "runs", tmp_path / "models" / "tiny"
    commands.train_network("tiny", None, runs / "own", models)
    shipped = (models / "network.keras").read_bytes()
    for seed in (2018, 2017):
        commands.train_network("tiny", None, runs / f"{seed}", models, seed=seed)
    assert (models / "network.keras").read_bytes() == shipped
    manifest = commands.compile_folder(models, None, run_once, measure=True)
    assert [one.seed for one in manifest.seeds] == [2016, 2017, 2018]
    assert manifest.seeds[0].accuracy == manifest.test_accuracy
    assert {one.accuracy.digits for one in manifest.seeds} == {12}
    reopened = open_folder(models).manifest
    assert reopened.seeds == manifest.seeds


@pytest.mark.usefixtures("eager")
def test_a_seed_for_choosing_a_recipe_leaves_the_test_digits_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"train": digits(52)}  # to ask for the test digits fails
    monkeypatch.setattr(commands, "load_mnist", lambda part, source: parts[part])
    commands.train_network("tiny", None, tmp_path / "runs", tmp_path / "models", 20, 1)
    assert not (tmp_path / "models").exists()


@pytest.mark.usefixtures("eager")
def test_seeds_of_another_recipe_are_not_mixed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, models = tmp_path / "runs", tmp_path / "models" / "tiny"
    commands.train_network("tiny", None, runs / "other", models, seed=1)
    monkeypatch.setitem(RECIPES, "tiny", replace(RECIPE, batch_size=16))
    with pytest.raises(TrainingError, match="holds results of another recipe"):
        commands.train_network("tiny", None, runs / "second", models, seed=2)
    commands.train_network("tiny", None, runs / "own", models)
    with pytest.raises(CompileError, match="holds results of another recipe than training"):
        commands.compile_folder(models, None, run_once, measure=True)


@pytest.mark.usefixtures("eager")
def test_the_manifest_of_a_network_of_the_ladder_names_the_ladders_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "LADDER_NETWORKS", {"tiny"})
    names = {"residual": "tiny", "plain": "other"}
    monkeypatch.setattr(compiling, "stream_name", lambda kind, blocks: names[kind])
    models = tmp_path / "models" / "tiny"
    commands.train_network("tiny", None, tmp_path / "runs", models)
    for kind, seed, correct in (("residual", 1, 9), ("plain", 2, 8), ("residual", 0, 7)):
        counts = {"correct": correct, "digits": 12}
        run = {"kind": kind, "blocks": 2, "seed": seed, "test_accuracy": counts}
        add_result(models.parent / LADDER_FILE, RECIPE, run, key=lambda one: one["seed"])
    manifest = commands.compile_folder(models, None, run_once, measure=True)
    assert [one.seed for one in manifest.seeds] == [0, 1, RECIPE.seed]
    assert [one.accuracy.correct for one in manifest.seeds[:2]] == [7, 9]


def test_where_only_serving_is_set_up_training_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StartupError, match="this needs TensorFlow: pip install"):
        commands.train_network("tiny", None, tmp_path, tmp_path)


@pytest.mark.parametrize(
    "command",
    ["train mnist-resnet", "compile mnist-resnet", "experiments mnist-resnet", "similarity"],
)
def test_a_command_says_so_where_there_is_no_keras(command: str) -> None:
    program = (
        "import sys; sys.modules['keras'] = sys.modules['tensorflow'] = None; "
        "from skiplens.cli import main; main()"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, *command.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert said.stderr == f"skiplens: this needs TensorFlow: {install('tensorflow')}\n"


def test_a_recipe_without_an_architecture_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(ARCHITECTURES, "tiny")
    with pytest.raises(TrainingError, match="network 'tiny' has no architecture; known are"):
        commands.train_network("tiny", None, tmp_path, tmp_path)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("commit", ["0123456789ab", "0123456789ab-modified"])
def test_training_from_changed_code_is_said_when_it_begins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    commit: str,
) -> None:
    monkeypatch.setattr("skiplens.network.checkpoints.code_commit", lambda: commit)
    commands.train_network("tiny", None, tmp_path / "runs", tmp_path / "models")
    said = "The code has uncommitted changes" in " ".join(capfd.readouterr().err.split())
    assert said is commit.endswith("-modified")


def test_an_unknown_network_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="network 'mist' has no recipe; known are mnist-resnet"):
        commands.train_network("mist", None, tmp_path, tmp_path)


def test_what_is_measured_must_be_there_before_digits_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "load_mnist", lambda *_: pytest.fail("digits were loaded"))
    with pytest.raises(TrainingError, match=f"no network 'mist' in {tmp_path}"):
        commands.measure_experiments(tmp_path / "mist", None, ())
    with pytest.raises(CompileError, match=f"{tmp_path} holds no compiled network to compare"):
        commands.measure_similarities(tmp_path, None)


def test_an_interrupted_training_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> keras.Model:
        raise KeyboardInterrupt

    monkeypatch.setitem(ARCHITECTURES, "tiny", interrupted)
    with pytest.raises(TrainingError, match="run the same command to resume from the last epoch"):
        commands.train_network("tiny", None, tmp_path / "runs", tmp_path / "models")
    assert not (tmp_path / "models").exists()


class Reader:
    """Says 3 to everything."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.asked: list[tuple[tuple[int, ...], list[float]]] = []

    def activations(self, image: Array, branch_scales: Array) -> Mapping[str, Array]:
        self.asked.append((image.shape, branch_scales.tolist()))
        last = self.manifest.layers[-1]
        return {last.name: np.eye(10, dtype=np.float32)[3].reshape(last.shape)}


def test_evaluating_reads_every_digit_with_all_blocks_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network().save(tmp_path / "network.keras")
    manifest = commands.compile_folder(tmp_path, None, run_once, measure=False)
    assert (manifest.test_accuracy, manifest.evaluation) == (None, None)
    reader = Reader(manifest)
    labels = np.array([3, 1, 3, 3, 2], np.uint8)
    split = Split(np.zeros((5, 28, 28), np.uint8), labels)
    monkeypatch.setattr(commands, "load_mnist", lambda part, source: split)
    assert commands.evaluate_engine(manifest, reader.activations, None) == Accuracy.of(3, 5)
    assert reader.asked == [((1, 28, 28, 1), [])] * 5


def test_networks_of_other_images_are_not_evaluated_on_digits(tiny_folder: Path) -> None:
    of_colours = replace(open_folder(tiny_folder).manifest, input_shape=(32, 32, 3))
    with pytest.raises(TrainingError, match="takes images of 32 x 32 x 3; test digits are 28 x 28"):
        commands.evaluate_engine(of_colours, Reader(of_colours).activations, None)
