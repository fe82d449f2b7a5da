"""Layers from operations that LiteRT differentiates, held against Keras' own."""

from collections.abc import Callable
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from skiplens.core.manifest import GraphInfo
from skiplens.engine.litert import run_once
from skiplens.errors import CompileError
from skiplens.network.differentiable import differentiable
from skiplens.network.litert_graphs import compile_gradients, reference_gradients
from skiplens.network.tracing import instrument
from tests.network.tiny import Array, Tensor, images, numpy, randomise

MAPS, ROWS = (7, 8, 6), (9, 6)
ACTIVATIONS = [
    *("relu", "relu6", "leaky_relu", "elu", "selu", "silu", "gelu", "hard_sigmoid", "hard_silu"),
    *("softplus", "softsign", "log_sigmoid", "mish"),
]
ON_MAPS = [
    *(layers.Activation(name, name=name) for name in ACTIVATIONS),
    layers.ReLU(1.0, negative_slope=0.1, threshold=0.05),
    layers.LeakyReLU(0.3),
    layers.PReLU(alpha_initializer="random_uniform"),
    layers.ELU(0.5),
    layers.MaxPooling2D(2),
    layers.MaxPooling2D(3, strides=2),
    layers.MaxPooling2D(3, strides=2, padding="same"),
    layers.MaxPooling2D((2, 3), strides=(3, 1)),
    layers.AveragePooling2D(3, strides=2),
    layers.AveragePooling2D(3, strides=1, padding="same"),
    layers.DepthwiseConv2D(3, padding="same"),
    layers.DepthwiseConv2D(5, strides=2, padding="same"),
    layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2),
    layers.DepthwiseConv2D(3, dilation_rate=2),
    layers.SeparableConv2D(4, 3, strides=2, padding="same"),
    layers.Conv2D(4, 3, groups=2, padding="same"),
    layers.UpSampling2D((2, 3)),
    layers.UpSampling2D(2, interpolation="bilinear"),
    layers.Resizing(5, 9),
    layers.Cropping2D(((1, 0), (2, 1))),
]
ON_ROWS = [
    layers.MaxPooling1D(3, strides=2, padding="same"),
    layers.AveragePooling1D(2),
    layers.DepthwiseConv1D(3, strides=2, padding="same"),
    layers.SeparableConv1D(4, 3),
    layers.Cropping1D((1, 2)),
    layers.GRU(3, return_sequences=True),
]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(layer, MAPS) for layer in ON_MAPS] + [(layer, ROWS) for layer in ON_ROWS],
    ids=[f"{at}-{layer.name}" for at, layer in enumerate(ON_MAPS + ON_ROWS)],
)
def test_values_and_gradients_are_those_of_the_layer(layer: Tensor, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    tied = np.round(rng.normal(size=(2, *shape)), 1)
    x = tf.constant(tied.astype(np.float32) + 0.03)  # never where a function has a corner
    layer.build((None, *shape))
    entry = keras.Input(shape)
    same = keras.Model(entry, differentiable(layer, entry))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        found, wanted = same(x), layer(x)
    np.testing.assert_allclose(numpy(found), numpy(wanted), rtol=1e-5, atol=1e-6)
    above = tf.constant(rng.normal(size=wanted.shape).astype(np.float32))
    gradient, same_gradient = (numpy(tape.gradient(y, x, above)) for y in (wanted, found))
    np.testing.assert_allclose(same_gradient, gradient, rtol=1e-4, atol=1e-5)


def test_what_litert_differentiates_itself_is_left_alone() -> None:
    maps = keras.Input(MAPS)
    for layer in (
        *(layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Activation("tanh")),
        *(layers.Dense(3), layers.GlobalAveragePooling2D(), layers.Softmax()),
    ):
        assert differentiable(layer, maps) is None


def smooth(x: Tensor) -> Tensor:
    for name in ("gelu", "silu", "elu", "hard_silu", "softplus"):
        x = layers.Conv2D(6, 3, padding="same", activation=name)(x)
    return x


def mobile(x: Tensor) -> Tensor:
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    y = layers.DepthwiseConv2D(3, strides=1, padding="same")(layers.ReLU(6.0)(x))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(y)
    gate = layers.Conv2D(6, 1, activation="sigmoid")(gate)
    x = layers.Add()([x, layers.Multiply()([y, gate])])
    return layers.SeparableConv2D(5, 3, strides=2, padding="same", activation="relu")(x)


def attentive(x: Tensor) -> Tensor:
    rows = layers.Reshape((49, 6))(x)
    rows = layers.Add()([rows, layers.MultiHeadAttention(2, 3)(rows, rows)])
    return layers.Conv1D(4, 3, activation="relu")(layers.LayerNormalization()(rows))


def spread(x: Tensor) -> Tensor:
    x = layers.Concatenate()([x, layers.Conv2D(2, 3, dilation_rate=2, padding="same")(x)])
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(x)
    return layers.AveragePooling2D(3, strides=2)(layers.UpSampling2D(2)(x))


def ending_in_classes(body: Callable[[Tensor], Tensor]) -> keras.Model:
    image = keras.Input((28, 28, 1))
    x = body(layers.Conv2D(6, 3, strides=4, padding="same", name="stem")(image))
    return randomise(keras.Model(image, layers.Dense(5)(layers.Flatten()(x))))


@cache
def target() -> Array:
    return np.eye(5, dtype=np.float32)[[2]]


@pytest.mark.parametrize("body", [smooth, mobile, attentive, spread])
def test_litert_computes_the_gradients_of_keras(body: Callable[[Tensor], Tensor]) -> None:
    network = ending_in_classes(body)
    graph, traced = compile_gradients(network), instrument(network)
    inputs = {"image": images(), "target": target()}
    if "branch_scales" in traced.model.input:
        width = traced.model.input["branch_scales"].shape[-1]
        inputs["branch_scales"] = np.ones((1, width), np.float32)
    info = GraphInfo("x.tflite", graph.inputs, graph.outputs, 0.0)
    found = run_once(graph.content, info, {name: inputs[name] for name in graph.inputs})
    for name, wanted in reference_gradients(network)(inputs).items():
        assert np.linalg.norm(found[name] - wanted) <= 1e-5 * np.linalg.norm(wanted), name


def test_what_litert_cannot_differentiate_is_named() -> None:
    network = ending_in_classes(layers.Lambda(lambda x: ops.cumsum(x[:, ::2, ::2], axis=1)))
    with pytest.raises(CompileError, match=r"LiteRT lacks operation .*StridedSliceGrad"):
        compile_gradients(network)
