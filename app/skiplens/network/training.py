"""Trains a network from its recipe: reproducible, interruptible between epochs, resumable."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from skiplens.core.manifest import Accuracy
from skiplens.errors import TrainingError
from skiplens.mnist import Split
from skiplens.network.architectures import ARCHITECTURES, CLASSES
from skiplens.network.augmentation import augment, redraw
from skiplens.network.checkpoints import EpochReport, Run, read_run, restore, write_run
from skiplens.network.mnist_download import as_input
from skiplens.network.recipe import Phase, Recipe

_NO_DECAY: Final = ("gamma", "beta", "bias")
_READ_AT_A_TIME: Final = 500

OnStep = Callable[[int, int, int, float], None]
OnUpdate = Callable[[keras.Model, int], None]
OnEpoch = Callable[[EpochReport], None]


class _Epoch:
    """One epoch's batches; batch ``i`` is the same whenever it is asked for."""

    def __init__(self, split: Split, recipe: Recipe, number: int) -> None:
        self.number = number
        self._split, self._recipe = split, recipe
        self._order = np.random.default_rng([recipe.seed, 1, number]).permutation(len(split))

    def __len__(self) -> int:
        return _steps(len(self._split), self._recipe)

    def __getitem__(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        size = self._recipe.batch_size
        batch = self._split[self._order[step * size : (step + 1) * size]]
        rng = np.random.default_rng([self._recipe.seed, 2, self.number, step])
        phase, _ = self._recipe.phase_of(self.number)
        images = redraw(as_input(batch.images), batch.labels, phase.augmentation, rng)
        images = augment(images, phase.augmentation, rng)
        return images, np.eye(len(CLASSES), dtype=np.float32)[batch.labels]


def _steps(digits: int, recipe: Recipe) -> int:
    return math.ceil(digits / recipe.batch_size)


def hold_out(train: Split, recipe: Recipe) -> tuple[Split, Split]:
    """The training and the validation part of the 60,000: its first digits and its last.

    The file seems to go from writer to writer: how far a digit slants tells of its neighbours, and
    of digits a few hundred places away no more than of any. So its end is of other hands than its
    beginning, but for those at the cut, as the test digits are (LeCun et al. 1998, section III.A).
    A shuffled split has the same hands on either side.
    """
    kept = len(train) - recipe.validation
    if not 0 < kept <= len(train):
        raise TrainingError(
            f"validation must be between 0 and {len(train) - 1} digits; got {recipe.validation}"
        )
    return train[:kept], train[kept:]


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
        use_ema=recipe.averaging > 0,
        ema_momentum=recipe.averaging,
    )
    optimizer.exclude_from_weight_decay(var_names=list(_NO_DECAY))
    network.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(),
        jit_compile=False,  # on a CPU XLA's convolutions are several times slower than oneDNN's
    )


def read_digits(network: keras.Model, split: Split) -> Accuracy:
    """How many digits of the split the network reads correctly."""
    correct = 0
    for start in range(0, len(split), _READ_AT_A_TIME):
        some = split[start : start + _READ_AT_A_TIME]
        probabilities = network.predict_on_batch(as_input(some.images))
        correct += int(np.sum(np.argmax(probabilities, axis=-1) == some.labels))
    return Accuracy.of(correct, len(split))


def _open_run(folder: Path, recipe: Recipe, steps: int) -> tuple[keras.Model, Run]:
    run = read_run(folder, recipe)
    keras.utils.set_random_seed(recipe.seed)
    network = ARCHITECTURES[recipe.network]()
    if run.history:
        _compile(network, recipe, recipe.phase_of(len(run.history))[0], steps)
        network.optimizer.build(network.trainable_variables)
        restore(network, folder, run)
    return network, run


def _layers_of(network: keras.Model, kind: type[keras.Layer]) -> list[keras.Layer]:
    """The network's layers of a kind, those inside wrappers too."""
    every = network._flatten_layers()  # noqa: SLF001  # no public walk goes into wrappers
    return [layer for layer in every if isinstance(layer, kind)]


def _seed_dropout(network: keras.Model, seed: int, epoch: int) -> None:
    """Checkpoints leave the state of random generators out, so each epoch sets its own."""
    for layer in _layers_of(network, keras.layers.Dropout):
        layer.seed_generator.state.assign([seed, epoch])


def _fit(network: keras.Model, batches: _Epoch, on_step: OnStep, on_update: OnUpdate) -> float:
    """Train on one epoch and give its mean loss.

    Batch by batch: ``fit`` sets a pipeline up for every epoch and waits for its threads at the end.
    """
    loss, seen = 0.0, 0
    before = (batches.number - 1) * len(batches)
    for step in range(len(batches)):
        on_update(network, before + step)
        images, labels = batches[step]
        seen += len(images)
        loss += (float(network.train_on_batch(images, labels)) - loss) * len(images) / seen
        on_step(batches.number, step + 1, len(batches), loss)
    return loss


def _measure_norms(network: keras.Model, digits: Split, batch_size: int) -> None:
    """Give batch norm the mean statistics of clean digits, which is what it is going to see.

    While training they are those of bent digits, and of weights that still moved.
    """
    norms = _layers_of(network, keras.layers.BatchNormalization)
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for step, start in enumerate(range(0, len(digits), batch_size)):
        for norm in norms:
            norm.momentum = step / (step + 1)  # a moving average that is the mean so far
        network(as_input(digits[start : start + batch_size].images), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def train(
    recipe: Recipe,
    data: Split,
    folder: Path,
    *,
    on_step: OnStep = lambda epoch, step, steps, loss: None,
    on_epoch: OnEpoch = lambda report: None,
    on_update: OnUpdate = lambda network, updates: None,
) -> tuple[keras.Model, Run]:
    """Train from the recipe, or resume the run that the folder holds.

    Args:
        recipe: what to do.
        data: the training digits; the validation split is held out of them.
        folder: of the run; created where missing.
        on_step: called with ``(epoch, step, steps, loss so far)``, epoch and step from 1.
        on_epoch: called with each finished epoch, resumed ones not among them.
        on_update: called before each update of the weights with the network and the number of
            updates made, and once more at the end of the run.

    Returns:
        The trained network and its whole run.

    Raises:
        TrainingError: the folder holds another recipe's run or a damaged one, or the recipe holds
            out more digits than there are.
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
        loss = _fit(network, _Epoch(split, recipe, epoch), on_step, on_update)
        if epoch == recipe.epochs:
            network.optimizer.finalize_variable_values(network.trainable_variables)
            _measure_norms(network, split, recipe.batch_size)
            on_update(network, epoch * steps)
        seconds = time.perf_counter() - started
        read = read_digits(network, validation).value if len(validation) else None
        report = EpochReport(epoch, loss, read, seconds)
        run = replace(run, history=(*run.history, report))
        write_run(folder, run, network)
        on_epoch(report)
    return network, run
