"""Trains, compiles and evaluates networks for the command line, with progress bars."""

import importlib.util
import json
import logging
import os
import re
import runpy
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from zipfile import is_zipfile

import numpy as np
from numpy.typing import NDArray

from skiplens.core.input_image import SIDE
from skiplens.core.ladder import LADDER_FILE
from skiplens.core.manifest import NETWORK_FILE, SEEDS_FILE, TRAINING_FILE, Accuracy, Manifest
from skiplens.errors import CompileError, SkiplensError, StartupError, TrainingError, install
from skiplens.network.mnist_download import load_mnist
from skiplens.network.own_network_files import (
    NetworkOptions,
    TrustedCode,
    check_file,
    describe_memory,
    is_compiled,
    is_of_mnist,
    network_id,
    only_weights,
)
from skiplens.progress import CONSOLE, progress_bar

if TYPE_CHECKING:
    from skiplens.core.experiment_results import EpochResult
    from skiplens.network.checkpoints import Run
    from skiplens.network.litert_graphs import RunGraph
    from skiplens.network.recipe import Recipe
    from skiplens.network.training import OnEpoch, OnTrainingStep

Activations = Callable[[NDArray[np.float32], NDArray[np.float32]], Any]


def train_network(
    network: str,
    data: Path | None,
    run_folder: Path,
    model_folder: Path,
    hold_out: int | None = None,
    seed: int | None = None,
) -> None:
    """Train or resume, then write ``network.keras`` and ``training.json`` to the model folder.

    With another seed than the recipe's, the network is not saved; its test accuracy is added to
    ``seeds.json`` in the model folder instead, unless ``hold_out`` is set.

    Args:
        network: id of the network.
        data: see :func:`skiplens.network.mnist_download.load_mnist`.
        run_folder: folder of checkpoints.
        model_folder: folder of the trained network.
        hold_out: number of validation digits; the recipe's number by default.
        seed: the recipe's by default.

    Raises:
        TrainingError: the network has no recipe, the run cannot be resumed, or ``seeds.json`` has
            results of another recipe.
    """
    _prepare_tensorflow()
    recipe = _recipe(network, hold_out, seed)
    digits = load_mnist("train", data)
    from skiplens.network.recipe import RECIPES
    from skiplens.network.results import read_results
    from skiplens.network.training import train

    ships = recipe.seed == RECIPES[network].seed
    if not ships:  # before hours are spent on what could not be added
        read_results(model_folder / SEEDS_FILE, RECIPES[network])
    with _training_progress(network, recipe.epochs, run_folder) as (on_step, on_epoch):
        trained, run = train(recipe, digits, run_folder, on_step=on_step, on_epoch=on_epoch)
    if ships:
        _save(model_folder, trained, run)
        CONSOLE.print(
            f"{network} is trained; next, with the same --data and --models: "
            f"skiplens compile {network}"
        )
    elif hold_out is None:
        accuracy = load_mnist("test", data).accuracy(trained.predict_on_batch)
        _add_seed(model_folder / SEEDS_FILE, run, accuracy)


def _add_seed(path: Path, run: "Run", accuracy: Accuracy) -> None:
    """Add a run's test accuracy to the results of its recipe's seeds."""
    from skiplens.network.results import add_result

    counts = {"correct": accuracy.correct, "digits": accuracy.digits}
    result = {"seed": run.recipe.seed, "commit": run.commit, "test_accuracy": counts}
    add_result(path, run.recipe, result, key=lambda entry: entry["seed"])
    _report(accuracy)


