"""Trains, compiles and evaluates networks for the command line, with progress bars."""

import importlib.util
import json
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from skiplens.core.manifest import NETWORK_FILE, TRAINING_FILE, Accuracy, Manifest
from skiplens.errors import StartupError, TrainingError
from skiplens.network.checkpoints import MODIFIED, code_commit
from skiplens.network.mnist_download import as_input, load_test, load_train

if TYPE_CHECKING:
    from skiplens.network.checkpoints import Run
    from skiplens.network.compiling import RunGraph
    from skiplens.network.recipe import Recipe

_console = Console(stderr=True)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=_console,
    )


def train_network(
    network: str,
    data: Path | None,
    run_folder: Path,
    model_folder: Path,
    hold_out: int | None = None,
) -> None:
    """Train or resume, then write ``network.keras`` and ``training.json`` to the model folder.

    Args:
        network: id of the network.
        data: see :func:`skiplens.network.mnist_download.load_train`.
        run_folder: folder of checkpoints.
        model_folder: folder of the trained network.
        hold_out: number of validation digits; the recipe's number by default.

    Raises:
        TrainingError: the network has no recipe, or the run cannot be resumed.
    """
    _prepare_tensorflow()
    recipe = _recipe(network, hold_out)
    digits = load_train(data)
    from skiplens.network.checkpoints import EpochReport
    from skiplens.network.training import train

    with _progress() as progress:
        epochs = progress.add_task(network, total=recipe.epochs, note="")
        steps = progress.add_task("epoch", total=None, note="")

        def on_step(epoch: int, step: int, total: int, loss: float) -> None:
            note = f"loss {loss:.4f}"
            progress.update(steps, description=f"epoch {epoch}", completed=step, total=total)
            progress.update(steps, note=note)
            progress.update(epochs, completed=epoch - 1)

        def on_epoch(report: EpochReport) -> None:
            validated = report.validation_accuracy
            note = "" if validated is None else f"validation {validated:.2%}"
            progress.update(epochs, completed=report.epoch, note=note)

        try:
            trained, run = train(recipe, digits, run_folder, on_step=on_step, on_epoch=on_epoch)
            progress.update(epochs, completed=len(run.history))
        except KeyboardInterrupt as interrupt:
            raise TrainingError(
                f"interrupted; run the same command to resume from the last epoch in {run_folder}"
            ) from interrupt
    _save(model_folder, trained, run)
    _console.print(
        f"{network} is trained; next, with the same --data and --models: skiplens compile {network}"
    )


def _recipe(network: str, hold_out: int | None) -> "Recipe":
    from skiplens.network.architectures import ARCHITECTURES
    from skiplens.network.recipe import RECIPES

    for known, what in ((RECIPES, "recipe"), (ARCHITECTURES, "architecture")):
        if network not in known:
            raise TrainingError(f"network {network!r} has no {what}; known are {', '.join(known)}")
    recipe = RECIPES[network]
    if str(code_commit()).endswith(MODIFIED):
        _console.print("The code has uncommitted changes; the manifest will record that.")
    return recipe if hold_out is None else replace(recipe, validation=hold_out)


def _save(model_folder: Path, trained: Any, run: "Run") -> None:
    """Write ``network.keras`` and ``training.json``."""
    from skiplens.network.architectures import ARCHITECTURES

    model_folder.mkdir(parents=True, exist_ok=True)
    shipped = ARCHITECTURES[
        run.recipe.network
    ]()  # without the optimizer, twice the weights in size
    shipped.set_weights(trained.get_weights())
    shipped.save(model_folder / NETWORK_FILE)
    record = {
        "recipe": run.recipe.to_dict(),
        "commit": run.commit,
        "history": [vars(report) for report in run.history],
    }
    text = json.dumps(record, indent=1) + "\n"
    (model_folder / TRAINING_FILE).write_text(text, encoding="utf-8")


def compile_folder(
    model_folder: Path, data: Path | None, run_graph: "RunGraph", *, measure: bool
) -> Manifest:
    """Compile a model folder and report deviations from Keras and accuracy."""
    _prepare_tensorflow()
    from skiplens.network.compiling import compile_network

    for name in ("absl", "tensorflow"):  # they warn of intended conversions
        logging.getLogger(name).setLevel(logging.ERROR)
    test = load_test(data) if measure else None
    with _progress() as progress:
        task = progress.add_task(f"compiling {model_folder.name}", total=None, note="")

        def on_step(step: int, steps: int) -> None:
            progress.update(task, completed=step, total=steps, note="test digits")

        manifest = compile_network(model_folder, run_graph, test, on_step)
    for name, graph in manifest.graphs.items():
        _console.print(
            f"{name}: {len(graph.outputs)} outputs agree with Keras to {graph.deviation:.1e}"
        )
    if manifest.test_accuracy is not None:
        _report(manifest.test_accuracy)
    return manifest


class Classifier(Protocol):
    """The part of an engine that evaluation needs."""

    @property
    def manifest(self) -> Manifest:
        """The network's description."""

    def activations(self, image: NDArray[np.float32], branch_scales: NDArray[np.float32]) -> Any:
        """Every layer's output by name."""


def evaluate_engine(engine: Classifier, data: Path | None) -> Accuracy:
    """Classify every test digit with an engine and report the accuracy."""
    test = load_test(data)
    manifest = engine.manifest
    branch_scales = np.ones(len(manifest.disableable_blocks), np.float32)
    last = manifest.layers[-1].name
    correct = 0
    with _progress() as progress:
        task = progress.add_task(manifest.id, total=len(test), note="")
        for image, label in zip(as_input(test.images), test.labels, strict=True):
            correct += int(engine.activations(image[None], branch_scales)[last].argmax() == label)
            progress.update(task, advance=1)
    accuracy = Accuracy.of(correct, len(test))
    _report(accuracy)
    return accuracy


def _report(accuracy: Accuracy) -> None:
    low, high = accuracy.interval
    _console.print(
        f"{accuracy.correct} of {accuracy.digits} test digits: {accuracy.value:.2%} "
        f"(95 % interval {low:.2%} to {high:.2%})"
    )


def _prepare_tensorflow() -> None:
    """Set TensorFlow's environment before import, unless it is set already.

    Silences notes on instruction sets and missing GPUs. Enables oneDNN's convolutions, which are
    faster with AVX2 too; TensorFlow itself takes them only on processors with instructions for
    neural networks.

    Raises:
        StartupError: TensorFlow is not installed.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise StartupError("training and compiling need TensorFlow installed: make setup")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
