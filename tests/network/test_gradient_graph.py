"""The graph of gradients held against Keras and finite differences, and each of its layers too."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from skiplens.core.manifest import GraphInfo
from skiplens.engine.litert import LiteRTGraph
from skiplens.errors import CompileError
from skiplens.network import gradient_graph as graphs
from skiplens.network.gradient_graph import (
    check_flips,
    compile_gradients,
    differentiable,
    gradient_names,
    gradients_in_double,
    reference_gradients,
    rounding_noise,
)
from skiplens.network.litert_graphs import BY_LARGEST, Graph, Reference, Tolerance, trials
from skiplens.network.residual import HighwayGate, Residual
from skiplens.network.tracing import InstrumentedModel, instrument
from tests.network.tiny import Array, Tensor, images, numpy, randomise, tiny_network

TARGET = 3
BRANCH_SCALES = np.array([[1, 1, 1], [0, 0, 0], [0.3, 0.8, 0.6], [1, 0, 1]], np.float32)


@cache
def network() -> keras.Model:
    return tiny_network()


def opened(graph: Graph) -> LiteRTGraph:
    return LiteRTGraph(graph.content, GraphInfo("x.tflite", graph.inputs, graph.outputs, 0.0))


@cache
def traced() -> InstrumentedModel:
    return instrument(network())


@cache
def gradient_graph() -> LiteRTGraph:
    return opened(compile_gradients(network()))


@cache
def tape() -> Reference:
    return reference_gradients(network())


@cache
def info() -> GraphInfo:
    names = gradient_names(instrument(network(), paths=True))
    return GraphInfo("gradients.tflite", ("image", "branch_scales", "target"), names, 0.0)


def given(branch_scales: Array, seed: int = 1) -> dict[str, Array]:
    target = np.eye(10, dtype=np.float32)[[TARGET]]
    return {"image": images(seed=seed), "branch_scales": branch_scales[None], "target": target}


def close(found: Array, wanted: Array, tolerance: float) -> bool:
    """Whether two arrays agree, relative to the larger one's largest magnitude."""
    return bool(np.abs(found - wanted).max() <= tolerance * max(np.abs(wanted).max(), 1e-6))


@pytest.mark.parametrize("branch_scales", BRANCH_SCALES, ids=str)
def test_gradients_equal_those_of_gradient_tape(branch_scales: Array) -> None:
    inputs = given(branch_scales)
    found, wanted = gradient_graph().run(inputs), tape()(inputs)
    assert list(found) == list(wanted) == list(info().outputs)
    for name, value in wanted.items():
        assert close(found[name], value, 1e-4), name


@pytest.mark.parametrize("branch_scales", BRANCH_SCALES, ids=str)
def test_the_two_routes_sum_to_the_whole(branch_scales: Array) -> None:
    found = gradient_graph().run(given(branch_scales))
    for block in traced().blocks:
        paths = [found[f"{block.name}.x:{path}"] for path in ("identity", "residual")]
        assert close(paths[0] + paths[1], found[block.input], 1e-5)
        assert paths[0].any()


def test_a_block_that_is_off_sends_nothing_back_through_f() -> None:
    found = gradient_graph().run(given(BRANCH_SCALES[1]))
    for block in ("block1", "block2", "block3"):
        assert not found[f"{block}.x:residual"].any()
        assert not found[f"{block}.conv1"].any()


Tail = Callable[[Tensor, Tensor], Tensor]


def tails(model: keras.Model) -> Iterator[tuple[str, str, Tail]]:
    """For each block its name, the layer before it, and the target's logit by its own layers.

    The last is a function of what the block's two paths are given.
    """
    outer = model.layers[1:]
    for at, block in enumerate(outer):
        if not isinstance(block, Residual):
            continue

        def tail(
            by_identity: Tensor, by_f: Tensor, block: Residual = block, rest: int = at + 1
        ) -> Tensor:
            identity = block.shortcut(by_identity) if block.shortcut else by_identity
            fx = block.layer(by_f)
            if isinstance(block.merge, HighwayGate):
                openness = tf.sigmoid(block.merge.layer(by_f))
                x = openness * fx + (1 - openness) * identity
            else:
                x = identity + fx
            for layer in outer[rest:-1]:
                x = layer(x, training=False) if isinstance(layer, layers.Dropout) else layer(x)
            return x[0, TARGET]

        yield block.name, outer[at - 1].name, tail


