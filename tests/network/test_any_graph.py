"""Networks that know nothing of skiplens: functional graphs, nested models, shared layers."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers, ops

from skiplens.network.tracing import InstrumentedModel, instrument
from tests.network.tiny import Array, Tensor, images, numpy, randomise


def head(x: Tensor) -> Tensor:
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return layers.Dense(10, activation="softmax", name="predictions")(x)


def tutorial_convnet() -> keras.Model:
    parts = [
        layers.Conv2D(4, 3, activation="relu", name="conv2d"),
        layers.MaxPooling2D(2),
        layers.Conv2D(6, 3, activation="relu", name="conv2d_1"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax", name="dense"),
    ]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


def lenet() -> keras.Model:
    parts = [
        layers.Conv2D(6, 5, padding="same", activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation="tanh"),
        layers.Dense(84, activation="tanh"),
        layers.Dense(10, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


def unit(x: Tensor, width: int, strides: int, name: str) -> Tensor:
    """A block of He et al. 2015 as keras.applications writes it, its shortcut first."""
    shortcut = x
    if strides > 1:
        shortcut = layers.Conv2D(width, 1, strides=strides, name=f"{name}_0_conv")(x)
        shortcut = layers.BatchNormalization(name=f"{name}_0_bn")(shortcut)
    x = layers.Conv2D(width, 3, strides=strides, padding="same", name=f"{name}_1_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_1_bn")(x)
    x = layers.Activation("relu", name=f"{name}_1_relu")(x)
    x = layers.Conv2D(width, 3, padding="same", name=f"{name}_2_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_2_bn")(x)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def functional_resnet() -> keras.Model:
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="conv1")(image)
    x = unit(x, 4, 1, "conv2")
    x = unit(x, 6, 2, "conv3")
    return keras.Model(image, head(x))


def by_operators() -> keras.Model:
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=4, padding="same", name="stem")(image)
    x = ops.relu(x + layers.Conv2D(4, 3, padding="same", name="branch")(x))
    return keras.Model(image, head(x))


def dense_block() -> keras.Model:
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=4, padding="same", name="stem")(image)
    for number in (1, 2):
        grown = layers.Conv2D(3, 3, padding="same", activation="relu", name=f"grow{number}")(x)
        x = layers.Concatenate(name=f"concat{number}")([x, grown])
    return keras.Model(image, head(x))


def squeeze_and_excite() -> keras.Model:
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=4, padding="same", activation="relu", name="stem")(image)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = layers.Dense(2, activation="relu", name="reduce")(gate)
    gate = layers.Dense(4, activation="sigmoid", name="excite")(gate)
    return keras.Model(image, head(layers.Multiply(name="scaled")([x, gate])))


def inception() -> keras.Model:
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=4, padding="same", activation="relu", name="stem")(image)
    ways = [layers.Conv2D(3, size, padding="same", activation="relu")(x) for size in (1, 3, 5)]
    return keras.Model(image, head(layers.Concatenate()(ways)))


def shared_layers() -> keras.Model:
    image = keras.Input((28, 28, 1))
    conv = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")
    x = layers.Conv2D(4, 3, strides=4, padding="same", name="stem")(image)
    return keras.Model(image, head(layers.Add(name="add")([x, conv(conv(x))])))


def separable() -> keras.Model:
    parts = [
        layers.Rescaling(1 / 255),
        layers.DepthwiseConv2D(3, strides=2, activation="relu"),
        layers.SeparableConv2D(6, 3, activation="gelu"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(10),
    ]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


def of_rows() -> keras.Model:
    parts = [
        layers.Reshape((28, 28)),
        layers.Conv1D(8, 3, activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(10, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


def perceptron() -> keras.Model:
    parts = [layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dense(10)]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


NETWORKS = [
    *(tutorial_convnet, lenet, functional_resnet, by_operators, dense_block, squeeze_and_excite),
    *(inception, shared_layers, separable, of_rows, perceptron),
]


def traced_outputs(traced: InstrumentedModel, scale: float = 1.0) -> dict[str, Array]:
    given: dict[str, Array] = {"image": images(2)}
    if "branch_scales" in traced.model.input:
        width = traced.model.input["branch_scales"].shape[-1]
        given["branch_scales"] = np.full((2, width), scale, np.float32)
    return {name: numpy(value) for name, value in traced.model(given, training=False).items()}


def softmax(x: Array) -> Array:
    return numpy(ops.softmax(x))


@pytest.mark.parametrize("make", NETWORKS)
def test_the_last_layer_is_the_networks_own_output(make: Callable[[], keras.Model]) -> None:
    network = randomise(make())
    traced = instrument(network, paths=True)
    found = traced_outputs(traced)
    wanted = numpy(network(images(2) * traced.input_scale, training=False))
    if make in (separable, perceptron):  # which leave the softmax to their loss
        wanted = softmax(wanted)
    np.testing.assert_allclose(found[traced.layers[-1].name], wanted, atol=1e-5)
    assert traced.layers[-1].role == "probabilities"
    assert traced.logits
    np.testing.assert_allclose(softmax(found[traced.logits]), wanted, atol=1e-5)


@pytest.mark.parametrize("make", NETWORKS)
def test_what_is_said_to_be_never_negative_is_so(make: Callable[[], keras.Model]) -> None:
    traced = instrument(randomise(make()))
    found = traced_outputs(traced)
    for layer in traced.layers:
        assert layer.signed or found[layer.name].min() >= 0, layer.name


@pytest.mark.parametrize("make", [functional_resnet, by_operators, shared_layers])
def test_a_sum_is_x_plus_f_and_leaves_x_without_its_branch(
    make: Callable[[], keras.Model],
) -> None:
    traced = instrument(randomise(make()))
    whole, without = traced_outputs(traced), traced_outputs(traced, 0.0)
    assert traced.blocks
    for block in traced.blocks:
        assert block.merge == "add"
        assert block.can_disable
        assert block.sum
        assert block.identity
        total = whole[block.identity] + whole[block.residual]
        np.testing.assert_allclose(whole[block.sum], total, atol=1e-5)
        np.testing.assert_array_equal(without[block.sum], without[block.identity])


def test_the_parts_of_functional_blocks() -> None:
    first, second = instrument(functional_resnet()).blocks
    assert (first.name, first.input, first.identity) == ("block1", "conv1", "conv1")
    assert (first.residual, first.sum, first.output) == (
        "block1.residual",
        "conv2_add",
        "conv2_out",
    )
    assert (second.name, second.input, second.identity) == ("block2", "conv2_out", "conv3_0_bn")


def test_every_layer_between_x_and_the_output_belongs_to_its_block() -> None:
    blocks = {layer.name: layer.block for layer in instrument(functional_resnet()).layers}
    assert blocks["conv1"] is None
    assert {blocks[name] for name in blocks if name.startswith("conv2")} == {"block1"}
    assert {blocks[name] for name in blocks if name.startswith("conv3")} == {"block2"}
    assert blocks["predictions"] is None


def test_an_activation_is_split_from_the_layer_that_applies_it() -> None:
    traced = instrument(randomise(tutorial_convnet()))
    found = traced_outputs(traced)
    for conv, relu in (("conv2d", "conv2d.relu"), ("conv2d_1", "conv2d_1.relu")):
        assert found[conv].min() < 0
        assert np.array_equal(found[relu], np.maximum(found[conv], 0))
    by_name = {layer.name: layer for layer in traced.layers}
    assert by_name["conv2d"].activation is None
    assert by_name["conv2d.relu"].inputs == ("conv2d",)
    assert [(layer.name, layer.role) for layer in traced.layers[-2:]] == [
        ("dense", "logits"),
        ("dense.softmax", "probabilities"),
    ]


def test_concatenation_appends_the_new_filters_to_x() -> None:
    traced = instrument(randomise(dense_block()))
    found = traced_outputs(traced)
    assert [(block.merge, block.input) for block in traced.blocks] == [
        ("concatenate", "stem"),
        ("concatenate", "concat1"),
    ]
    for block in traced.blocks:
        assert block.identity
        assert block.sum
        joined = np.concatenate([found[block.identity], found[block.residual]], axis=-1)
        assert np.array_equal(found[block.sum], joined)
        assert not block.can_disable


def test_an_attention_of_filters_multiplies_x() -> None:
    (block,) = instrument(squeeze_and_excite()).blocks
    assert (block.merge, block.input, block.residual) == ("multiply", "stem.relu", "excite.sigmoid")


def three_branches(x: Tensor) -> Tensor:
    """As RepVGG is trained: Ding et al. 2021."""
    near = layers.BatchNormalization(name="near")(layers.Conv2D(4, 1)(x))
    far = layers.BatchNormalization(name="far")(layers.Conv2D(4, 3, padding="same")(x))
    return layers.BatchNormalization(name="norm")(x) + near + far


def two_and_a_linear_one(x: Tensor) -> Tensor:
    bent = layers.Dense(4, name="near")(layers.Activation("tanh")(x))
    return layers.Dense(4, name="far")(x) + layers.Add(name="add")([x, bent])


def in_parallel(x: Tensor) -> Tensor:
    """As in a transformer whose attention and MLP read the same values."""
    normed = layers.LayerNormalization()(x)
    near = layers.Conv2D(4, 3, padding="same", activation="tanh", name="near")(normed)
    far = layers.Dense(4, activation="gelu", name="far")(normed)
    return x + near + far


@pytest.mark.parametrize("body", [three_branches, two_and_a_linear_one, in_parallel])
def test_what_x_was_merged_into_is_the_identity_of_the_next_merge(
    body: Callable[[Tensor], Tensor],
) -> None:
    image = keras.Input((28, 28, 1))
    stem = layers.Conv2D(4, 3, strides=4, padding="same", name="stem")(image)
    model = keras.Model(image, head(body(stem)))
    first, second = instrument(model).blocks
    assert {first.input, second.input} == {"stem"}
    assert first.identity == ("norm" if body is three_branches else "stem")
    assert second.identity == first.sum
    traced = instrument(randomise(model), paths=True)
    found = traced_outputs(traced)
    branch = "far.gelu" if body is in_parallel else "far"
    assert np.array_equal(found[second.residual], found[branch])
    without = traced_outputs(traced, 0.0)
    assert np.array_equal(without[second.sum or ""], found[first.identity or ""])


@pytest.mark.parametrize(("order", "shown"), [("channels_first", True), ("channels_last", False)])
def test_a_flatten_that_changes_the_order_of_values_is_shown(order: str, shown: bool) -> None:
    image = keras.Input((8, 8, 1))
    flat = layers.Flatten(data_format=order, name="flat")(layers.Conv2D(4, 3, name="conv")(image))
    traced = instrument(keras.Model(image, layers.Dense(3, name="classes")(flat)))
    by_name = {layer.name: layer for layer in traced.layers}
    assert by_name["classes"].inputs == ("flat" if shown else "conv",)


def test_a_mask_is_no_path_past_x() -> None:
    image = keras.Input((28, 28))
    x = layers.GRU(6, return_sequences=True, name="gru")(layers.Masking(name="masking")(image))
    x = layers.Add()([x, layers.LSTM(6, return_sequences=True, name="lstm")(x)])
    traced = instrument(keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling1D()(x))))
    (block,) = traced.blocks
    assert (block.input, block.identity) == ("gru", "gru")
    inside = {layer.name for layer in traced.layers if layer.block == block.name}
    assert "lstm" in inside
    assert not {"masking", "gru"} & inside


@pytest.mark.parametrize("make", [tutorial_convnet, lenet, inception, separable, perceptron])
def test_a_network_that_merges_no_two_has_no_blocks(make: Callable[[], keras.Model]) -> None:
    assert instrument(make()).blocks == ()


def test_the_residual_network_in_bottlenecks_of_keras_applications() -> None:
    network = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=10)
    blocks = instrument(network).blocks
    assert len(blocks) == 16
    assert sum(block.identity != block.input for block in blocks) == 4
    assert all(block.merge == "add" for block in blocks)
