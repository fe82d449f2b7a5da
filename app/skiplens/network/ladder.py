"""What depth does to networks with the skip and without: the ladder of residual streams and their
plain twins, each from several seeds, with what is seen of them while they are trained.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from skiplens.core.manifest import Accuracy
from skiplens.mnist import Split
from skiplens.network.architectures import KINDS, LADDER, Kind, stream_name
from skiplens.network.checkpoints import EpochReport, Run
from skiplens.network.mnist_download import as_input
from skiplens.network.recipe import RECIPES, Recipe
from skiplens.network.results import Result, add_result, read_results
from skiplens.network.training import OnEpoch, OnStep, hold_out, measure_accuracy, train

SEEDS: Final = 3
GRADIENT_STEPS: Final = (0, 10, 100, 1000)  # and the end
LOSS_EVERY: Final = 50  # steps
_GRADIENT_DIGITS: Final = 256
_OBSERVATIONS_FILE: Final = "observations.json"
_KERNEL: Final = re.compile(r"(stem|block\d+|head)\.\w+/kernel$")

Norms = dict[str, list[float]]


@dataclass(frozen=True)
class Rung:
    """One network of the ladder, from one seed."""

    kind: Kind
    blocks: int
    seed: int

    @property
    def network(self) -> str:
        """Id of the architecture."""
        return stream_name(self.kind, self.blocks)

    @property
    def name(self) -> str:
        """Of the run's folder."""
        return f"{self.network}-seed{self.seed}"

    @property
    def recipe(self) -> Recipe:
        """The network's recipe, from this seed."""
        return replace(RECIPES[self.network], seed=self.seed)


def rungs(seeds: int = SEEDS) -> tuple[Rung, ...]:
    """Every rung: seed by seed, from the lowest up."""
    return tuple(
        Rung(kind, blocks, seed) for seed in range(seeds) for blocks in LADDER for kind in KINDS
    )


