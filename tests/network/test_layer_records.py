"""Records of layers and blocks."""

from collections.abc import Callable
from functools import cache

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.core.manifest import INPUT, LayerInfo
from skiplens.network.architectures import ARCHITECTURES
from skiplens.network.layer_records import describe_layer, spatial
from skiplens.network.recurrent import gates
from skiplens.network.residual import Residual
from skiplens.network.tracing import InstrumentedModel, instrument
from tests.network.tiny import (
    Array,
    Tensor,
    images,
    instrumented,
    numpy,
    randomise,
    sublayers,
)


@pytest.mark.parametrize(
    ("layer", "role"),
    [
        (layers.Conv2D(2, 3), "conv"),
        (layers.BatchNormalization(), "norm"),
        (layers.MaxPooling2D(), "pool"),
        (layers.AveragePooling2D(2), "pool"),
        (layers.GlobalAveragePooling2D(), "pool"),
        (layers.GlobalMaxPooling2D(), "pool"),
        (layers.GlobalMaxPooling1D(), "pool"),
        (layers.GRU(3, return_sequences=True), "states"),
        (layers.Bidirectional(layers.LSTM(3)), "states"),
        (layers.UnitNormalization(), "other"),
        (layers.Activation("sigmoid"), "activation"),
        (layers.Add(), "sum"),
        (layers.ReLU(), "activation"),
        (layers.ReLU(name="block4.output"), "output"),
    ],
)
def test_roles(layer: layers.Layer, role: str) -> None:
    shape = (1, 4, 2) if role == "states" else (1, 4, 4, 2)
    layer.build([shape] * 2 if role == "sum" else shape)
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
    x = layers.Conv2D(4, 3, strides=4, name="stem")(image)
    x = layers.Dropout(0.5)(layers.ReLU(name="relu")(x))
    traced = instrument(randomise(keras.Model(image, layer(x))))
    info = traced.layers[-1]
    return info, float(numpy(traced.model({"image": images(8)})[info.name]).min())


class Own(layers.Layer):  # type: ignore[misc]  # keras ships no types
    """A user's own layer, whose attributes have names of Keras' and meanings of its own."""

    def __init__(self, activation: object, strides: object = None) -> None:
        super().__init__()
        self.activation, self.strides = activation, strides
        self.conv = layers.Conv2D(4, 3)

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.conv.build(shape)

    def call(self, x: Tensor) -> Tensor:
        return self.conv(x if self.activation is None else keras.ops.relu(x))


@pytest.mark.parametrize("activation", [keras.activations.relu, None, "gelu"])
def test_a_users_own_layer_can_apply_its_activation_anywhere(activation: object) -> None:
    info, smallest = last_layer(Own(activation))
    assert (info.activation, info.signed) == (None, True)
    assert smallest < 0


@pytest.mark.parametrize(
    ("layer", "strides", "window"),
    [
        (lambda x: keras.ops.max_pool(x, 2), None, (2, 2)),
        (lambda x: keras.ops.average_pool(x, (2, 1), 3), (3, 3), (2, 1)),
        (lambda x: keras.ops.conv(x, np.ones((2, 2, 4, 3), np.float32), 2), (2, 2), None),
        (layers.Conv2D(3, 2, strides=(2, 1)), (2, 1), None),
        (Own(None, 2), (2, 2), None),
        (Own(None, "2"), None, None),
    ],
)
def test_one_size_is_of_both_axes(
    layer: Callable[[Tensor], Tensor],
    strides: tuple[int, int] | None,
    window: tuple[int, int] | None,
) -> None:
    info, _ = last_layer(layer)
    assert (info.strides, info.window) == (strides, window)


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


NETWORKS = [*ARCHITECTURES, "tiny"]
SCALE = 0.75


def recomputed(info: LayerInfo, given: list[Array], known: dict[str, layers.Layer]) -> Array:
    """What a layer makes of its inputs: by its Keras layer, parts of a block by their formula.

    Every branch that can be switched off is multiplied by :data:`SCALE`.
    """
    if info.kind == "Projection":
        return given[0]
    if info.kind == "Residual":  # a highway's gate is scaled, not its residual
        return given[0] if f"{info.block}.gate" in known else SCALE * given[0]
    if info.kind == "Gate":
        return numpy(SCALE / (1 + np.exp(-given[0])))
    if info.kind == "Highway":
        x, fx, gate = given
        return gate * fx + (1 - gate) * x
    if info.kind == "Add":
        return given[0] + given[1]
    if info.kind == "Dense" and known[info.name].kernel.shape[0] != given[0].shape[-1]:
        given = [given[0].reshape(len(given[0]), -1)]
    name, _, part = info.name.rpartition(".") if info.role == "gate" else (info.name, "", "")
    found = known[name](given[0])
    return numpy(gates(known[name], given[0], found)[part] if part else found)


