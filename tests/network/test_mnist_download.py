"""MNIST from a folder or downloaded."""

from pathlib import Path

import keras
import numpy as np
import pytest

from skiplens.errors import DatasetError
from skiplens.network.mnist_download import load_mnist

RNG = np.random.default_rng(8)
TRAIN = RNG.integers(0, 256, (5, 28, 28), np.uint8), RNG.integers(0, 10, 5, np.uint8)
TEST = RNG.integers(0, 256, (3, 28, 28), np.uint8), RNG.integers(0, 10, 3, np.uint8)


def test_a_source_that_is_named_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=TRAIN[0], y_train=TRAIN[1], x_test=TEST[0], y_test=TEST[1])
    assert np.array_equal(load_mnist("train", path).images, TRAIN[0])
    assert np.array_equal(load_mnist("test", tmp_path).labels, TEST[1])


def test_without_a_source_keras_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: (TRAIN, TEST))
    assert np.array_equal(load_mnist("test").images, TEST[0])
    assert np.array_equal(load_mnist("train").labels, TRAIN[1])


def test_a_failed_download_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise Exception("no way there\nand more")  # as Keras does

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    with pytest.raises(
        DatasetError, match=r"cannot be downloaded \(no way there\); pass its folder with --data"
    ):
        load_mnist("train")
