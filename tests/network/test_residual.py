"""The Residual layer: its outputs held against NumPy, its shapes, its training mode, its parts."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skiplens.network.layers import HighwayGate, Merge, Residual
from tests.network.test_merges import difference, sigmoid
from tests.network.tiny import Array, Tensor, numpy

WIDTH = 4


@keras.saving.register_keras_serializable(package="tests")
class Scaled(layers.Layer):  # type: ignore[misc]  # keras ships no types
    """A merge with a weight of its own."""

    def build(self, x_shape: tuple[int | None, ...], fx_shape: tuple[int | None, ...]) -> None:
        self.factor = self.add_weight(shape=(fx_shape[-1],), initializer="ones", name="factor")

    def call(self, x: Tensor, fx: Tensor) -> Tensor:
        return x + self.factor * fx


def inputs(*shape: int) -> Array:
    return np.random.default_rng(7).normal(size=shape).astype(np.float32)


def dense(name: str = "dense", width: int = WIDTH) -> layers.Dense:
    """A layer whose result NumPy gets as ``x @ W + b``."""
    return layers.Dense(width, bias_initializer="random_normal", name=name)


def gate_of(block: Residual) -> layers.Dense:
    """The linear layer of a highway block's gate."""
    assert isinstance(block.merge, HighwayGate)
    return block.merge.layer


def by_numpy(layer: layers.Dense, x: Array) -> Array:
    kernel, bias = (numpy(weight) for weight in layer.weights)
    return x @ kernel + bias


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        ("add", lambda x, fx: x + fx),
        ("multiply", lambda x, fx: x * fx),
        ("average", lambda x, fx: (x + fx) / 2),
        ("maximum", np.maximum),
        ("concatenate", lambda x, fx: np.concatenate([x, fx], axis=-1)),
        (difference, lambda x, fx: fx - x),
        (tf.minimum, np.minimum),
        (Scaled(), lambda x, fx: x + fx),
    ],
)
def test_every_merge_equals_numpy(
    merge: Merge | str, expected: Callable[[Array, Array], Array]
) -> None:
    block, x = Residual(dense(), merge=merge), inputs(3, WIDTH)
    found = numpy(block(x))
    want = expected(x, by_numpy(block.layer, x))
    np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6)
    assert block.compute_output_shape((None, WIDTH)) == (None, *want.shape[1:])


def test_highway_equals_numpy_with_the_gate_before_the_projection() -> None:
    block, x = Residual(dense(width=3), "highway", shortcut=dense("shortcut", 3)), inputs(2, WIDTH)
    found = numpy(block(x))
    gate = sigmoid(by_numpy(gate_of(block), x))
    want = gate * by_numpy(block.layer, x) + (1 - gate) * by_numpy(block.shortcut, x)
    np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6)


def test_blocks_nest_and_wrap_whole_models() -> None:
    inner, x = dense(), inputs(2, WIDTH)
    nested = Residual(Residual(inner))
    np.testing.assert_allclose(numpy(nested(x)), 2 * x + by_numpy(inner, x), rtol=1e-5, atol=1e-6)
    entry = keras.Input((WIDTH,))
    model = keras.Model(entry, layers.ReLU()(inner(entry)))
    wanted = x + np.maximum(by_numpy(inner, x), 0)
    np.testing.assert_allclose(numpy(Residual(model)(x)), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Dense(WIDTH), (2, WIDTH)),
        (layers.Conv1D(WIDTH, 3, padding="causal"), (2, 6, WIDTH)),
        (layers.LSTM(WIDTH, return_sequences=True), (2, 6, WIDTH)),
        (layers.Bidirectional(layers.LSTM(2, return_sequences=True)), (2, 6, WIDTH)),
        (layers.Conv2D(WIDTH, 3, padding="same"), (2, 5, 6, WIDTH)),
    ],
)
def test_vectors_sequences_and_images_keep_their_shape(
    layer: layers.Layer, shape: tuple[int, ...]
) -> None:
    block, x = Residual(layer), inputs(*shape)
    np.testing.assert_allclose(numpy(block(x)), x + numpy(layer(x)), rtol=1e-5, atol=1e-6)
    unknown = (None,) * (len(shape) - 1) + shape[-1:]
    assert block.compute_output_shape(unknown) == unknown


def test_time_distributed_runs_it_at_every_step() -> None:
    block, x = Residual(layers.Conv2D(WIDTH, 3, padding="same")), inputs(2, 3, 5, 5, WIDTH)
    found = numpy(layers.TimeDistributed(block)(x))
    for step in range(3):
        np.testing.assert_allclose(found[:, step], numpy(block(x[:, step])), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("merge", ["add", "multiply", "average", "maximum", "highway", difference])
def test_a_shape_mismatch_names_the_layer_and_both_shapes(merge: Merge | str) -> None:
    block = Residual(dense("narrow", 3), merge=merge, name="block9")
    with pytest.raises(ValueError, match=r"'block9'.*'narrow'.*\(None, 4\).*\(None, 3\)"):
        block(keras.Input((WIDTH,)))


def test_a_mismatch_beyond_the_joined_axis_or_behind_a_projection_is_told_too() -> None:
    strided = layers.Conv2D(2, 3, strides=2, name="strided")
    with pytest.raises(ValueError, match=r"'strided': its input has shape \(None, 8, 8, 2\)"):
        Residual(strided, merge="concatenate")(keras.Input((8, 8, 2)))
    projected = Residual(dense("wide", 5), shortcut=dense("shortcut", 3))
    with pytest.raises(ValueError, match=r"'wide': the projected input has shape \(None, 3\)"):
        projected(keras.Input((WIDTH,)))


def test_concatenate_leaves_an_unknown_width_open() -> None:
    block = Residual(layers.Identity(), merge="concatenate")
    assert block.compute_output_shape((None, None)) == (None, None)


def test_what_is_no_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="layer must be a Keras layer or model; got function"):
        Residual(lambda x: x)