@contextmanager
def _training_progress(
    name: str, epochs: int, run_folder: Path
) -> Iterator[tuple["OnTrainingStep", "OnEpoch"]]:
    """Bars for a run's epochs and for the steps of the epoch, moved by the two callbacks.

    Raises:
        TrainingError: the run was interrupted.
    """
    with progress_bar() as progress:
        run_bar = progress.add_task(name, total=epochs, note="")
        epoch_bar = progress.add_task("epoch", total=None, note="")

        def on_step(epoch: int, step: int, steps: int, loss: float) -> None:
            note = f"loss {loss:.4f}"
            progress.update(
                epoch_bar, description=f"epoch {epoch}", completed=step, total=steps, note=note
            )
            progress.update(run_bar, completed=epoch - 1)

        def on_epoch(report: "EpochResult") -> None:
            validated = report.validation_accuracy
            note = "" if validated is None else f"validation {validated:.2%}"
            progress.update(run_bar, completed=report.epoch, note=note)

        try:
            yield on_step, on_epoch
        except KeyboardInterrupt as interrupt:
            raise TrainingError(
                f"interrupted; run the same command to resume from the last epoch in {run_folder}"
            ) from interrupt
        progress.update(run_bar, completed=epochs)


def train_ladder(
    data: Path | None, runs: Path, models: Path, networks: Sequence[str], seeds: int
) -> None:
    """Train and measure every network of the ladder that has no results yet.

    Each finished run's results are added to ``ladder.json`` in the models folder; the network of
    each recipe's own seed is kept in its model folder.

    Args:
        data: as :func:`skiplens.network.mnist_download.load_mnist` takes it.
        runs: folder of training runs.
        models: folder of model folders.
        networks: the only ones to train; all where there are none.
        seeds: how many of each.

    Raises:
        TrainingError: a network is none of the ladder's, the stored results are of another
            recipe, or a run cannot be resumed.
    """
    _prepare_tensorflow()
    from skiplens.network import ladder
    from skiplens.network.recipe import RECIPES

    known = {one.network for one in ladder.ladder_runs()}
    if strange := [name for name in networks if name not in known]:
        raise TrainingError(f"{strange[0]!r} is not on the ladder; there are {', '.join(known)}")
    digits, test = load_mnist("train", data), partial(load_mnist, "test", data)
    path = models / LADDER_FILE
    for one in ladder.ladder_runs(seeds):
        is_chosen = not networks or one.network in networks
        if not is_chosen or ladder.is_measured(one, ladder.read_ladder(path)):
            continue
        recipe, folder = _recipe(one.network, seed=one.seed), runs / one.name
        with _training_progress(one.name, recipe.epochs, folder) as (on_step, on_epoch):
            trained, run, results = ladder.train_ladder_run(
                one, digits, test, folder, on_step=on_step, on_epoch=on_epoch
            )
        ladder.add_to_ladder(path, results)
        if one.seed == RECIPES[one.network].seed:
            _save(models / one.network, trained, run)
        CONSOLE.print(f"{one.name}: ", end="")
        _report(Accuracy.of(**results["test_accuracy"]))


def _recipe(network: str, hold_out: int | None = None, seed: int | None = None) -> "Recipe":
    from skiplens.network.architectures import ARCHITECTURES
    from skiplens.network.checkpoints import MODIFIED, code_commit
    from skiplens.network.recipe import RECIPES

    for known, what in ((RECIPES, "recipe"), (ARCHITECTURES, "architecture")):
        if network not in known:
            raise TrainingError(f"network {network!r} has no {what}; known are {', '.join(known)}")
    recipe = RECIPES[network]
    if str(code_commit()).endswith(MODIFIED):
        CONSOLE.print("The code has uncommitted changes; the manifest will record that.")
    return replace(
        recipe,
        validation=recipe.validation if hold_out is None else hold_out,
        seed=recipe.seed if seed is None else seed,
    )


def _save(model_folder: Path, trained: Any, run: "Run") -> None:
    """Write ``network.keras`` and ``training.json``."""
    from skiplens.network.architectures import ARCHITECTURES

    model_folder.mkdir(parents=True, exist_ok=True)
    shipped = ARCHITECTURES[run.recipe.network]()  # without the optimizer, twice the weights
    shipped.set_weights(trained.get_weights())
    shipped.save(model_folder / NETWORK_FILE)
    text = json.dumps(asdict(run), indent=1) + "\n"
    (model_folder / TRAINING_FILE).write_text(text, encoding="utf-8")


