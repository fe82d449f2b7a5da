"""The compiled graphs on one small network, held against Keras and against finite differences."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skiplens.core.manifest import GraphInfo
from skiplens.engine.litert import LiteRTGraph
from skiplens.errors import CompileError
from skiplens.network.compiling import trials
from skiplens.network.litert_graphs import (
    Arrays,
    Graph,
    blocks_are_alike,
    compile_activations,
    compile_gradients,
    gradient_names,
    gradients_in_double,
    reference_gradients,
)
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
def activation_graph() -> tuple[Graph, LiteRTGraph]:
    graph = compile_activations(traced())
    return graph, opened(graph)


@cache
def gradient_graph() -> LiteRTGraph:
    return opened(compile_gradients(network()))


@cache
def tape() -> Callable[[Arrays], dict[str, Array]]:
    return reference_gradients(network())


def given(branch_scales: Array, seed: int = 1) -> dict[str, Array]:
    target = np.eye(10, dtype=np.float32)[[TARGET]]
    return {"image": images(seed=seed), "branch_scales": branch_scales[None], "target": target}


def close(found: Array, wanted: Array, tolerance: float) -> bool:
    """Whether two arrays agree, relative to the larger one's largest magnitude."""
    return bool(np.abs(found - wanted).max() <= tolerance * max(np.abs(wanted).max(), 1e-6))


@pytest.mark.parametrize("branch_scales", BRANCH_SCALES, ids=str)
def test_activations_equal_keras(branch_scales: Array) -> None:
    graph, interpreter = activation_graph()
    assert graph.outputs == tuple(layer.name for layer in traced().layers)
    assert set(graph.inputs) == {"image", "branch_scales"}
    inputs = {"image": images(), "branch_scales": branch_scales[None]}
    found = interpreter.run(inputs)
    wanted = traced().model(inputs, training=False)
    for name, value in found.items():
        np.testing.assert_allclose(value, numpy(wanted[name]), atol=1e-4, err_msg=name)


@pytest.mark.parametrize("branch_scales", BRANCH_SCALES, ids=str)
def test_gradients_equal_those_of_gradient_tape(branch_scales: Array) -> None:
    inputs = given(branch_scales)
    found, wanted = gradient_graph().run(inputs), tape()(inputs)
    assert list(found) == list(wanted) == list(gradient_names(instrument(network(), paths=True)))
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


@pytest.mark.parametrize(
    ("dot", "dilation", "alike"), [(".", 1, True), ("_", 1, False), (".", 2, False)]
)
def test_blocks_swap_places_only_if_alike_and_their_weights_tell_which_they_are_of(
    dot: str, dilation: int, alike: bool
) -> None:
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, padding="same", name="stem")(image)
    for at in (1, 2, 3):
        name = f"block{at}{dot}"
        rate = dilation if at == 2 else 1
        branch = keras.layers.Conv2D(2, 3, padding="same", dilation_rate=rate, name=f"{name}conv")(
            x
        )
        x = keras.layers.Add(name=f"{name}add")([x, branch])
    x = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x))
    traced = instrument(keras.Model(image, keras.layers.Softmax()(x)))
    assert [block.name for block in traced.blocks] == ["block1", "block2", "block3"]
    assert blocks_are_alike(traced) is alike
