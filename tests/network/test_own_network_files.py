"""A user's network: what its file is, and compiling it once into a folder of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.cli import main
from skiplens.core.manifest import Manifest
from skiplens.engine.litert import LiteRTEngine, run_once
from skiplens.engine.model_folder import open_folder
from skiplens.errors import CompileError
from skiplens.network import commands, own_network_files
from skiplens.network.input_contract import contract, prepared
from skiplens.network.own_network_files import (
    NetworkOptions,
    TrustedCode,
    check_file,
    compile_apart,
    network_id,
)
from skiplens.network.residual import Residual
from skiplens.network.tracing import instrument, load_network
from tests.contracts.readme import OWN_NETWORKS
from tests.idx import shifted_samples, write_test_set
from tests.network.tiny import SAVES_WITH_KERAS, images, numpy, randomise, without_gradients

pytestmark = SAVES_WITH_KERAS


@pytest.fixture(autouse=True)
def known_layers() -> Iterator[None]:
    """The layers that Keras knows are the same again after the test."""
    known = keras.saving.get_custom_objects()
    kept = dict(known)
    yield
    known.clear()
    known.update(kept)


def convnet(*first: layers.Layer, shape: tuple[int, ...] = (28, 28, 1)) -> keras.Model:
    parts = [
        *first,
        layers.Conv2D(3, 3, strides=4, activation="relu", name="conv2d"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax", name="dense"),
    ]
    return randomise(keras.Sequential([keras.Input(shape), *parts]))


def saved(network: keras.Model, folder: Path, name: str = "mine.keras") -> Path:
    network.save(folder / name)
    return folder / name


def compiled(path: Path, allowed: TrustedCode = TrustedCode()) -> Manifest:  # noqa: B008  # immutable
    models = path.parent / "models"
    folder = commands.compile_file(path, models, None, run_once, measure=False, code=allowed)
    return open_folder(folder).manifest


def nothing_is_left(folder: Path) -> bool:
    return not (folder / "models").exists() or not list((folder / "models").iterdir())


@pytest.mark.parametrize("name", ["Mine (2).keras", "mine.h5", "mine.hdf5"])
def test_a_network_is_compiled_once_into_a_folder_of_its_name_and_content(
    name: str, tmp_path: Path
) -> None:
    network = convnet()
    path = saved(network, tmp_path, name)
    manifest = compiled(path)
    assert manifest.id == network_id(path)
    assert manifest.id.startswith("mine")
    assert [layer.name for layer in manifest.layers] == [
        *("conv2d", "conv2d.relu", "dense", "dense.softmax")
    ]
    assert manifest.blocks == ()
    assert set(manifest.graphs) == {"activations", "gradients"}
    made = (tmp_path / "models" / manifest.id / "manifest.json").stat().st_mtime_ns
    assert compiled(path) == manifest
    assert (tmp_path / "models" / manifest.id / "manifest.json").stat().st_mtime_ns == made
    engine = LiteRTEngine(open_folder(tmp_path / "models" / manifest.id), 1, 0)
    found = engine.activations(images(), np.ones(0, np.float32))["dense.softmax"]
    np.testing.assert_allclose(found.reshape(-1), numpy(network(images()))[0], atol=1e-5)


@pytest.mark.parametrize(
    "recurrent",
    [
        lambda: [layers.LSTM(8)],
        lambda: [layers.Dense(8), *(Residual(layers.GRU(8, return_sequences=True)) for _ in "ab")],
    ],
    ids=["a layer", "blocks"],
)
def test_steps_that_a_mask_leaves_out_are_left_out(
    recurrent: Callable[[], list[layers.Layer]], tmp_path: Path
) -> None:
    """As the blank rows above and below a digit."""
    head = [layers.GlobalAveragePooling1D()] if len(parts := recurrent()) > 1 else []
    network = keras.Sequential(
        [keras.Input((28, 28)), layers.Masking(), *parts, *head, layers.Dense(10, "softmax")]
    )
    manifest = compiled(saved(randomise(network), tmp_path))
    engine = LiteRTEngine(open_folder(tmp_path / "models" / manifest.id), 1, 0)
    image = np.zeros((1, 28, 28, 1), np.float32)
    image[:, 6:20, 8:20] = np.random.default_rng(0).random((14, 12, 1))
    ones = np.ones(len(manifest.disableable_blocks), np.float32)
    found = engine.activations(image, ones)[manifest.layers[-1].name]
    np.testing.assert_allclose(found.reshape(-1), numpy(network(image[..., 0]))[0], atol=1e-5)


@pytest.mark.parametrize(
    ("first", "shape", "scale"),
    [
        ([layers.Rescaling(1 / 255)], (28, 28, 1), 255),
        ([layers.Rescaling(1 / 127.5, offset=-1)], (28, 28, 1), 255),
        ([layers.Normalization(mean=33.3, variance=6172.0)], (28, 28, 1), 255),
        ([layers.Normalization(mean=0.13, variance=0.09)], (28, 28, 1), 1),
        ([layers.Reshape((28, 28, 1))], (28, 28), 1),
        ([layers.Reshape((28, 28, 1)), layers.Rescaling(1 / 255)], (784,), 255),
    ],
    ids=["0 to 1", "-1 to 1", "mean of bytes", "mean of shares", "rows", "pixels in a row"],
)
def test_the_input_is_given_as_the_network_takes_it(
    first: list[layers.Layer], shape: tuple[int, ...], scale: float, tmp_path: Path
) -> None:
    network = convnet(*first, shape=shape)
    with without_gradients():
        manifest = compiled(saved(network, tmp_path))
    assert manifest.input_shape == (28, 28, 1)
    assert manifest.input_scale == scale
    engine = LiteRTEngine(open_folder(tmp_path / "models" / manifest.id), 1, 0)
    found = engine.activations(images(), np.ones(0, np.float32))["dense.softmax"]
    wanted = numpy(network(images().reshape(1, *shape) * scale))[0]
    np.testing.assert_allclose(found.reshape(-1), wanted, atol=1e-5)


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the examples of the documentation save, with random weights."""
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(1)
    for found in re.findall(r"^```python\n(.*?)^```$", OWN_NETWORKS, re.MULTILINE | re.DOTALL):
        exec(found.replace('"imagenet"', "None"), {})  # noqa: S102  # the project's own text
    return tmp_path