def compile_folder(  # noqa: PLR0913  # one parameter for each part of the request
    model_folder: Path,
    data: Path | None,
    run_graph: "RunGraph",
    *,
    measure: bool,
    code: TrustedCode = TrustedCode(),  # noqa: B008  # it is immutable
    options: NetworkOptions | None = None,
    mnist_alone: bool = False,
) -> Manifest:
    """Compile a model folder and report its input, deviations from Keras and accuracy.

    ``mnist_alone`` tells that ``data`` hold MNIST's digits, on which networks of other images are
    not measured.
    """
    _prepare_tensorflow()
    from skiplens.network.compiling import compile_network
    from skiplens.network.input_contract import described

    _silence_warnings()
    _allow(code)
    labelled = data if measure and not mnist_alone else None
    options = replace(options or NetworkOptions(), data=labelled)
    test = partial(load_mnist, "test", data) if measure else None
    with progress_bar() as progress, _definitions_named(code.definitions):
        task = progress.add_task(f"compiling {model_folder.name}", total=None, note="")

        def on_step(step: int, steps: int) -> None:
            progress.update(task, completed=step, total=steps, note="test images")

        manifest = compile_network(model_folder, run_graph, test, on_step, options)
    CONSOLE.print(f"input: {described(manifest.input, manifest.input_shape)}")
    for name, graph in manifest.graphs.items():
        CONSOLE.print(
            f"{name}: {len(graph.outputs)} outputs agree with Keras to {graph.deviation:.1e}"
        )
    if manifest.no_gradients:
        CONSOLE.print(f"no gradients: {manifest.no_gradients}")
    if manifest.test_accuracy is not None:
        _report(manifest.test_accuracy, manifest.noun)
    if manifest.is_near_chance:
        CONSOLE.print(f"Warning: {CHANCE}")
    return manifest


def compile_file(  # noqa: PLR0913  # one parameter for each part of the request
    path: Path,
    models: Path,
    data: Path | None,
    run_graph: "RunGraph",
    *,
    measure: bool,
    code: TrustedCode,
    options: NetworkOptions | None = None,
    mnist_alone: bool = False,
) -> Path:
    """Compile a user's network into a folder of its own, once; and once more when there are images
    to measure its accuracy on, if there were none.

    Args:
        path: a ``.keras`` or HDF5 file.
        models: folder of model folders; created if missing.
        data: as :func:`skiplens.network.mnist_download.load_mnist` takes it, or
            :func:`skiplens.network.labelled_images.read_images`.
        run_graph: as in :func:`skiplens.network.compiling.compile_network`.
        measure: whether to measure the accuracy on test images.
        code: that may be run to load it.
        options: what the user tells of its input and output.
        mnist_alone: as in :func:`compile_folder`.

    Returns:
        The model folder; nothing is left behind of one that cannot be compiled.

    Raises:
        CompileError: the file is not a network, or not one that can be compiled.
    """
    check_file(path)
    folder = models / network_id(path, options)
    measured = measure and data is not None

    def is_made() -> bool:
        if is_compiled(folder, measured=measured):
            return True
        return mnist_alone and is_compiled(folder, measured=False) and not is_of_mnist(folder)

    if is_made():
        return folder
    CONSOLE.print(describe_memory(path))
    _prepare_tensorflow()
    _allow(code)
    models.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(models)
    with (
        _definitions_named(code.definitions),
        TemporaryDirectory(prefix=f"{_COMPILING}{os.getpid()}-", dir=models) as temporary,
    ):
        made = Path(temporary) / folder.name
        made.mkdir()
        copy = made / NETWORK_FILE
        _copy_network(path, copy)
        try:
            compile_folder(
                made, data, run_graph, measure=measure, options=options, mnist_alone=mnist_alone
            )
        except CompileError as error:
            raise CompileError(str(error).replace(str(copy), str(path))) from error
        except SkiplensError:
            raise
        except Exception as error:  # a network can fail in Keras and TensorFlow in many ways
            raise CompileError(f"{path} cannot be compiled: {_first_line(error)}") from error
        if not is_made():  # by another process meanwhile, which may serve it already
            shutil.rmtree(folder, ignore_errors=True)
            _move(made, folder, is_made)
    return folder


