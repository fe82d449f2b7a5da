"""What a layer is called in the manifest, and whether its maps can be negative."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.core.manifest import LayerInfo
from skiplens.network.layer_records import describe_layer, spatial
from skiplens.network.tracing import instrument
from tests.network.tiny import Tensor, images, numpy, randomise


@pytest.mark.parametrize(
    ("layer", "role"),
    [
        (layers.Conv2D(2, 3), "conv"),
        (layers.BatchNormalization(), "norm"),
        (layers.MaxPooling2D(), "pool"),
        (layers.AveragePooling2D(2), "pool"),
        (layers.GlobalAveragePooling2D(), "pool"),
        (layers.GlobalMaxPooling2D(), "pool"),
        (layers.Dense(3), "logits"),
        (layers.Dense(3, activation="relu"), "other"),
        (layers.UnitNormalization(), "other"),
        (layers.Activation("sigmoid"), "activation"),
        (layers.Softmax(), "probabilities"),
        (layers.Add(), "sum"),
        (layers.ReLU(), "activation"),
        (layers.ReLU(name="block4.output"), "output"),
    ],
)
def test_roles(layer: layers.Layer, role: str) -> None:
    layer.build([(1, 4, 4, 2)] * 2 if role == "sum" else (1, 4, 4, 2))
    info = describe_layer(layer, (4, 4, 3), block=None, signed=True)
    assert (info.role, info.kind) == (role, type(layer).__name__)


def test_the_block_is_the_one_it_lies_in_or_the_one_that_its_name_tells() -> None:
    def block(name: str, around: str | None) -> str | None:
        return describe_layer(layers.ReLU(name=name), (4,), block=around, signed=True).block

    assert block("block12.relu", None) == "block12"
    assert block("block12.relu", "outer") == "outer"
    assert block("stem.relu", None) is None
    assert block("block12", None) is None


def test_shapes_are_filled_up_to_height_width_and_channels() -> None:
    assert spatial((7, 6, 5)) == (7, 6, 5)
    assert spatial((7, 5)) == (1, 7, 5)
    assert spatial((5,)) == (1, 1, 5)


def last_layer(layer: Callable[[Tensor], Tensor]) -> tuple[LayerInfo, float]:
    """How the layer behind a ReLU and a dropout is described, and its smallest value on noise."""
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=4, name="conv")(image)
    x = layers.Dropout(0.5)(layers.ReLU(name="relu")(x))
    traced = instrument(randomise(keras.Model(image, layer(x))))
    info = traced.layers[-1]
    return info, float(numpy(traced.model({"image": images(8)})[info.name]).min())


@pytest.mark.parametrize(
    "layer", [layers.MaxPooling2D(), layers.GlobalAveragePooling2D(), layers.Softmax()]
)
def test_what_cannot_turn_negative_is_unsigned(layer: layers.Layer) -> None:
    info, smallest = last_layer(layer)
    assert not info.signed
    assert smallest >= 0


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(2, 3),
        layers.BatchNormalization(),
        keras.Sequential([layers.Conv2D(4, 3), layers.ReLU(negative_slope=0.5)]),
        keras.Sequential([layers.Conv2D(4, 3), layers.LeakyReLU()]),
        keras.Sequential([layers.Conv2D(4, 3), layers.MaxPooling2D(2)]),
    ],
)
def test_what_can_is_signed(layer: layers.Layer) -> None:
    info, smallest = last_layer(layer)
    assert info.signed
    assert smallest < 0


def test_figures_of_a_convolution() -> None:
    conv = layers.Conv2D(5, (3, 2), strides=(2, 1))
    conv.build((1, 8, 8, 4))
    info = describe_layer(conv, (3, 7, 5), block=None, signed=True)
    assert (info.kernel, info.strides, info.parameters) == ((3, 2), (2, 1), 3 * 2 * 4 * 5 + 5)
    pooling = describe_layer(layers.MaxPooling2D(2), (3, 7, 5), block=None, signed=True)
    assert (pooling.kernel, pooling.strides, pooling.parameters) == (None, (2, 2), 0)
    assert np.prod(info.shape) == 3 * 7 * 5
