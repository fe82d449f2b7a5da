"""A network saved to ``.keras`` and loaded again gives the same outputs, whatever is wrapped."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.network.layers import HighwayGate, Merge, Residual
from tests.network.test_merges import difference, unregistered
from tests.network.test_residual import Scaled, inputs
from tests.network.tiny import SAVES_WITH_KERAS, numpy, randomise

pytestmark = SAVES_WITH_KERAS


def conv(width: int = 3, strides: int = 1) -> layers.Layer:
    return layers.Conv2D(width, 3, strides=strides, padding="same")


def block_model() -> keras.Model:
    entry = keras.Input((6, 6, 3))
    return keras.Model(entry, layers.BatchNormalization()(conv()(entry)))


BLOCKS: dict[str, Callable[[], Residual]] = {
    "add": lambda: Residual(conv()),
    "multiply": lambda: Residual(conv(), merge="multiply"),
    "average": lambda: Residual(conv(), merge="average"),
    "maximum": lambda: Residual(conv(), merge="maximum"),
    "concatenate": lambda: Residual(conv(), merge="concatenate"),
    "highway": lambda: Residual(conv(), merge="highway"),
    "highway of its own": lambda: Residual(conv(), merge=HighwayGate(conv())),
    "registered function": lambda: Residual(conv(), merge=difference),
    "layer as merge": lambda: Residual(conv(), merge=Scaled()),
    "nested": lambda: Residual(Residual(Residual(conv(), merge="highway"), merge="maximum")),
    "projected": lambda: Residual(conv(5, strides=2), shortcut=conv(5, strides=2)),
    "projected highway": lambda: Residual(
        conv(5, 2), merge=HighwayGate(conv(5, 2)), shortcut=conv(5, 2)
    ),
    "model": lambda: Residual(block_model()),
    "sequential": lambda: Residual(
        keras.Sequential([conv(5), layers.ReLU(), Residual(conv(5)), conv(3)])
    ),
}


def saved_and_loaded(network: keras.Model, folder: Path) -> keras.Model:
    path = folder / "network.keras"
    randomise(network).save(path)
    return keras.models.load_model(path)


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("container", ["functional", "sequential"])
def test_outputs_are_the_same(name: str, container: str, tmp_path: Path) -> None:
    if container == "functional":
        entry = keras.Input((6, 6, 3))
        network = keras.Model(entry, BLOCKS[name]()(entry))
    else:
        network = keras.Sequential([keras.Input((6, 6, 3)), BLOCKS[name]()])
    x = inputs(2, 6, 6, 3)
    loaded = saved_and_loaded(network, tmp_path)
    assert np.array_equal(numpy(loaded(x)), numpy(network(x)))
    assert len(loaded.trainable_weights) == len(network.trainable_weights) > 0


def test_masks_survive(tmp_path: Path) -> None:
    recurrent = layers.Bidirectional(layers.LSTM(2, return_sequences=True))
    network = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(9, 4, mask_zero=True),
            Residual(recurrent),
            layers.LSTM(3),
        ]
    )
    tokens = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 7]])
    loaded = saved_and_loaded(network, tmp_path)
    assert np.array_equal(numpy(loaded(tokens)), numpy(network(tokens)))


@pytest.mark.parametrize("merge", [unregistered, lambda x, fx: x])
def test_what_could_not_be_loaded_is_not_saved(merge: Merge, tmp_path: Path) -> None:
    network = keras.Sequential([keras.Input((6, 6, 3)), Residual(conv(), merge=merge)])
    with pytest.raises(ValueError, match="is not registered; decorate it with"):
        network.save(tmp_path / "network.keras")
