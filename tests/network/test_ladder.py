"""The ladder: what is seen of a run, the same after an interruption, and its figures on file."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from skiplens.core.ladder import (
    KINDS,
    LADDER,
    LADDER_FILE,
    LADDER_NETWORKS,
    LadderKind,
    stream_name,
)
from skiplens.core.manifest import NETWORK_FILE, TRAINING_FILE
from skiplens.engine.model_folder import open_folder
from skiplens.errors import TrainingError
from skiplens.network import commands, ladder
from skiplens.network.architectures import ARCHITECTURES, stream
from skiplens.network.checkpoints import Run
from skiplens.network.ladder import (
    LadderRun,
    add_to_ladder,
    gradient_norms,
    is_measured,
    read_ladder,
    train_ladder_run,
)
from skiplens.network.recipe import RECIPES, Phase
from skiplens.network.training import hold_out, train
from tests.conftest import MODELS
from tests.network.tiny import SAVES_WITH_KERAS, numpy, randomise
from tests.network.tiny_training import digits, eager_steps

pytestmark = SAVES_WITH_KERAS

Trained = tuple[keras.Model, Run, dict[str, Any]]
RUN = LadderRun("residual", 2, 1)
FIGURES = {
    "kind": "residual",
    "blocks": 2,
    "seed": 1,
    "commit": None,
    "test_accuracy": {"correct": 1, "digits": 2},
    "history": {},
}


@pytest.fixture(autouse=True, scope="module")
def short_recipes() -> Iterator[None]:
    """Two epochs of three steps, looked at often."""
    with pytest.MonkeyPatch.context() as patch, eager_steps():
        for name, recipe in list(RECIPES.items()):
            short = replace(recipe, phases=(Phase(epochs=2),), batch_size=32, validation=20)
            patch.setitem(RECIPES, name, short)
        patch.setattr(ladder, "GRADIENT_STEPS", (0, 4))
        patch.setattr(ladder, "LOSS_EVERY", 2)
        yield


@pytest.fixture(scope="module")
def whole(short_recipes: None, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run without interruption."""
    return train_ladder_run(RUN, digits(), lambda: digits(40), tmp_path_factory.mktemp("whole"))


def without_time(figures: dict[str, Any]) -> dict[str, Any]:
    figures = deepcopy(figures)
    for epoch in figures["history"]["epochs"]:
        del epoch["seconds"]
    return figures


def test_every_run_has_a_recipe_an_architecture_and_three_seeds() -> None:
    runs = ladder.ladder_runs()
    assert len(set(runs)) == len(runs) == 3 * len(LADDER) * len(KINDS)
    assert len({run.name for run in runs}) == len(runs)
    for run in runs:
        assert run.network in ARCHITECTURES
        assert run.recipe == replace(RECIPES[run.network], seed=run.seed)


@pytest.mark.parametrize("network", sorted(LADDER_NETWORKS))
def test_the_network_that_ships_names_every_seed_of_the_ladder(network: str) -> None:
    manifest = open_folder(MODELS / network).manifest
    runs = [
        run
        for run in read_ladder(MODELS / LADDER_FILE)
        if stream_name(run["kind"], run["blocks"]) == network
    ]
    assert {one.seed: one.accuracy.correct for one in manifest.seeds} == {
        run["seed"]: run["test_accuracy"]["correct"] for run in runs
    }
    assert len(manifest.seeds) >= ladder.SEEDS


def test_a_run_is_observed_from_before_its_first_step_to_its_end(
    whole: Trained,
) -> None:
    network, run, figures = whole
    assert (figures["kind"], figures["blocks"], figures["seed"]) == ("residual", 2, 1)
    assert run.recipe.seed == 1
    history = figures["history"]
    assert [epoch["epoch"] for epoch in history["epochs"]] == [1, 2]
    assert [one["step"] for one in history["loss"]] == [2, 3, 5, 6]
    sizes = [64, 16, 64, 16]
    epochs = [
        np.average([one["loss"] for one in history["loss"][at : at + 2]], weights=sizes[:2])
        for at in (0, 2)
    ]
    assert epochs == pytest.approx([epoch["loss"] for epoch in history["epochs"]], abs=1e-4)
    assert [one["step"] for one in history["gradients"]] == [0, 4, 6]
    last = history["gradients"][-1]
    assert last == {"step": 6, **gradient_norms(network, hold_out(digits(), run.recipe)[0])}
    assert figures["test_accuracy"]["digits"] == 40


