"""What depth does to networks with the skip and without: the ladder of residual streams and their
plain twins, each from several seeds, with what is seen of them while they are trained.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from skiplens.core.ladder import KINDS, LADDER, LadderKind, stream_name
from skiplens.mnist import Split
from skiplens.network.checkpoints import Run
from skiplens.network.recipe import RECIPES, Recipe
from skiplens.network.results import Result, add_result, read_results, replace_text
from skiplens.network.training import OnEpoch, OnTrainingStep, hold_out, train

SEEDS: Final = 3
GRADIENT_STEPS: Final = (0, 10, 100, 1000)  # and the end
LOSS_EVERY: Final = 50  # steps
_GRADIENT_DIGITS: Final = 256
_OBSERVATIONS_FILE: Final = "observations.json"
_STREAM: Final = re.compile(r"stem\.conv|block\d+|block\d+\.output")
_KERNEL: Final = re.compile(r"(stem|block\d+|head)\.\w+/kernel$")

Norms = dict[str, list[float]]


@dataclass(frozen=True)
class LadderRun:
    """One network of the ladder, trained from one seed."""

    kind: LadderKind
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


def ladder_runs(seeds: int = SEEDS) -> tuple[LadderRun, ...]:
    """Every run: seed by seed, from the fewest blocks up."""
    return tuple(
        LadderRun(kind, blocks, seed)
        for seed in range(seeds)
        for blocks in LADDER
        for kind in KINDS
    )


_SHARED: Final = ladder_runs(1)[0].recipe  # any: only what all recipes share is used


class Observer:
    """Keeps the loss and the gradients of a run, so that a resumed run has them too.

    Args:
        folder: of the run.
        digits: those trained on; gradients are taken of the first of them.
        recipe: of the run.
    """

    def __init__(self, folder: Path, digits: Split, recipe: Recipe) -> None:
        self._path = folder / _OBSERVATIONS_FILE
        self._digits, self._batch_size = digits, recipe.batch_size
        self._last = recipe.epochs * -(-len(digits) // recipe.batch_size)
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

    def on_update(self, network: keras.Model, updates: int) -> None:
        """Keep the gradients where they are wanted, and at the end."""
        if updates in (*GRADIENT_STEPS, self._last):
            self.gradients[updates] = gradient_norms(network, self._digits[:_GRADIENT_DIGITS])
            self._keep()

    def _keep(self) -> None:
        observed = {"losses": self.losses, "gradients": self.gradients}
        replace_text(self._path, json.dumps(observed))

    def history(self, run: Run) -> dict[str, Any]:
        """The run's epochs, losses and gradients as plain JSON values."""
        reports = [
            replace(one, loss=round(one.loss, 5), seconds=round(one.seconds, 1))
            for one in run.history
        ]
        return {
            "epochs": [asdict(report) for report in reports],
            "loss": [{"step": step, "loss": loss} for step, loss in self.losses.items()],
            "gradients": [{"step": step, **norms} for step, norms in self.gradients.items()],
        }


def gradient_norms(network: keras.Model, digits: Split) -> Norms:
    """Norms of the gradient by depth, for a network of the ladder.

    Returns:
        ``stream``: at the stem's output and at each block's, of a digit's loss (cross-entropy), the
        root mean square over digits; ``kernels``: of the mean loss by the kernels of the stem, of
        each block (both of its convolutions together) and of the head.
    """
    outputs = [layer.output for layer in network.layers if _STREAM.fullmatch(layer.name)]
    model = keras.Model(network.input, [*outputs, network.output])
    kernels: dict[str, list[Any]] = {}
    for weight in network.trainable_variables:
        if match := _KERNEL.search(weight.path):
            kernels.setdefault(match.group(1), []).append(weight.value)
    labels = tf.constant(digits.labels, tf.int32)
    with tf.GradientTape() as tape:
        *stream, probabilities = model(digits.inputs(), training=False)
        losses = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
        loss = tf.reduce_mean(losses)
    by_stream, by_kernel = tape.gradient(loss, [stream, list(kernels.values())])
    count = len(digits)
    return {
        "stream": [_norm([one]) * count**0.5 for one in by_stream],
        "kernels": [_norm(several) for several in by_kernel],
    }


def _norm(gradients: Iterable[NDArray[np.float32]]) -> float:
    total = sum(float(np.sum(np.square(np.asarray(one, np.float64)))) for one in gradients)
    return float(f"{total**0.5:.4g}")


def train_ladder_run(
    ladder_run: LadderRun,
    data: Split,
    test: Callable[[], Split],
    folder: Path,
    *,
    on_step: OnTrainingStep = lambda epoch, step, steps, loss: None,
    on_epoch: OnEpoch = lambda report: None,
) -> tuple[keras.Model, Run, Result]:
    """Train a network of the ladder, or resume it, and read the test digits once it is trained.

    Args:
        ladder_run: which.
        data: the training digits.
        test: gives the test digits, asked for at the end.
        folder: of the run.
        on_step: as :func:`skiplens.network.training.train` calls it.
        on_epoch: likewise.

    Returns:
        The network, its run and its figures as plain JSON values.
    """
    recipe = ladder_run.recipe
    observer = Observer(folder, hold_out(data, recipe)[0], recipe)

    def observed_step(epoch: int, step: int, steps: int, loss: float) -> None:
        observer.on_step(epoch, step, steps, loss)
        on_step(epoch, step, steps, loss)

    network, run = train(
        recipe, data, folder, on_step=observed_step, on_epoch=on_epoch, on_update=observer.on_update
    )
    read = test().accuracy(network.predict_on_batch)
    figures = {
        **asdict(ladder_run),
        "commit": run.commit,
        "test_accuracy": {"correct": read.correct, "digits": read.digits},
        "history": observer.history(run),
    }
    return network, run, figures


def read_ladder(path: Path) -> list[Result]:
    """The figures of the runs so far, as :func:`train_ladder_run` gives them.

    Raises:
        TrainingError: the file is damaged or of another recipe.
    """
    return read_results(path, _SHARED)


def is_measured(ladder_run: LadderRun, figures: list[Result]) -> bool:
    """Whether a run's figures are there."""
    return any(asdict(ladder_run).items() <= run.items() for run in figures)


def add_to_ladder(path: Path, figures: Result) -> None:
    """Add a finished run's figures to the file."""

    def order(run: Result) -> tuple[int, int, int]:
        return KINDS.index(run["kind"]), run["blocks"], run["seed"]

    add_result(path, _SHARED, figures, order)
