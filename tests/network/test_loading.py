"""Loading ``.keras`` files: the network as it was saved, or one sentence."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.errors import CompileError
from skiplens.network.tracing import load_instrumented, load_network
from tests.network.tiny import SAVES_WITH_KERAS, Tensor, images, numpy, tiny_network

pytestmark = SAVES_WITH_KERAS


class Unknown(layers.Layer):  # type: ignore[misc]  # keras ships no types
    def call(self, x: Tensor) -> Tensor:
        return x


def test_a_saved_network_is_the_same_when_loaded_and_tapped(tmp_path: Path) -> None:
    network, path = tiny_network(), tmp_path / "network.keras"
    network.save(path)
    wanted = numpy(network(images()))
    assert np.array_equal(numpy(load_network(path)(images())), wanted)
    inputs = {"image": images(), "branch_scales": np.ones((1, 3), np.float32)}
    found = load_instrumented(path).model(inputs)["head.probabilities"]
    np.testing.assert_allclose(numpy(found), wanted, atol=1e-6)


def damaged(folder: Path) -> Path:
    path = folder / "damaged.keras"
    path.write_bytes(b"PK\x03\x04 and no more")
    return path


def empty_archive(folder: Path) -> Path:
    path = folder / "empty.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("nothing.txt", "")
    return path


def of_an_unknown_layer(folder: Path) -> Path:
    path = folder / "unknown.keras"
    keras.Sequential([keras.Input((4,)), Unknown()]).save(path)
    return path


@pytest.mark.parametrize(
    "make", [lambda folder: folder / "missing.keras", damaged, empty_archive, of_an_unknown_layer]
)
def test_what_cannot_be_loaded_is_told_in_one_line(make: type[Path], tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"\.keras is not a Keras network") as caught:
        load_network(make(tmp_path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