def test_the_examples_of_the_documentation(examples: Path) -> None:
    convnet = compiled(examples / "convnet.keras")
    assert (convnet.blocks, convnet.input.kind, convnet.no_gradients) == ((), "digit", None)
    resnet = compiled(examples / "resnet20.keras")
    assert [(block.merge, block.rectified) for block in resnet.blocks] == [("add", True)] * 9
    assert [block.identity == block.input for block in resnet.blocks].count(False) == 2
    assert (resnet.input_scale, resnet.input.colours, resnet.no_gradients) == (255, "rgb", None)
    network = load_network(examples / "resnet50.keras")
    expected = contract(network, (224, 224, 3), 1.0, NetworkOptions())
    assert (expected.colours, expected.scale) == ("bgr", (1.0, 1.0, 1.0))
    assert len(instrument(prepared(network, expected, 1.0)).blocks) == 16


def a_folder(folder: Path) -> Path:
    return folder


def a_saved_model(folder: Path) -> Path:
    (folder / "saved_model.pb").write_bytes(b"")
    return folder


def weights(folder: Path) -> Path:
    convnet().save_weights(folder / "mine.weights.h5")
    return folder / "mine.weights.h5"


def text(folder: Path) -> Path:
    (folder / "mine.keras").write_text("weights", encoding="utf-8")
    return folder / "mine.keras"


def archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "mine.keras", "w") as made:
        made.writestr("photo.txt", "")
    return folder / "mine.keras"


def part_of_an_archive(folder: Path) -> Path:
    path = archive(folder)
    path.write_bytes(path.read_bytes()[:-8])
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (a_folder, "is a folder; save the network with model.save"),
        (archive, "is a zip archive, but not a Keras network"),
        (part_of_an_archive, "is damaged: the end of the file is missing"),
    ],
)
def test_what_is_no_network_is_told_for_what_it_is(
    make: Callable[[Path], Path], says: str, tmp_path: Path
) -> None:
    with pytest.raises(CompileError, match=says):
        check_file(make(tmp_path))


def test_a_saved_model_is_told_by_both_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "exported"
    folder.mkdir()
    (folder / "saved_model.pb").touch()
    for command in ("open", "compile"):
        assert run_command(command, folder, monkeypatch=monkeypatch)
        assert "is a TensorFlow SavedModel; save the network with" in capsys.readouterr().err