def test_config_rebuilds_the_block() -> None:
    gate = HighwayGate(dense("logits"), name="gate")
    block = Residual(dense("inner"), merge=gate, shortcut=dense("shortcut"), name="block1")
    again = Residual.from_config(block.get_config())
    parts: list[Tensor] = [again, again.layer, again.shortcut, again.merge, gate_of(again)]
    assert [part.name for part in parts] == ["block1", "inner", "shortcut", "gate", "logits"]
    assert Residual.from_config(Residual(dense()).get_config()).can_disable


def test_training_mode_reaches_inner_layers() -> None:
    x = np.ones((64, WIDTH), np.float32)
    for block in (
        Residual(layers.Dropout(0.5, seed=1)),
        Residual(Residual(keras.Sequential([layers.Dropout(0.5, seed=1)]))),
    ):
        model = keras.Sequential([keras.Input((WIDTH,)), block])
        still = numpy(block(x))
        assert np.array_equal(still, np.full_like(x, still[0, 0]))
        for moving in (numpy(block(x, training=True)), numpy(model(x, training=True))):
            assert set(np.unique(moving)) == {still[0, 0] - 1, still[0, 0] + 1}
    steps = np.ones((8, 2, WIDTH), np.float32)
    under = layers.TimeDistributed(Residual(layers.Dropout(0.5, seed=1)))
    assert set(np.unique(numpy(under(steps, training=True)))) == {1, 3}


def test_training_updates_inner_batch_norms_and_only_then() -> None:
    norm = layers.BatchNormalization(momentum=0.5)
    block, x = Residual(norm), inputs(16, WIDTH)
    block(x)
    assert not numpy(norm.moving_mean).any()
    block(x, training=True)
    np.testing.assert_allclose(numpy(norm.moving_mean), x.mean(axis=0) / 2, rtol=1e-4)


def test_gradients_flow_through_both_routes() -> None:
    block, x = Residual(dense()), tf.constant(inputs(1, WIDTH))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(block(x))
    slope, *weights = tape.gradient(total, [x, *block.trainable_variables])
    kernel = numpy(block.layer.weights[0])
    np.testing.assert_allclose(numpy(slope)[0], 1 + kernel.sum(axis=1), rtol=1e-5)
    assert len(weights) == 2
    assert all(numpy(gradient).any() for gradient in weights)


def test_parts_are_reachable_by_role_and_make_up_the_sum() -> None:
    block, x = Residual(dense(width=3), shortcut=dense("shortcut", 3)), inputs(2, WIDTH)
    parts = {role: numpy(part) for role, part in block.parts(x).items()}
    assert list(parts) == ["identity", "residual", "sum"]
    np.testing.assert_allclose(parts["residual"], by_numpy(block.layer, x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(parts["identity"], by_numpy(block.shortcut, x), rtol=1e-5, atol=1e-6)
    assert np.array_equal(parts["sum"], parts["identity"] + parts["residual"])
    assert np.array_equal(parts["sum"], numpy(block(x)))


@pytest.mark.parametrize("merge", ["add", "highway"])
def test_a_switchable_block_scaled_to_nothing_leaves_the_identity(merge: str) -> None:
    block, x = Residual(dense(), merge=merge), inputs(2, WIDTH)
    assert block.can_disable
    assert np.array_equal(numpy(block.parts(x, scale=0.0)["sum"]), x)
    assert np.array_equal(numpy(block.parts(x, scale=1.0)["sum"]), numpy(block(x)))
    half = {role: numpy(part) for role, part in block.parts(x, scale=0.5).items()}
    whole = {role: numpy(part) for role, part in block.parts(x).items()}
    scaled = "gate" if merge == "highway" else "residual"
    np.testing.assert_allclose(half[scaled], whole[scaled] / 2, rtol=1e-6)


@pytest.mark.parametrize("merge", ["multiply", "average", "maximum", "concatenate", difference])
def test_other_merges_cannot_be_switched_off(merge: Merge | str) -> None:
    assert not Residual(dense(), merge=merge).can_disable


def test_split_makes_the_copy_that_each_route_takes() -> None:
    block, x = Residual(dense(), merge="highway"), inputs(2, WIDTH)
    copies = {"identity": x * 2, "residual": x * 3}
    parts = block.parts(x, split=lambda value, route: copies[route])
    np.testing.assert_allclose(numpy(parts["residual"]), by_numpy(block.layer, x * 3), rtol=1e-4)
    np.testing.assert_allclose(
        numpy(parts["gate"]), sigmoid(by_numpy(gate_of(block), x * 3)), rtol=1e-5
    )
    assert np.array_equal(numpy(parts["identity"]), x * 2)
