"""Training on a few false digits: reproducible, and the same after an interruption."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest

from skiplens.core.experiment_results import EpochResult
from skiplens.errors import TrainingError
from skiplens.mnist import Split
from skiplens.network.architectures import ARCHITECTURES
from skiplens.network.checkpoints import Run
from skiplens.network.recipe import Phase
from skiplens.network.training import OnTrainingStep, hold_out, train
from tests.network.tiny import SAVES_WITH_KERAS, Array, numpy
from tests.network.tiny_training import RECIPE, digits, eager_steps, network

pytestmark = SAVES_WITH_KERAS


class Whole(NamedTuple):
    network: keras.Model
    run: Run
    folder: Path


@pytest.fixture(autouse=True, scope="module")
def tiny_architecture() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", network)
        yield


@pytest.fixture
def eager() -> Iterator[None]:
    with eager_steps():
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A run without interruption."""
    folder = tmp_path_factory.mktemp("run")
    return Whole(*train(RECIPE, digits(), folder), folder)


def weights(model: keras.Model) -> dict[str, Array]:
    """Every weight by path, the state of random generators left out."""
    return {one.path: numpy(one) for one in model.weights if one.dtype == "float32"}


def figures(run: Run) -> list[EpochResult]:
    return [replace(report, seconds=0.0) for report in run.history]


def stop_at(epoch: int, step: int) -> OnTrainingStep:
    def on_step(at_epoch: int, at_step: int, steps: int, loss: float) -> None:
        if (at_epoch, at_step) == (epoch, step):
            raise KeyboardInterrupt

    return on_step


def test_every_epoch_is_reported(whole: Whole) -> None:
    run = whole.run
    assert [report.epoch for report in run.history] == [1, 2, 3]
    assert all(report.loss > 0 and report.seconds > 0 for report in run.history)
    _, validation = hold_out(digits(), RECIPE)
    assert (
        run.history[-1].validation_accuracy
        == validation.accuracy(whole.network.predict_on_batch).value
    )
    assert run.recipe == RECIPE


def test_an_interrupted_run_ends_with_the_very_same_weights(whole: Whole, tmp_path: Path) -> None:
    for stop in ((2, 1), (3, 2)):
        with pytest.raises(KeyboardInterrupt):
            train(RECIPE, digits(), tmp_path, on_step=stop_at(*stop))
    reports: list[EpochResult] = []
    model, run = train(RECIPE, digits(), tmp_path, on_epoch=reports.append)
    wanted = weights(whole.network)
    assert weights(model).keys() == wanted.keys()
    for path, weight in weights(model).items():
        assert np.array_equal(weight, wanted[path]), path
    assert figures(run) == figures(whole.run)
    assert reports == [run.history[-1]]
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "epoch-003.keras"}


def test_a_finished_run_is_not_trained_again(whole: Whole) -> None:
    again, run = train(RECIPE, digits(), whole.folder, on_step=stop_at(1, 1))
    assert run == whole.run
    for path, weight in weights(whole.network).items():
        assert np.array_equal(weights(again)[path], weight)


@pytest.mark.usefixtures("eager")
def test_steps_are_counted(tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    losses: list[float] = []

    def on_step(epoch: int, step: int, steps: int, loss: float) -> None:
        seen.append((epoch, step, steps))
        losses.append(loss)

    short = replace(RECIPE, phases=(Phase(epochs=1),))
    _, run = train(short, digits(), tmp_path, on_step=on_step)
    assert seen == [(1, 1, 3), (1, 2, 3), (1, 3, 3)]
    assert losses[-1] == run.history[0].loss


@pytest.mark.usefixtures("eager")
def test_the_loss_is_the_mean_over_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[tuple[float, int]] = []
    train_on_batch = keras.Model.train_on_batch

    def recorded(model: keras.Model, images: Array, labels: Array) -> float:
        batches.append((float(train_on_batch(model, images, labels)), len(images)))
        return batches[-1][0]

    monkeypatch.setattr(keras.Model, "train_on_batch", recorded)
    _, run = train(replace(RECIPE, phases=(Phase(epochs=1),)), digits(), tmp_path)
    losses, sizes = zip(*batches, strict=True)
    assert sizes == (32, 32, 16)
    assert run.history[0].loss == pytest.approx(np.average(losses, weights=sizes))


def test_batch_norm_ends_with_the_statistics_of_clean_digits(whole: Whole) -> None:
    kept, _ = hold_out(digits(), RECIPE)
    conv, norm = whole.network.get_layer("stem").layers
    maps = [np.asarray(conv(kept[at : at + 32].inputs())) for at in range(0, 80, 32)]
    means = np.mean([one.mean(axis=(0, 1, 2)) for one in maps], axis=0)
    variances = np.mean([one.var(axis=(0, 1, 2)) for one in maps], axis=0)
    np.testing.assert_allclose(norm.moving_mean, means, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance, variances, rtol=1e-5, atol=1e-6)
    assert norm.momentum == 0.99


def test_held_out_digits_are_never_trained_on() -> None:
    numbered = Split(digits().images, digits().labels)
    numbered.images[:, 0, 0] = np.arange(100)
    kept, out = (set(split.images[:, 0, 0]) for split in hold_out(numbered, RECIPE))
    assert kept == set(range(80))
    assert out == set(range(80, 100))


@pytest.mark.parametrize("count", [-1, 100, 5000])
def test_what_cannot_be_held_out_is_refused(count: int) -> None:
    with pytest.raises(TrainingError, match=rf"between 0 and 99 digits; got {count}"):
        hold_out(digits(), replace(RECIPE, validation=count))


@pytest.mark.usefixtures("eager")
def test_where_none_are_held_out_all_are_trained_on(tmp_path: Path) -> None:
    seen: list[int] = []
    recipe = replace(RECIPE, phases=(Phase(epochs=1),), validation=0)
    _, run = train(recipe, digits(), tmp_path, on_step=lambda *at: seen.append(at[2]))
    assert seen == [4] * 4
    assert run.history[0].validation_accuracy is None
    assert train(recipe, digits(), tmp_path)[1] == run


@pytest.mark.usefixtures("eager")
def test_the_average_of_the_weights_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    momentum = 0.75
    averages: list[list[Array]] = []
    train_on_batch = keras.Model.train_on_batch

    def recorded(model: keras.Model, images: Array, labels: Array) -> float:
        loss = float(train_on_batch(model, images, labels))
        now = [numpy(one).copy() for one in model.trainable_variables]
        last = averages[-1] if averages else now
        pairs = zip(last, now, strict=True)
        averages.append([momentum * one + (1 - momentum) * new for one, new in pairs])
        return loss

    monkeypatch.setattr(keras.Model, "train_on_batch", recorded)
    recipe = replace(RECIPE, phases=(Phase(epochs=3),), averaging=momentum)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, digits(), tmp_path, on_step=stop_at(3, 1))
    del averages[-1]  # that step is taken again
    model, _ = train(recipe, digits(), tmp_path)
    assert len(averages) == 9
    for kept, average in zip(model.trainable_variables, averages[-1], strict=True):
        np.testing.assert_allclose(numpy(kept), average, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("floor", [0.0, 0.25])
def test_the_cosine_ends_at_its_floor(tmp_path: Path, floor: float) -> None:
    phase = Phase(epochs=2, learning_rate=1e-2, warmup_epochs=1.0, floor=floor)
    model, _ = train(replace(RECIPE, phases=(phase,)), digits(), tmp_path)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-2 * floor)