def test_an_interrupted_run_has_the_same_figures(whole: Trained, tmp_path: Path) -> None:
    def stop(epoch: int, step: int, steps: int, loss: float) -> None:
        if (epoch, step) == (2, 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_ladder_run(RUN, digits(), lambda: digits(40), tmp_path, on_step=stop)
    resumed = train_ladder_run(RUN, digits(), lambda: digits(40), tmp_path)[2]
    assert without_time(resumed) == without_time(whole[2])


def test_observing_changes_nothing(whole: Trained, tmp_path: Path) -> None:
    alone, _ = train(RUN.recipe, digits(), tmp_path)
    for one, other in zip(whole[0].weights, alone.weights, strict=True):
        assert np.array_equal(numpy(one), numpy(other))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_the_loss(kind: LadderKind) -> None:
    network, some = randomise(stream(3, kind)), digits(12)
    norms = gradient_norms(network, some)
    assert len(norms["stream"]) == 4
    assert len(norms["kernels"]) == 5
    pooled = keras.Model(network.input, network.get_layer("head.pool").output)
    error = numpy(network(some.inputs())) - np.eye(10)[some.labels]
    head = numpy(network.get_layer("head.logits").kernel)
    at_last = np.sqrt(np.mean(np.sum((error @ head.T) ** 2, axis=1))) / 14  # a mean of 14 x 14
    assert norms["stream"][-1] == pytest.approx(at_last, rel=1e-3)
    of_head = numpy(pooled(some.inputs())).T @ error / 12
    assert norms["kernels"][-1] == pytest.approx(np.linalg.norm(of_head), rel=1e-3)


def test_the_identity_carries_gradients_unchanged_at_first() -> None:
    norms = gradient_norms(stream(3), digits(12))
    assert norms["stream"] == pytest.approx([norms["stream"][0]] * 4, rel=1e-3)


def test_figures_are_kept_in_the_order_of_the_ladder(tmp_path: Path) -> None:
    path = tmp_path / "ladder.json"
    assert not is_measured(RUN, read_ladder(path))
    plain = {**FIGURES, "kind": "plain"}
    for run in (plain, {**FIGURES, "blocks": 6}, FIGURES):
        add_to_ladder(path, run)
    figures = read_ladder(path)
    assert [(run["kind"], run["blocks"]) for run in figures] == [
        ("residual", 2),
        ("residual", 6),
        ("plain", 2),
    ]
    assert is_measured(RUN, figures)
    assert not is_measured(replace(RUN, seed=0), figures)


def test_the_command_trains_what_has_no_figures_yet_and_keeps_the_first_seeds_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    counts = {"train": 52, "test": 12}
    monkeypatch.setattr(commands, "load_mnist", lambda part, source: digits(counts[part]))
    models = tmp_path / "models"
    models.mkdir()
    add_to_ladder(models / "ladder.json", FIGURES)
    commands.train_ladder(None, tmp_path / "runs", models, ["mnist-stream-2"], 2)
    runs = read_ladder(models / "ladder.json")
    assert [(run["kind"], run["blocks"], run["seed"]) for run in runs] == [
        ("residual", 2, 0),
        ("residual", 2, 1),
    ]
    assert runs[1] == FIGURES
    kept = {path.name for path in (models / "mnist-stream-2").iterdir()}
    assert kept == {NETWORK_FILE, TRAINING_FILE}
    assert "mnist-stream-2-seed0" in capfd.readouterr().err
    with pytest.raises(TrainingError, match="'mnist-resnet' is not on the ladder"):
        commands.train_ladder(None, tmp_path / "runs", models, ["mnist-resnet"], 2)
