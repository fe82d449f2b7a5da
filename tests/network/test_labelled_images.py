"""Accuracy on labelled images of any kind, and how they are read."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from skiplens.core.grid_image import encode_grey
from skiplens.core.manifest import Accuracy
from skiplens.engine.litert import run_once
from skiplens.engine.model_folder import open_folder
from skiplens.errors import CompileError
from skiplens.network import commands, compiling
from skiplens.network.labelled_images import read_images
from skiplens.network.own_network_files import NetworkOptions, TrustedCode
from tests.core.images import of_phone
from tests.network.tiny import SAVES_WITH_KERAS

pytestmark = SAVES_WITH_KERAS
SHAPE = (10, 12, 3)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Bright and dark images, in folders of their names."""
    for name, tone in (("bright", 230), ("dark", 20)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.full((14, 18, 3), tone + number, np.uint8)
            (tmp_path / "data" / name / f"{number}.png").write_bytes(encode_grey(pixels))
    return tmp_path / "data"


def compiled(
    folder: Path,
    data: Path | None,
    sign: float = 1.0,
    shape: tuple[int, ...] = SHAPE,
    classes: tuple[str, ...] = ("dark", "bright"),
) -> Path:
    """The folder of a network of two classes, the second for brighter images, or with -1 darker."""
    saved, image = folder / "tones.keras", keras.Input(shape)
    x = layers.GlobalAveragePooling2D()(layers.Rescaling(2.0, -1.0)(image))
    model = keras.Model(image, layers.Dense(2, activation="softmax")(x))
    model.layers[-1].set_weights([np.array([[-sign, sign]] * shape[-1]), np.zeros(2)])
    if not saved.exists():  # its id is by content, which another one would have
        model.save(saved)
    return commands.compile_file(
        saved,
        folder / "models",
        data,
        run_once,
        measure=data is not None,
        code=TrustedCode(),
        options=NetworkOptions(classes=classes),
    )


@pytest.mark.parametrize(("sign", "accuracy", "warned"), [(1.0, 1.0, False), (-1.0, 0.0, True)])
def test_the_accuracy_is_measured_on_folders_of_classes(
    labelled: Path,
    tmp_path: Path,
    sign: float,
    accuracy: float,
    warned: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifest = open_folder(compiled(tmp_path, labelled, sign)).manifest
    assert manifest.test_accuracy is not None
    assert (manifest.test_accuracy.value, manifest.test_accuracy.digits) == (accuracy, 40)
    assert manifest.is_near_chance is warned
    assert ("hardly better than a guess" in capsys.readouterr().err) is warned


def test_a_network_of_digits_is_measured_on_folders_of_classes_too(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_digits = partial(compiled, tmp_path, sign=-1.0, shape=(28, 28, 1), classes=())
    with monkeypatch.context() as patched:
        patched.setattr(compiling, "_graphs", lambda *_: pytest.fail("it is converted first"))
        with pytest.raises(CompileError, match="holds no folder of a class, and"):
            compile_digits(data=tmp_path / "none")
    found = open_folder(compile_digits(data=labelled)).manifest
    assert found.test_accuracy == Accuracy.of(40, 40)


def test_data_are_read_from_an_npz_too(tmp_path: Path) -> None:
    images, labels = np.zeros((3, *SHAPE), np.uint8), np.array([[0], [1], [1]])
    np.savez(tmp_path / "data.npz", x_test=images, y_test=labels)
    found = read_images(tmp_path / "data.npz", ("a", "b"))
    assert found.labels == [0, 1, 1]
    assert found.image(0).pixels.shape == SHAPE
    (tmp_path / "wrong.npz").write_bytes(b"no archive")
    with pytest.raises(CompileError, match="holds no x_test"):
        read_images(tmp_path / "wrong.npz", ("a", "b"))
    with pytest.raises(CompileError, match="holds no folder of a class"):
        read_images(tmp_path / "nothing", ("a", "b"))
    for wrong in (np.zeros((3, 2), np.uint8), np.zeros(0, np.uint8)):
        np.savez(tmp_path / "wrong.npz", x_test=images[: len(wrong)], y_test=wrong)
        with pytest.raises(CompileError, match="a label of each"):
            read_images(tmp_path / "wrong.npz", ("a", "b"))


def test_a_phones_photo_of_several_images_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "photo.jpg").write_bytes(of_phone())
    assert read_images(tmp_path, ("a",)).image(0).pixels.shape[:2] == (931, 1024)


def test_a_folder_with_the_name_of_a_class_is_that_class(tmp_path: Path) -> None:
    (tmp_path / ".ipynb_checkpoints").mkdir()
    for name in ("1", "2", "3"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / name / "image.png")
        (tmp_path / name / "._image.png").touch()
    assert read_images(tmp_path, ("1", "2", "3")).labels == [0, 1, 2]
    (tmp_path / "3").rename(tmp_path / "0")
    assert read_images(tmp_path, ("1", "2", "3")).labels == [0, 1, 2]


def test_what_was_compiled_without_images_is_compiled_again_to_measure_it_once(
    labelled: Path, tmp_path: Path
) -> None:
    def found(data: Path | None) -> tuple[Accuracy | None, int]:
        folder = compiled(tmp_path, data)
        written = (folder / "manifest.json").stat().st_mtime_ns
        return open_folder(folder).manifest.test_accuracy, written

    assert found(None)[0] is None
    measured = found(labelled)
    assert measured[0] == Accuracy.of(40, 40)
    assert found(labelled) == found(None) == measured


def test_a_folder_with_the_name_of_two_classes_is_refused(tmp_path: Path) -> None:
    for name in ("crane", "wren"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / name / "image.png")
    classes = ("crane", "wren", "crane")
    with pytest.raises(CompileError, match="a folder crane, but the network has several classes"):
        read_images(tmp_path, classes)
    (tmp_path / "crane").rename(tmp_path / "2")
    assert read_images(tmp_path, classes).labels == [2, 1]