def _move(made: Path, folder: Path, is_made: Callable[[], bool]) -> None:
    """Move a compiled network to its folder, unless another process has just done so.

    Raises:
        CompileError: it cannot be moved.
    """
    try:
        made.rename(folder)
    except OSError as error:
        if not is_made():
            raise CompileError(f"{folder} cannot be written: {error.strerror}") from error


def _allow(code: TrustedCode) -> None:
    """Have Keras run the code that may be run to load a network.

    Raises:
        CompileError: the file of definitions fails.
    """
    import keras

    if code.trusted:
        keras.config.enable_unsafe_deserialization()
    if code.definitions:
        _run(code.definitions)


def _run(definitions: Path) -> None:
    """Run a Python file that defines layers, and have Keras know those that it does not register.

    Raises:
        CompileError: it fails.
    """
    import keras

    try:
        found = runpy.run_path(str(definitions))
    except Exception as error:  # whatever the file raises
        raise CompileError(f"--with {definitions} cannot be run: {_first_line(error)}") from error
    for value in found.values():
        is_layer = isinstance(value, type) and issubclass(value, keras.layers.Layer)
        if is_layer and value.__module__ == found["__name__"]:
            keras.saving.get_custom_objects()[value.__name__] = value


@contextmanager
def _definitions_named(definitions: Path | None) -> Iterator[None]:
    """Where a class is missing although a file of definitions was run, say so."""
    try:
        yield
    except CompileError as error:
        from skiplens.network.tracing import DEFINED_IN, UNKNOWN

        missing = UNKNOWN.search(str(error))
        if definitions is None or missing is None:
            raise
        says = f" {definitions.name} defines no {missing[1]}."
        raise CompileError(str(error).replace(DEFINED_IN, says)) from error


