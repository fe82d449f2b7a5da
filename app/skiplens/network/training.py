"""Trains a network from its recipe: reproducible, resumable after every epoch."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from skiplens.core.experiment_results import EpochResult
from skiplens.errors import TrainingError
from skiplens.mnist import Split
from skiplens.network.architectures import ARCHITECTURES, CLASSES
from skiplens.network.augmentation import augment, redraw
from skiplens.network.checkpoints import Run, read_run, restore, write_run
from skiplens.network.recipe import Phase, Recipe

_NO_DECAY: Final = ("gamma", "beta", "bias")

OnTrainingStep = Callable[[int, int, int, float], None]
OnUpdate = Callable[[keras.Model, int], None]
OnEpoch = Callable[[EpochResult], None]


def _batches(
    split: Split, recipe: Recipe, epoch: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Augmented digits and one-hot labels of one epoch; batch ``i`` is always the same."""
    order = np.random.default_rng([recipe.seed, 1, epoch]).permutation(len(split))
    phase, _ = recipe.phase_of(epoch)
    for step, start in enumerate(range(0, len(split), recipe.batch_size)):
        batch = split[order[start : start + recipe.batch_size]]
        rng = np.random.default_rng([recipe.seed, 2, epoch, step])
        images = redraw(batch.inputs(), batch.labels, phase.augmentation, rng)
        images = augment(images, phase.augmentation, rng)
        yield images, np.eye(len(CLASSES), dtype=np.float32)[batch.labels]


def hold_out(train: Split, recipe: Recipe) -> tuple[Split, Split]:
    """Split the 60,000 into training digits, the first ones, and validation digits, the last.

    The file seems to be ordered by writer: the slant of a digit correlates with that of its
    neighbours, but not with that of digits a few hundred positions away. The end of the file is
    therefore mostly by other writers than the rest, as are the test digits (LeCun et al. 1998,
    section III.A). A shuffled split would have the same writers on both sides.
    """
    count = len(train) - recipe.validation
    if not 0 < count <= len(train):
        raise TrainingError(
            f"validation must be between 0 and {len(train) - 1} digits; got {recipe.validation}"
        )
    return train[:count], train[count:]


def _compile(network: keras.Model, recipe: Recipe, phase: Phase, steps: int) -> None:
    """Compile the network with a new optimizer for the phase."""
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
        jit_compile=False,  # on a CPU, XLA's convolutions are several times slower than oneDNN's
    )


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
    """The network's layers of a kind, nested ones included."""
    layers = network._flatten_layers()  # noqa: SLF001  # no public method enters wrappers
    return [layer for layer in layers if isinstance(layer, kind)]


def _seed_dropout(network: keras.Model, seed: int, epoch: int) -> None:
    """Seed every epoch: checkpoints do not store the state of random generators."""
    for layer in _layers_of(network, keras.layers.Dropout):
        layer.seed_generator.state.assign([seed, epoch])


def _measure_norms(network: keras.Model, digits: Split, batch_size: int) -> None:
    """Set batch norm's statistics to those of clean digits under the final weights.

    During training they are those of augmented digits and changing weights.
    """
    norms = _layers_of(network, keras.layers.BatchNormalization)
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for step, start in enumerate(range(0, len(digits), batch_size)):
        for norm in norms:
            norm.momentum = step / (step + 1)  # makes the moving average the mean so far
        network(digits[start : start + batch_size].inputs(), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def train(
    recipe: Recipe,
    data: Split,
    folder: Path,
    *,
    on_step: OnTrainingStep = lambda epoch, step, steps, loss: None,
    on_epoch: OnEpoch = lambda report: None,
    on_update: OnUpdate = lambda network, updates: None,
) -> tuple[keras.Model, Run]:
    """Train from the recipe, or resume the run in the folder.

    Args:
        recipe: of the network.
        data: training digits; validation digits are held out of them.
        folder: of the run; created if missing.
        on_step: called with ``(epoch, step, steps, loss so far)``, epoch and step from 1.
        on_epoch: called after each epoch trained by this call.
        on_update: called before each update of the weights with the network and the number of
            updates made, and once more at the end of the run.

    Returns:
        The trained network and its run.

    Raises:
        TrainingError: the folder contains a run of another recipe or a damaged one, or the recipe
            holds out more digits than there are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    split, validation = hold_out(data, recipe)
    steps = math.ceil(len(split) / recipe.batch_size)
    network, run = _open_run(folder, recipe, steps)
    for epoch in range(len(run.history) + 1, recipe.epochs + 1):
        started = time.perf_counter()
        phase, epoch_of_phase = recipe.phase_of(epoch)
        if epoch_of_phase == 1:
            _compile(network, recipe, phase, steps)
        _seed_dropout(network, recipe.seed, epoch)
        loss, seen = 0.0, 0
        # Not by ``fit``, which sets up a pipeline every epoch and waits for its threads.
        for step, (images, labels) in enumerate(_batches(split, recipe, epoch)):
            on_update(network, (epoch - 1) * steps + step)
            seen += len(images)
            loss += (float(network.train_on_batch(images, labels)) - loss) * len(images) / seen
            on_step(epoch, step + 1, steps, loss)
        if epoch == recipe.epochs:
            network.optimizer.finalize_variable_values(network.trainable_variables)
            _measure_norms(network, split, recipe.batch_size)
            on_update(network, epoch * steps)
        seconds = time.perf_counter() - started
        validated = validation.accuracy(network.predict_on_batch).value if len(validation) else None
        report = EpochResult(epoch, loss, validated, seconds)
        run = replace(run, history=(*run.history, report))
        write_run(folder, run, network)
        on_epoch(report)
    return network, run