@cache
def opened(name: str) -> tuple[InstrumentedModel, dict[str, layers.Layer], dict[str, Array]]:
    """A network opened up, its layers by name, and their outputs at branch scales of one half."""
    network, traced = instrumented(name)
    known = {layer.name: layer for layer in sublayers(network)}
    for layer in list(known.values()):
        if isinstance(layer, Residual) and isinstance(layer.merge, layers.Layer):
            known[layer.merge.name] = layer.merge
    given: dict[str, Tensor] = {"image": images(2)}
    if "branch_scales" in traced.model.input:
        given["branch_scales"] = np.full(
            (2, traced.model.input["branch_scales"].shape[-1]), SCALE, np.float32
        )
    found = traced.model(given, training=False)
    return (
        traced,
        known,
        {INPUT: images(2), **{key: numpy(value) for key, value in found.items()}},
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_follows_from_its_inputs(name: str) -> None:
    traced, known, found = opened(name)
    for info in traced.layers:
        assert info.inputs, info.name
        made = recomputed(info, [found[source] for source in info.inputs], known)
        np.testing.assert_allclose(found[info.name], made, rtol=1e-4, atol=1e-5, err_msg=info.name)
    assert traced.layers[0].inputs == (INPUT,)


@pytest.mark.parametrize("name", NETWORKS)
def test_inputs_come_before_what_is_computed_from_them(name: str) -> None:
    seen = {INPUT}
    for info in instrumented(name)[1].layers:
        assert seen.issuperset(info.inputs), info.name
        seen.add(info.name)


def test_a_sum_names_the_identity_first_and_a_gate_last() -> None:
    inputs = {info.name: info.inputs for info in instrumented("tiny")[1].layers}
    assert inputs["block1.sum"] == ("stem.output", "block1.residual")
    assert inputs["block2.sum"] == ("block2.identity", "block2.residual")
    assert inputs["block2.identity"] == ("block2.shortcut",)
    assert inputs["block3.sum"] == ("block2.output", "block3.residual", "block3.gate")
    assert inputs["block3.gate"] == ("block3.gate.conv",)


def test_dropout_and_flattening_are_looked_through() -> None:
    inputs = {info.name: info.inputs for info in instrumented("mnist-classic")[1].layers}
    assert inputs["head.logits"] == ("head.pool",)


@pytest.mark.parametrize("name", NETWORKS)
def test_padding_follows_from_shapes(name: str) -> None:
    traced, known, _ = opened(name)
    shapes = {INPUT: (28, 28, 1), **{info.name: info.shape for info in traced.layers}}
    for info in traced.layers:
        if info.kernel is None or info.strides is None:
            continue
        before = shapes[info.inputs[0]]
        padding = [
            max((info.shape[axis] - 1) * info.strides[axis] + info.kernel[axis] - before[axis], 0)
            for axis in (0, 1)
        ]
        edges = [(added // 2, added - added // 2) for added in padding]
        valid = layers.Conv2D(info.filters, info.kernel, strides=info.strides, use_bias=False)
        valid.build((1, *before))
        layer: Tensor = known[info.name]
        valid.kernel.assign(layer.kernel)
        x = np.random.default_rng(0).normal(size=(1, *before)).astype(np.float32)
        made = numpy(valid(np.pad(x, ((0, 0), *edges, (0, 0)))))
        bias = numpy(layer.bias) if layer.use_bias else 0
        np.testing.assert_allclose(made + bias, numpy(layer(x)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("layer", "activation"),
    [
        (layers.Conv2D(2, 3), None),
        (layers.Conv2D(2, 3, activation="relu"), "relu"),
        (layers.ReLU(), "relu"),
        (layers.Activation("sigmoid"), "sigmoid"),
        (layers.LeakyReLU(), None),
        (layers.Softmax(), "softmax"),
    ],
)
def test_what_a_unit_needs_to_be_worked_out(layer: layers.Layer, activation: str | None) -> None:
    image = keras.Input((28, 28, 1))
    info = instrument(keras.Model(image, layer(image))).layers[-1]
    assert info.activation == activation


def test_windows_dilation_and_epsilon() -> None:
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(2, 3, dilation_rate=(2, 3), name="conv")(image)
    x = layers.BatchNormalization(epsilon=0.5, name="norm")(x)
    x = layers.AveragePooling2D((3, 2), name="pool")(x)
    x = layers.GlobalMaxPooling2D(name="global")(x)
    conv, norm, pool, whole, _ = instrument(keras.Model(image, x)).layers
    assert (conv.dilation, conv.window, conv.epsilon) == ((2, 3), None, None)
    assert (norm.dilation, norm.window, norm.epsilon) == (None, None, 0.5)
    assert (pool.dilation, pool.window, pool.strides) == (None, (3, 2), (3, 2))
    assert (whole.window, whole.strides) == (None, None)


def test_a_norm_of_rows_has_no_epsilon_of_filters() -> None:
    image = keras.Input((6, 6, 6))
    x = layers.BatchNormalization(axis=1, name="rows")(image)
    x = layers.BatchNormalization(axis=3, name="filters")(x)
    rows, filters = instrument(keras.Model(image, x)).layers
    assert (rows.epsilon, filters.epsilon) == (None, 1e-3)