class Observer:
    """Keeps the loss and the gradients of a run, so that a resumed run has them too.

    Args:
        folder: of the run.
        digits: the training digits; gradients are taken of the first of them.
        batch_size: of the run.
    """

    def __init__(self, folder: Path, digits: Split, batch_size: int) -> None:
        self._path = folder / _OBSERVATIONS_FILE
        self._digits, self._batch_size = digits, batch_size
        self._window = (0, 0.0)  # digits and sum of losses up to the last that was kept
        self.losses: dict[int, float] = {}
        self.gradients: dict[int, Norms] = {}
        if self._path.is_file():
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            self.losses = {int(step): loss for step, loss in kept["losses"].items()}
            self.gradients = {int(step): norms for step, norms in kept["gradients"].items()}

    def on_step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Keep the mean loss of the last steps."""
        seen = min(step * self._batch_size, len(self._digits))
        if step == 1:
            self._window = (0, 0.0)
        if step % LOSS_EVERY == 0 or step == steps:
            before, total = self._window
            mean = (loss * seen - total) / (seen - before)
            self.losses[(epoch - 1) * steps + step] = round(mean, 5)
            self._window = (seen, loss * seen)
        if step == steps:
            self._keep()

    def on_update(self, network: keras.Model, updates: int, *, last: bool) -> None:
        """Keep the gradients where they are wanted."""
        if last or updates in GRADIENT_STEPS:
            self.gradients[updates] = gradient_norms(network, self._digits[:_GRADIENT_DIGITS])
            self._keep()

    def _keep(self) -> None:
        text = json.dumps({"losses": self.losses, "gradients": self.gradients})
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        draft.write_text(text, encoding="utf-8")
        draft.replace(self._path)


def gradient_norms(network: keras.Model, digits: Split) -> Norms:
    """Norms of the gradient by depth, for a network of the ladder.

    Returns:
        ``stream``: at the stem's output and at each block's, of a digit's loss (cross-entropy), the
        root mean square over digits; ``kernels``: of the mean loss by the kernels of the stem, of
        each block (both of its convolutions together) and of the head.
    """
    names = [layer.name for layer in network.layers if _ends_depth(layer)]
    outputs = [network.get_layer(name).output for name in names]
    model = keras.Model(network.input, [*outputs, network.output])
    kernels: dict[str, list[Any]] = {}
    for weight in network.trainable_variables:
        if match := _KERNEL.search(weight.path):
            kernels.setdefault(match.group(1), []).append(weight.value)
    labels = tf.constant(digits.labels, tf.int32)
    with tf.GradientTape() as tape:
        *stream, probabilities = model(as_input(digits.images), training=False)
        losses = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
        loss = tf.reduce_mean(losses)
    by_stream, by_kernel = tape.gradient(loss, [stream, list(kernels.values())])
    count = len(digits)
    return {
        "stream": [_norm([one]) * count**0.5 for one in by_stream],
        "kernels": [_norm(several) for several in by_kernel],
    }


def _ends_depth(layer: keras.Layer) -> bool:
    return bool(re.fullmatch(r"stem\.conv|block\d+|block\d+\.output", layer.name))


def _norm(gradients: Iterable[NDArray[np.float32]]) -> float:
    total = sum(float(np.sum(np.square(np.asarray(one, np.float64)))) for one in gradients)
    return float(f"{total**0.5:.4g}")


def train_rung(
    rung: Rung,
    data: Split,
    test: Callable[[], Split],
    folder: Path,
    *,
    on_step: OnStep = lambda epoch, step, steps, loss: None,
    on_epoch: OnEpoch = lambda report: None,
) -> tuple[keras.Model, Run, Result]:
    """Train a rung, or resume it, and read the test digits with it once it is trained.

    Args:
        rung: which.
        data: the training digits.
        test: gives the test digits, asked for at the end.
        folder: of the run.
        on_step: as :func:`skiplens.network.training.train` calls it.
        on_epoch: likewise.

    Returns:
        The network, its run and its figures as plain JSON values.
    """
    recipe = rung.recipe
    split, _ = hold_out(data, recipe)
    observer = Observer(folder, split, recipe.batch_size)
    last = recipe.epochs * -(-len(split) // recipe.batch_size)

    def observed_step(epoch: int, step: int, steps: int, loss: float) -> None:
        observer.on_step(epoch, step, steps, loss)
        on_step(epoch, step, steps, loss)

    def observed_update(network: keras.Model, updates: int) -> None:
        observer.on_update(network, updates, last=updates == last)

    network, run = train(
        recipe, data, folder, on_step=observed_step, on_epoch=on_epoch, on_update=observed_update
    )
    digits = test()
    return network, run, _figures(rung, run, observer, measure_accuracy(network, digits))


def _figures(rung: Rung, run: Run, observer: Observer, read: Accuracy) -> Result:
    return {
        "kind": rung.kind,
        "blocks": rung.blocks,
        "seed": rung.seed,
        "commit": run.commit,
        "test_accuracy": {"correct": read.correct, "digits": read.digits},
        "history": {
            "epochs": [_epoch(report) for report in run.history],
            "loss": [{"step": step, "loss": loss} for step, loss in observer.losses.items()],
            "gradients": [{"step": step, **norms} for step, norms in observer.gradients.items()],
        },
    }


def _epoch(report: EpochReport) -> dict[str, Any]:
    return {**vars(report), "loss": round(report.loss, 5), "seconds": round(report.seconds, 1)}


def read_ladder(path: Path) -> list[Result]:
    """The figures of the rungs so far, as :func:`train_rung` gives them.

    Raises:
        TrainingError: the file is damaged or of another recipe.
    """
    return read_results(path, rungs(1)[0].recipe)


def is_measured(rung: Rung, figures: list[Result]) -> bool:
    """Whether a rung's figures are there."""
    known = [(run["kind"], run["blocks"], run["seed"]) for run in figures]
    return (rung.kind, rung.blocks, rung.seed) in known


def add_to_ladder(path: Path, figures: Result) -> None:
    """Add a finished rung's figures to the file."""

    def order(run: Result) -> tuple[int, int, int]:
        return KINDS.index(run["kind"]), run["blocks"], run["seed"]

    add_result(path, rungs(1)[0].recipe, figures, order)