def test_weights_in_an_hdf5_file_are_told_from_a_network(tmp_path: Path) -> None:
    path = weights(tmp_path).rename(tmp_path / "mine.h5")
    with pytest.raises(CompileError, match="holds weights alone"):
        compiled(path)
    assert nothing_is_left(tmp_path)


def test_every_reason_against_a_network_is_told_at_once(tmp_path: Path) -> None:
    image = keras.Input((32, 32, 4))
    x = layers.Flatten()(layers.Conv2D(2, 3, name="a,layer")(image))
    network = keras.Model(image, [layers.Dense(10)(x), layers.Dense(1)(x)])
    with pytest.raises(CompileError) as caught:
        compiled(saved(network, tmp_path))
    for reason in ("has 2 outputs", "layer 'a,layer' has a name", "takes images of 32 x 32 x 4"):
        assert reason in str(caught.value)
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("last", "says"),
    [
        ([layers.Dense(1, name="one")], "has one output value;"),
        ([layers.Reshape((5, 2))], "has 5 x 2 output values;"),
        ([layers.Dense(10, activation="relu", name="end")], r"ends in layer end\.relu \(ReLU\)"),
    ],
)
def test_what_gives_no_probabilities_is_refused(
    last: list[layers.Layer], says: str, tmp_path: Path
) -> None:
    network = keras.Sequential([keras.Input((28, 28, 1)), *convnet().layers, *last])
    with pytest.raises(CompileError, match=says):
        compiled(saved(network, tmp_path))


def saved_by_a_newer_keras(folder: Path) -> Path:
    path = saved(convnet(), folder)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["metadata.json"] = json.dumps({"keras_version": "99.0.0"}).encode()
    files["config.json"] = files["config.json"].replace(b"Sequential", b"Consecutive")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@keras.saving.register_keras_serializable(package="tests")
