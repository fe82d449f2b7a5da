"""A live Keras network, opened from Python."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from urllib.request import urlopen

import keras
import numpy as np
import pytest
from keras import layers

import skiplens
from skiplens import open_network
from skiplens.errors import InvalidParameterError, StartupError
from skiplens.network.own_network_files import read_classes
from skiplens.open_network import _file, _listed, _started
from tests.network.tiny import SAVES_WITH_KERAS, numpy, randomise

pytestmark = SAVES_WITH_KERAS


def colour_network() -> keras.Model:
    image = keras.Input((28, 28, 3))
    x = layers.Rescaling(1 / 255, name="shares")(image)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(x)
    x = layers.Add(name="block1_add")([x, layers.Conv2D(4, 3, padding="same", name="branch")(x)])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    output = layers.Dense(3, activation="softmax", name="classes")(x)
    return randomise(keras.Model(image, output, name="colours"))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SKIPLENS_STATE_DIR", str(tmp_path))
    return tmp_path


def test_a_colour_network_is_served_with_its_images(state: Path) -> None:
    network = colour_network()
    image = np.random.default_rng(1).integers(0, 256, (28, 28, 3), np.uint8)
    with skiplens.open(network, [image], classes=["red", "green", "blue"]) as opened:
        assert opened.network.startswith("colours-")
        assert opened.classes == ("red", "green", "blue")
        assert opened.blocks == ("block1",)
        assert opened.url in opened._repr_html_()
        assert opened.show(image)._repr_html_() in opened._repr_html_()
        assert "<svg" not in skiplens.Client(opened.url)._repr_html_(), "a sample is a digit"
        found = opened.activations(image, ["shares", "classes.softmax"])
        np.testing.assert_allclose(found["shares"], image / 255, atol=1e-6)
        wanted = numpy(network(image[None].astype(np.float32)))
        np.testing.assert_allclose(found["classes.softmax"].reshape(1, -1), wanted, atol=1e-5)
        with urlopen(opened.url) as answer:  # noqa: S310  # our own server
            page = answer.read().decode()
    assert "28 by 28 pixels" in page
    assert 'data-colour="#d62728"' in page, "one draws over it in colour"
    assert [path.name for path in (state / "models").iterdir()] == [opened.network]


@pytest.mark.parametrize(
    ("classes", "names"),
    [(["[PAD]", "cat"], ("[PAD]", "cat")), (range(2), ("0", "1")), ((), None)],
    ids=["brackets", "numbers", "none"],
)
def test_classes_may_have_any_names(
    classes: Iterable[object], names: tuple[str, ...] | None, tmp_path: Path
) -> None:
    path = _listed(classes, tmp_path)
    assert (path and read_classes(path)) == names


def test_an_array_of_several_images_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"got one of shape \(1, 28, 28\)"):
        _file(np.zeros((1, 28, 28), np.uint8), tmp_path / "image.png")


@pytest.mark.usefixtures("state")
def test_a_server_outlives_an_interrupt_and_ends_with_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise RuntimeError", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKIPLENS_TOKEN", "secret")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    with skiplens.open() as opened:
        assert opened.networks[0] == "mnist-resnet"
        shown = opened._repr_html_()
        assert shown.count("/user/ada/proxy/") > 3
        assert opened.url not in shown
        server = opened._server  # noqa: SLF001  # a user has no use for it
        assert os.getpgid(server.pid) == server.pid != os.getpgid(0)
        assert server.stdin is not None
        server.stdin.close()  # as when this process is killed
        server.wait(timeout=120)


def test_an_interrupted_start_leaves_no_process_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard output of the server ends when all processes that have it have ended."""
    compiles = "import sys; sys.stdout.write('compiling\\n'); sys.stdout.flush(); sys.stdin.read()"
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {compiles!r}])"
    found: list[subprocess.Popen[str]] = []

    def interrupted(server: subprocess.Popen[str], log: Path) -> str:
        assert server.stdout is not None
        assert server.stdout.readline() == "compiling\n"
        found.append(server)
        raise KeyboardInterrupt

    monkeypatch.setattr(open_network, "_address", interrupted)
    monkeypatch.setattr(open_network, "_end", lambda server: server.wait())  # keeps its input
    with pytest.raises(KeyboardInterrupt):
        _started([sys.executable, "-c", starts], tempfile.TemporaryDirectory(dir=tmp_path))
    with found[0] as server:
        assert server.stdout is not None
        assert server.stdout.read() == ""


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("has 2 outputs; --output tells which one", "has 2 outputs; output= tells which one"),
        ("--size tells height and width: --size 224", "size= tells height and width: size=224"),
        ("can be run first: --with layers.py.", "can be run first: definitions='layers.py'."),
        ("Its code is run with --trust: only", "Its code is run with trust=True: only"),
        ("--with /my-own/a-b.py cannot be run", "definitions='/my-own/a-b.py' cannot be run"),
        ("/runs/a--data/b.keras, --host 1", "/runs/a--data/b.keras, --host 1"),
    ],
)
def test_what_is_refused_names_the_arguments_of_python(said: str, means: str) -> None:
    assert open_network._in_python(said) == means  # noqa: SLF001


def test_what_cannot_be_opened_is_told(state: Path) -> None:
    (state / "words.keras").write_text("no network")
    with pytest.raises(StartupError, match=r"words\.keras is not a Keras network"):
        skiplens.open(state / "words.keras")