def _first_line(error: Exception) -> str:
    """What an error says, without the words that Keras puts before it."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("Exception encountered")]
    return f"{type(error).__name__}: {(told or ['it says nothing more'])[0]}"


_COMPILING: Final = ".compiling-"  # and the id of the process


def _remove_leftovers(models: Path) -> None:
    """Remove what is left of compiles that the system ended, such as for lack of memory."""
    for folder in models.glob(f"{_COMPILING}*-*"):
        process = folder.name.removeprefix(_COMPILING).partition("-")[0]
        if process.isdigit() and not _runs(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _copy_network(path: Path, target: Path) -> None:
    """Copy a ``.keras`` file; convert an HDF5 file to one. Keras knows it by its suffix."""
    if is_zipfile(path):
        shutil.copyfile(path, target)
        return
    from skiplens.network.tracing import load_network

    named = target.with_suffix(".h5")
    shutil.copyfile(path, named)
    try:
        network = load_network(named)
        _restore_loss(network, named)
        network.save(target)
    except CompileError as error:
        if "model config" in str(error):
            raise only_weights(path) from error
        raise CompileError(str(error).replace(str(named), str(path))) from error
    finally:
        named.unlink()


def _restore_loss(network: Any, path: Path) -> None:
    """Give a network the loss that its HDF5 file tells, which tells what its output means."""
    import h5py
    import keras

    # It is one of the user's own, or one for each output, or the file is odd.
    with suppress(ValueError, TypeError, AttributeError), h5py.File(path) as file:
        loss = json.loads(file.attrs.get("training_config", "{}")).get("loss")
        if loss:
            network.compile(loss=keras.losses.get(loss))


def measure_similarities(models: Path, data: Path | None) -> None:
    """Compare the layers of all compiled networks, and store the result in their manifests.

    Raises:
        CompileError: there is none.
    """
    _prepare_tensorflow()
    from skiplens.network import similarity

    if not similarity.compiled_networks(models):
        raise CompileError(
            f"models folder {models} holds no compiled network to compare; run skiplens compile"
        )
    _silence_warnings()
    test = load_mnist("test", data)
    with progress_bar() as progress:
        task = progress.add_task("networks", total=None, note="")

        def on_step(step: int, steps: int) -> None:
            progress.update(task, completed=step, total=steps)

        found = similarity.measure_similarities(models, test, on_step)
    for name, others in found.items():
        for other in (other for other in others if name < other.network):
            CONSOLE.print(
                f"{name}, {other.network}: CKA of {len(other.layers)} x {len(other.other_layers)} "
                f"layers, {min(map(min, other.cka)):.2f} to {max(map(max, other.cka)):.2f}"
            )


def measure_experiments(model_folder: Path, data: Path | None, names: Sequence[str]) -> None:
    """Measure experiments with a network, and store each result as soon as it is there.

    Args:
        model_folder: holds the network.
        data: as :func:`skiplens.network.mnist_download.load_mnist` takes it.
        names: of the experiments to measure again; without any, those that are missing.

    Raises:
        TrainingError: there is no such experiment or network; or the network has no blocks that
            follow one another, or takes other images than MNIST's digits.
    """
    _prepare_tensorflow()
    from skiplens.network import block_measures

    if not (model_folder / NETWORK_FILE).is_file():
        raise TrainingError(f"there is no network {model_folder.name!r} in {model_folder.parent}")
    if strange := [name for name in names if name not in block_measures.MEASURES]:
        known = ", ".join(block_measures.MEASURES)
        raise TrainingError(f"{strange[0]!r} is not measured; there are {known}")
    test = load_mnist("test", data)
    with progress_bar() as progress:
        task = progress.add_task(model_folder.name, total=None, note="")

        def on_step(name: str, step: int, steps: int) -> None:
            progress.update(task, completed=step, total=steps, note=name)

        block_measures.measure(model_folder, test, names, on_step)


def evaluate_engine(manifest: Manifest, activations: Activations, data: Path | None) -> Accuracy:
    """Classify every test digit with an engine's ``activations`` and report the accuracy.

    Raises:
        TrainingError: the network takes other images.
    """
    if manifest.input_shape != (SIDE, SIDE, 1):
        found = " x ".join(map(str, manifest.input_shape))
        raise TrainingError(
            f"network {manifest.id} takes images of {found}; test digits are {SIDE} x {SIDE} x 1. "
            "Its accuracy on other images is measured by skiplens compile --data"
        )
    test = load_mnist("test", data)
    branch_scales = np.ones(len(manifest.disableable_blocks), np.float32)
    last = manifest.layers[-1].name
    with progress_bar() as progress:
        task = progress.add_task(manifest.id, total=len(test), note="")

        def classify(image: NDArray[np.float32]) -> NDArray[np.float32]:
            progress.update(task, advance=1)
            return np.reshape(activations(image, branch_scales)[last], (1, -1))

        accuracy = test.accuracy(classify, size=1)
    _report(accuracy)
    return accuracy


CHANCE: Final = (
    "that is hardly better than a guess. Either the network gets other values than in training "
    "(see --preprocess), or its classes have another order than the labels."
)


def _report(accuracy: Accuracy, noun: str = "digit") -> None:
    low, high = accuracy.interval
    CONSOLE.print(
        f"{accuracy.correct} of {accuracy.digits} test {noun}s: {accuracy.value:.2%} "
        f"(95 % interval {low:.2%} to {high:.2%})"
    )


def _silence_warnings() -> None:
    """TensorFlow warns of conversions, and of tracing many models, which are intended here."""
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _prepare_tensorflow() -> None:
    """Set TensorFlow's environment before import, unless it is set already.

    Silences notes on instruction sets and missing GPUs. Enables oneDNN's convolutions, which are
    faster with AVX2 too; TensorFlow itself takes them only on processors with instructions for
    neural networks.

    Raises:
        StartupError: TensorFlow is not installed.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise StartupError(f"this needs TensorFlow: {install('tensorflow')}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
