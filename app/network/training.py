"""Trains a network from its recipe: reproducible, interruptible between epochs, resumable.

A run lives in a folder of its own: the newest checkpoint (weights and optimizer) and ``run.json``,
which names it. ``run.json`` is replaced in one step, so a run killed at any moment resumes from its
last whole epoch and ends with the weights it would have had without the interruption.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from app.errors import TrainingError
from app.network.architectures import ARCHITECTURES, CLASSES
from app.network.augmentation import augment
from app.network.mnist import Split, as_input
from app.network.provenance import code_commit
from app.network.recipe import Phase, Recipe

STATE_FILE: Final = "run.json"
_NO_DECAY: Final = ("gamma", "beta", "bias")


@dataclass(frozen=True)
class EpochReport:
    """One finished epoch.

    Attributes:
        epoch: counted from 1.
        loss: mean training loss, on bent digits and smoothed labels.
        validation_accuracy: share of the clean validation digits read correctly.
        seconds: of training, without validation.
    """

    epoch: int
    loss: float
    validation_accuracy: float
    seconds: float


OnStep = Callable[[int, int, int, float], None]
OnEpoch = Callable[[EpochReport], None]


class _Epoch(keras.utils.PyDataset):  # type: ignore[misc]  # keras ships no types
    """One epoch's batches; batch ``i`` is the same whenever it is asked for."""

    def __init__(self, split: Split, recipe: Recipe, epoch: int) -> None:
        super().__init__()
        self._split, self._recipe, self._epoch = split, recipe, epoch
        self._order = np.random.default_rng([recipe.seed, 1, epoch]).permutation(len(split))

    def __len__(self) -> int:
        return _steps(len(self._split), self._recipe)

    def __getitem__(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        size = self._recipe.batch_size
        batch = self._split[self._order[step * size : (step + 1) * size]]
        rng = np.random.default_rng([self._recipe.seed, 2, self._epoch, step])
        phase, _ = self._recipe.phase_of(self._epoch)
        images = augment(as_input(batch.images), phase.augmentation, rng)
        return images, np.eye(len(CLASSES), dtype=np.float32)[batch.labels]


class _Progress(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no types
    def __init__(self, epoch: int, steps: int, on_step: OnStep) -> None:
        super().__init__()
        self._epoch, self._steps, self._on_step = epoch, steps, on_step

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._on_step(self._epoch, batch + 1, self._steps, float((logs or {}).get("loss", 0.0)))


def _steps(digits: int, recipe: Recipe) -> int:
    return math.ceil(digits / recipe.batch_size)


def hold_out(train: Split, recipe: Recipe) -> tuple[Split, Split]:
    """The training and the validation part of the 60,000, by the recipe's seed."""
    if not 0 < recipe.validation < len(train):
        raise TrainingError(
            f"validation must be between 1 and {len(train) - 1} digits; got {recipe.validation}"
        )
    order = np.random.default_rng([recipe.seed, 0]).permutation(len(train))
    return train[order[: -recipe.validation]], train[order[-recipe.validation :]]


def _compile(network: keras.Model, recipe: Recipe, phase: Phase, steps: int) -> None:
    """Give the network the phase's fresh optimizer."""
    warmup = round(phase.warmup_epochs * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=phase.learning_rate,
        warmup_steps=warmup,
        decay_steps=max(1, phase.epochs * steps - warmup),
        alpha=phase.floor,
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=recipe.weight_decay,
        use_ema=phase.averaging is not None,
        ema_momentum=phase.averaging or 0.0,
    )
    optimizer.exclude_from_weight_decay(var_names=list(_NO_DECAY))
    network.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        jit_compile=False,  # on a CPU XLA's convolutions are several times slower than oneDNN's
    )


def accuracy(network: keras.Model, split: Split) -> float:
    """Share of the split that the network reads correctly."""
    probabilities = network.predict(as_input(split.images), batch_size=500, verbose=0)
    return float(np.mean(np.argmax(probabilities, axis=-1) == split.labels))


@dataclass(frozen=True)
class Run:
    """A training run so far.

    Attributes:
        recipe: what it follows.
        commit: the code that began it, as :func:`code_commit` says it.
        history: one report an epoch.
    """

    recipe: Recipe
    commit: str | None
    history: tuple[EpochReport, ...] = ()


def _read_run(folder: Path, recipe: Recipe) -> Run:
    path = folder / STATE_FILE
    if not path.is_file():
        return Run(recipe, code_commit())
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        run = Run(recipe, state["commit"], tuple(EpochReport(**one) for one in state["history"]))
        same = state["recipe"] == json.loads(json.dumps(recipe.to_dict()))
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged: {error}") from error
    if not same:
        raise TrainingError(f"{folder} holds a run of another recipe; choose another folder")
    return run


def _checkpoint(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch:03d}.keras"


def _write_run(folder: Path, run: Run, network: keras.Model) -> None:
    newest = _checkpoint(folder, len(run.history))
    network.save(newest)
    state = {
        "recipe": run.recipe.to_dict(),
        "commit": run.commit,
        "history": [vars(report) for report in run.history],
    }
    draft = folder / f"{STATE_FILE}.new"
    draft.write_text(json.dumps(state, indent=2), encoding="utf-8")
    draft.replace(folder / STATE_FILE)
    for old in folder.glob("epoch-*.keras"):
        if old != newest:
            old.unlink()


def _open_run(folder: Path, recipe: Recipe, steps: int) -> tuple[keras.Model, Run]:
    run = _read_run(folder, recipe)
    keras.utils.set_random_seed(recipe.seed)
    network = ARCHITECTURES[recipe.network]()
    if run.history:
        path = _checkpoint(folder, len(run.history))
        if not path.is_file():
            raise TrainingError(f"{folder} names checkpoint {path.name}, which is missing")
        _compile(network, recipe, recipe.phase_of(len(run.history))[0], steps)
        network.optimizer.build(network.trainable_variables)
        network.load_weights(path)
    return network, run


def _seed_dropout(network: keras.Model, seed: int, epoch: int) -> None:
    """Checkpoints leave the state of random generators out, so each epoch sets its own."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.seed_generator.state.assign([seed, epoch])


def _take_average(network: keras.Model, epoch: _Epoch) -> None:
    """Replace the weights by their moving average, and batch norm's statistics, which belong to
    the weights that were, by those of one pass over the epoch's batches.
    """
    network.optimizer.finalize_variable_values(network.trainable_variables)
    for step in range(len(epoch)):
        images, _ = epoch[step]
        network(images, training=True)


def train(
    recipe: Recipe,
    data: Split,
    folder: Path,
    *,
    on_step: OnStep = lambda epoch, step, steps, loss: None,
    on_epoch: OnEpoch = lambda report: None,
) -> tuple[keras.Model, Run]:
    """Train from the recipe, or resume the run that the folder holds.

    Args:
        recipe: what to do.
        data: the training digits; the validation split is held out of them.
        folder: of the run; created where missing.
        on_step: called with ``(epoch, step, steps, loss so far)``, epoch and step from 1.
        on_epoch: called with each finished epoch, resumed ones not among them.

    Returns:
        The trained network and its whole run.

    Raises:
        TrainingError: the folder holds another recipe's run, or a damaged one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    split, validation = hold_out(data, recipe)
    steps = _steps(len(split), recipe)
    network, run = _open_run(folder, recipe, steps)
    for epoch in range(len(run.history) + 1, recipe.epochs + 1):
        started = time.perf_counter()
        phase, epoch_of_phase = recipe.phase_of(epoch)
        if epoch_of_phase == 1:
            _compile(network, recipe, phase, steps)
        _seed_dropout(network, recipe.seed, epoch)
        fitted = network.fit(
            _Epoch(split, recipe, epoch),
            verbose=0,
            shuffle=False,
            callbacks=[_Progress(epoch, steps, on_step)],
        )
        if epoch_of_phase == phase.epochs and phase.averaging is not None:
            _take_average(network, _Epoch(split, recipe, epoch))
        seconds = time.perf_counter() - started
        loss = float(fitted.history["loss"][-1])
        report = EpochReport(epoch, loss, accuracy(network, validation), seconds)
        run = replace(run, history=(*run.history, report))
        _write_run(folder, run, network)
        on_epoch(report)
    return network, run