class Unknown(layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """A layer of a class that is not there when the network is loaded."""


def with_a_missing_class(folder: Path) -> Path:
    path = saved(convnet(Unknown()), folder)
    keras.saving.get_custom_objects().pop("tests>Unknown", None)
    return path


def of_any_size(folder: Path) -> Path:
    parts = [layers.Conv2D(3, 3), layers.GlobalAveragePooling2D(), layers.Dense(4)]
    return saved(keras.Sequential([keras.Input((None, None, 3)), *parts]), folder)


def of_two_inputs(folder: Path) -> Path:
    inputs = [keras.Input((28, 28, 1)), keras.Input((28, 28, 1))]
    merged = layers.Flatten()(layers.Add()(inputs))
    return saved(keras.Model(inputs, layers.Dense(10)(merged)), folder)


def that_computes_nan(folder: Path) -> Path:
    network = convnet()
    kernel, bias = network.get_layer("conv2d").get_weights()
    network.get_layer("conv2d").set_weights([np.full_like(kernel, np.nan), bias])
    return saved(network, folder)


BAD_INPUT = {
    "not a model": (text, "mine.keras is not a Keras network: neither a .keras nor an HDF5 file"),
    "missing": (lambda folder: folder / "none.keras", "none.keras cannot be read: No such file"),
    "SavedModel": (lambda folder: renamed(a_saved_model(folder)), "is a TensorFlow SavedModel"),
    "weights": (weights, "holds weights alone, without the layers they belong to"),
    "a newer format": (saved_by_a_newer_keras, "was saved by Keras 99.0.0, whose format Keras "),
    "missing class": (with_a_missing_class, "can be run first: --with layers.py"),
    "Lambda": (
        lambda folder: saved(convnet(layers.Lambda(lambda x: x * 2.0)), folder),
        "mine.keras is not a Keras network that can be loaded: a Lambda layer in it is code. Its c",
    ),
    "any size": (of_any_size, "; --size tells height and width: --size 224"),
    "two inputs": (of_two_inputs, "must be a functional or sequential model of one image"),
    "NaN": (that_computes_nan, "layer conv2d computes a value that is NaN or infinite"),
}


def renamed(folder: Path) -> Path:
    return folder.rename(folder.with_name("saved.keras"))


def run_command(*arguments: object, monkeypatch: pytest.MonkeyPatch) -> object:
    """The exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["skiplens", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_ends_in_one_sentence_and_leaves_nothing_behind(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make, says = BAD_INPUT[name]
    (tmp_path / "files").mkdir()
    path, models = make(tmp_path / "files"), tmp_path / "models"
    command = ("compile", path, "--models", models, "--no-measure")
    assert run_command(*command, monkeypatch=monkeypatch) == 2
    *_, last = capfd.readouterr().err.strip().splitlines()
    assert last.startswith("skiplens: ")
    assert says in last
    assert nothing_is_left(tmp_path)


def done(command: str, *arguments: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model folder that a command has compiled, which must be the only one."""
    models = arguments[arguments.index("--models") + 1]
    assert run_command(command, *arguments, monkeypatch=monkeypatch) in (None, 0)
    (folder,) = Path(str(models)).iterdir()
    return folder


@pytest.mark.parametrize("made_as", ["mine.keras", "mine.h5"])
def test_a_file_of_any_suffix_is_compiled(
    made_as: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(convnet(), tmp_path, made_as).rename(tmp_path / "Mine.KERAS")
    given = (path, "--models", tmp_path / "models", "--no-measure")
    folder = done("compile", *given, monkeypatch=monkeypatch)
    assert folder.name == network_id(path)
    assert open_folder(folder).manifest.id == folder.name
    assert not list(folder.glob("*.h5"))


def test_a_folder_compiled_again_takes_what_is_told_and_keeps_what_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definitions, names = tmp_path / "layers.py", tmp_path / "names.txt"
    definitions.write_text(OWN_LAYER, encoding="utf-8")
    known: dict[str, Callable[..., layers.Layer]] = {}
    exec(OWN_LAYER, known)  # noqa: S102  # the test's own
    models = tmp_path / "models"
    (models / "mine").mkdir(parents=True)
    first = layers.Lambda(lambda x: x * 2.0)
    saved(convnet(first, known["Twice"]()), models / "mine", "network.keras")
    del keras.saving.get_custom_objects()["mine>Twice"]
    names.write_text("\n".join("abcdefghij"), encoding="utf-8")
    given = ("mine", "--models", models, "--no-measure", "--trust", "--with", definitions)
    told = ("--classes", names, "--kind", "image", "--preprocess", "tf")
    manifest = open_folder(done("compile", *given, *told, monkeypatch=monkeypatch)).manifest
    assert manifest.classes == tuple("abcdefghij")
    assert (manifest.input.kind, manifest.input.offset) == ("image", (-1.0,))
    manifest = open_folder(done("compile", *given, monkeypatch=monkeypatch)).manifest
    assert (manifest.classes, manifest.input.kind) == (tuple("abcdefghij"), "image")


@pytest.mark.parametrize(("shape", "measured"), [((28, 28, 1), 240), ((12, 12, 1), None)])
def test_the_variable_for_mnist_measures_networks_of_digits_alone(
    shape: tuple[int, ...],
    measured: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SKIPLENS_MNIST", str(write_test_set(tmp_path / "mnist", shifted_samples())))
    path, models = saved(convnet(shape=shape), tmp_path), tmp_path / "models"
    folder = done("compile", path, "--models", models, monkeypatch=monkeypatch)
    accuracy = open_folder(folder).manifest.test_accuracy
    assert (accuracy and accuracy.digits) == measured
    made = (folder / "manifest.json").stat().st_mtime_ns
    done("compile", path, "--models", models, monkeypatch=monkeypatch)
    assert (folder / "manifest.json").stat().st_mtime_ns == made
    if measured is None:
        (folder / "manifest.json").touch()
        done("compile", folder.name, "--models", models, monkeypatch=monkeypatch)
        assert open_folder(folder).manifest.test_accuracy is None


@pytest.mark.parametrize("wins", [False, True])
def test_of_two_that_compile_one_file_at_once_the_first_keeps_its_folder(
    wins: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, models = saved(convnet(), tmp_path), tmp_path / "models"
    folder = models / network_id(path)
    compile_folder: Callable[..., object] = commands.compile_folder

    def first(source: Path) -> None:
        shutil.copytree(source, folder)
        (folder / "in use").touch()

    def compile_both(made: Path, *given: Any, **options: Any) -> None:  # noqa: ANN401  # as they came
        compile_folder(made, *given, **options)
        if not wins:
            first(made)

    def remove(removed: object, *given: Any, **options: Any) -> None:  # noqa: ANN401  # as they came
        rmtree(removed, *given, **options)
        if wins and removed == folder:
            first(next(models.glob(".compiling-*/*")))

    rmtree: Callable[..., None] = shutil.rmtree
    monkeypatch.setattr(commands, "compile_folder", compile_both)
    monkeypatch.setattr(shutil, "rmtree", remove)
    compiled(path)
    assert (folder / "in use").exists()
    assert list(models.iterdir()) == [folder]


def test_too_little_memory_is_told_before_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(own_network_files, "_available_memory", lambda: 100 << 20)
    path = saved(convnet(), tmp_path)
    command = ("compile", path, "--models", tmp_path / "models", "--no-measure")
    assert run_command(*command, monkeypatch=monkeypatch) == 2
    assert capfd.readouterr().err.strip() == (
        f"skiplens: compiling {path} takes 0.6 GB of memory at least; 0.1 GB are available"
    )
    assert nothing_is_left(tmp_path)


def test_a_compile_that_the_system_ends_is_told_and_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(convnet(), tmp_path)
    killed = subprocess.CompletedProcess[bytes]([], -9)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: killed)
    with pytest.raises(CompileError, match=r"was killed by signal 9, .* takes up to 0\.6 GB"):
        compile_apart(path, tmp_path / "models", None, NetworkOptions(), None, TrustedCode())
    left, running = (
        tmp_path / "models" / f".compiling-{process}-x" for process in (2**22 + 1, os.getpid())
    )
    left.mkdir(parents=True)
    running.mkdir()
    compiled(path)
    assert not left.exists()
    assert running.exists()


OWN_LAYER = """
import keras

@keras.saving.register_keras_serializable(package="mine")
class Twice(keras.layers.Layer):
    def call(self, x):
        return x * 2.0
"""


UNREGISTERED_LAYER = OWN_LAYER.replace("@keras", "# @keras")


@pytest.mark.parametrize("source", [OWN_LAYER, UNREGISTERED_LAYER], ids=["registered", "plain"])
@pytest.mark.parametrize("name", ["mine.keras", "mine.h5"])
def test_a_file_can_define_the_networks_own_layers(source: str, name: str, tmp_path: Path) -> None:
    definitions, other = tmp_path / "layers.py", tmp_path / "other.py"
    definitions.write_text(source, encoding="utf-8")
    other.write_text("import math", encoding="utf-8")
    defined: dict[str, Any] = {"__name__": "own"}
    exec(source, defined)  # noqa: S102  # the test's own
    path = saved(convnet(defined["Twice"](name="twice")), tmp_path, name)
    keras.saving.get_custom_objects().pop("mine>Twice", None)
    with pytest.raises(CompileError, match=r"can be run first: --with layers\.py"):
        compiled(path)
    with pytest.raises(CompileError, match=r"Twice'\. other\.py defines no (mine>)?Twice\.$"):
        compiled(path, TrustedCode(definitions=other))
    assert "twice" in [
        layer.name for layer in compiled(path, TrustedCode(definitions=definitions)).layers
    ]


def test_a_file_of_layers_that_fails_is_told(tmp_path: Path) -> None:
    definitions = tmp_path / "layers.py"
    path = saved(convnet(), tmp_path)
    with pytest.raises(CompileError, match=r"layers\.py cannot be run: FileNotFoundError: "):
        compiled(path, TrustedCode(definitions=definitions))
    definitions.write_text("import nothing_of_that_name", encoding="utf-8")
    with pytest.raises(CompileError, match=r"layers\.py cannot be run: ModuleNotFoundError: No "):
        compiled(path, TrustedCode(definitions=definitions))
    assert nothing_is_left(tmp_path)


def test_the_memory_is_told_and_too_little_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled(saved(convnet(), tmp_path))
    assert "compiling mine.keras takes up to 0.6 GB of memory" in capsys.readouterr().err
    monkeypatch.setattr(own_network_files, "_available_memory", lambda: 1 << 28)
    with pytest.raises(
        CompileError, match=r"takes 0\.6 GB of memory at least; 0\.2 GB are available"
    ):
        compiled(saved(convnet(layers.Rescaling(1 / 255)), tmp_path))