def test_each_route_equals_a_gradient_tape_of_that_route() -> None:
    model = network()
    found = gradient_graph().run(given(BRANCH_SCALES[0]))
    before = {layer.name: layer.output for layer in model.layers}
    for block, source, tail in tails(model):
        x = tf.constant(keras.Model(model.input, before[source])(images(), training=False))
        copies = [tf.identity(x), tf.identity(x)]
        with tf.GradientTape() as tape:
            tape.watch(copies)
            logit = tail(*copies)
        identity, residual = (numpy(one) for one in tape.gradient(logit, copies))
        assert close(found[f"{block}.x:identity"], identity, 1e-4)
        assert close(found[f"{block}.x:residual"], residual, 1e-4)
        assert close(found[source], identity + residual, 1e-4)


@pytest.fixture
def in_double_precision() -> keras.Model:
    """The same network with the same weights, computing in float64."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    twin = tiny_network()
    keras.config.set_dtype_policy("float32")
    keras.config.set_floatx("float32")
    for weight, same in zip(twin.weights, network().weights, strict=True):
        weight.assign(numpy(same).astype(weight.dtype))
    return twin


def test_gradients_agree_with_finite_differences(in_double_precision: keras.Model) -> None:
    step, rng = 1e-6, np.random.default_rng(4)
    model = in_double_precision
    found = gradient_graph().run(given(BRANCH_SCALES[0]))
    before: Mapping[str, Tensor] = {layer.name: layer.output for layer in model.layers}
    for block, source, tail in tails(model):
        x = np.asarray(keras.Model(model.input, before[source])(images().astype(np.float64)))
        towards = rng.normal(size=x.shape)
        still = np.zeros_like(x)
        for name, on_identity, on_f in (
            (source, towards, towards),
            (f"{block}.x:identity", towards, still),
            (f"{block}.x:residual", still, towards),
        ):
            ahead = tail(x + step * on_identity, x + step * on_f)
            behind = tail(x - step * on_identity, x - step * on_f)
            slope = float(ahead - behind) / (2 * step)
            assert slope == pytest.approx(float(np.sum(found[name] * towards)), rel=1e-4), name


def test_confidence_leaves_the_gradient_as_it_is() -> None:
    model = tiny_network()  # of the same weights as the one that the others share
    found = gradient_graph().run(given(BRANCH_SCALES[0]))
    bias = model.get_layer("head.logits").bias
    bias.assign(bias + 25 * np.eye(10, dtype=np.float32)[TARGET])
    certain = opened(compile_gradients(model)).run(given(BRANCH_SCALES[0]))
    for name, value in found.items():
        assert value.any(), name
        np.testing.assert_array_equal(certain[name], value, err_msg=name)


def ending_in(*last: layers.Layer) -> keras.Model:
    middle = [layers.Conv2D(2, 3, strides=4), layers.Flatten()]
    return randomise(keras.Sequential([keras.Input((28, 28, 1)), *middle, *last]))


@pytest.mark.parametrize(
    "last",
    [
        [layers.Dense(10)],
        [layers.Dense(10, activation="softmax")],
        [layers.Dense(10, activation="relu"), layers.Activation("softmax")],
        [layers.Dense(12), layers.Reshape((3, 4)), layers.Flatten(), layers.Softmax()],
    ],
    ids=["softmax left to the loss", "softmax inside", "activation between", "flattened"],
)
def test_gradients_start_at_what_the_softmax_reads(last: list[layers.Layer]) -> None:
    model = ending_in(*last)
    target = np.eye(model.output_shape[-1], dtype=np.float32)[[TARGET]]
    inputs = {"image": images(), "target": target}
    found, wanted = opened(compile_gradients(model)).run(inputs), reference_gradients(model)(inputs)
    logits = list(found)[-1]
    np.testing.assert_array_equal(found[logits], target)
    for name, value in wanted.items():
        assert close(found[name], value, 1e-4), name


def test_gradients_of_a_network_without_a_softmax_are_refused() -> None:
    with pytest.raises(CompileError, match=r"ends in 'yes\.sigmoid' instead"):
        compile_gradients(ending_in(layers.Dense(1, activation="sigmoid", name="yes")))


def test_logits_are_the_last_dense_layer_and_no_earlier_one() -> None:
    model = ending_in(
        layers.Dense(5, name="hidden"), layers.Dense(10, name="head.logits"), layers.Softmax()
    )
    inputs = {"image": images(), "target": np.eye(10, dtype=np.float32)[[TARGET]]}
    found = opened(compile_gradients(model)).run(inputs)
    np.testing.assert_array_equal(found["head.logits"], inputs["target"])
    kernel = numpy(model.get_layer("head.logits").kernel)
    np.testing.assert_array_equal(found["hidden"][0], kernel[:, TARGET])


def test_max_pooling_sends_the_gradient_of_equal_values_to_the_first() -> None:
    image = keras.Input((28, 28, 1))
    x = layers.ReLU(name="relu")(layers.Conv2D(2, 3, strides=4, padding="same")(image))
    x = layers.MaxPooling2D((1, 7), name="pool")(x)
    x = layers.Dense(10, name="head.logits")(layers.Flatten()(x))
    model = randomise(keras.Model(image, layers.Softmax()(x)))
    inputs = {"image": images() * 0, "target": np.eye(10, dtype=np.float32)[[TARGET]]}
    found, wanted = opened(compile_gradients(model)).run(inputs), reference_gradients(model)(inputs)
    assert wanted["relu"].any()
    assert close(found["relu"], wanted["relu"], 1e-4)


def test_mean_pooling_shares_the_gradient_out() -> None:
    image = keras.Input((28, 28, 1))
    x = layers.AveragePooling2D((2, 7), name="pool")(layers.ReLU(name="relu")(image))
    x = layers.Dense(10, name="head.logits")(layers.Flatten()(x))
    model = randomise(keras.Model(image, layers.Softmax()(x)))
    inputs = {"image": images(), "target": np.eye(10, dtype=np.float32)[[TARGET]]}
    found, wanted = opened(compile_gradients(model)).run(inputs), reference_gradients(model)(inputs)
    assert wanted["relu"].any()
    for name in ("pool", "relu"):
        assert close(found[name], wanted[name], 1e-4)


def test_gradients_of_rewritten_layers_are_exact_in_double_precision() -> None:
    found = gradients_in_double(network())
    assert found is not None
    rewritten, expected = found
    inputs = trials(instrument(network()))[2]
    actual = rewritten(inputs)
    for name, gradient in expected(inputs).items():
        assert gradient.dtype == np.float64
        scale = max(float(np.abs(gradient).max()), 1e-3)
        assert np.abs(actual[name] - gradient).max() <= 1e-12 * scale
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == ("float32", "float32")


def test_where_rounding_adds_up_rewritten_layers_are_compared_in_double_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graphs, "BY_LARGEST", Tolerance(BY_LARGEST.size, -1.0))
    given = network(), traced(), info(), tape()
    check_flips(*given, 0.01)
    monkeypatch.setattr(graphs, "IN_DOUBLE", Tolerance(BY_LARGEST.size, -1.0))
    with pytest.raises(CompileError, match=r"gradients\.tflite differs from Keras"):
        check_flips(*given, 0.01)
    check_flips(*given, 0.0005)


def test_rounding_alone_moves_gradients_a_little() -> None:
    assert 0 < rounding_noise(network(), traced(), info(), tape()) < 1e-4


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
    found = opened(graph).run({name: inputs[name] for name in graph.inputs})
    for name, wanted in reference_gradients(network)(inputs).items():
        assert np.linalg.norm(found[name] - wanted) <= 1e-5 * np.linalg.norm(wanted), name


def test_what_litert_cannot_differentiate_is_named() -> None:
    network = ending_in_classes(layers.Lambda(lambda x: ops.cumsum(x[:, ::2, ::2], axis=1)))
    with pytest.raises(CompileError, match=r"LiteRT lacks operation .*StridedSliceGrad"):
        compile_gradients(network)
