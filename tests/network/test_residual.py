"""Residual and its merges."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skiplens.network.residual import (
    MERGES,
    HighwayGate,
    MergeFunction,
    Residual,
    resolve_merge,
    serialize_merge,
)
from tests.network.tiny import SAVES_WITH_KERAS, Array, Tensor, numpy, randomise

RNG = np.random.default_rng(3)
X, FX = RNG.normal(size=(2, 5, 4)).astype(np.float32), RNG.normal(size=(2, 5, 4)).astype(np.float32)


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + np.exp(-x))


@keras.saving.register_keras_serializable(package="tests")  # type: ignore[untyped-decorator]
def difference(x: Tensor, fx: Tensor) -> Tensor:
    return keras.ops.subtract(fx, x)


def unregistered(x: Tensor, fx: Tensor) -> Tensor:
    return keras.ops.subtract(fx, x)


class UnregisteredLayer(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    def call(self, x: Tensor, fx: Tensor) -> Tensor:
        return x + fx


class CallableObject:
    def __call__(self, x: Tensor, fx: Tensor) -> Tensor:
        return x + fx


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("add", X + FX),
        ("multiply", X * FX),
        ("average", (X + FX) / 2),
        ("maximum", np.maximum(X, FX)),
        ("concatenate", np.concatenate([X, FX], axis=-1)),
    ],
)
def test_merges_by_name_equal_numpy(name: str, expected: Array) -> None:
    np.testing.assert_allclose(numpy(resolve_merge(name)(X, FX)), expected, rtol=1e-6)


def test_highway_blends_by_the_sigmoid_of_its_layer() -> None:
    gate = HighwayGate(bias=-1.5)
    found = numpy(gate(X, FX))
    kernel, bias = (numpy(weight) for weight in gate.layer.weights)
    assert np.array_equal(bias, np.full(4, -1.5, np.float32))
    openness = sigmoid(X @ kernel + bias)
    np.testing.assert_allclose(found, openness * FX + (1 - openness) * X, rtol=1e-5, atol=1e-6)


def test_an_untrained_highway_lets_most_of_x_through() -> None:
    gate = HighwayGate()
    gate.build(X.shape)
    assert numpy(gate.gate(X * 0)).max() == pytest.approx(sigmoid(-2.0))


def test_a_gate_of_another_shape_is_refused_by_name_and_shapes() -> None:
    gate = HighwayGate(keras.layers.Dense(3, name="narrow"), name="gate")
    with pytest.raises(ValueError, match=r"'gate'.*'narrow'.*\(2, 5, 3\).*\(2, 5, 4\)"):
        gate.build(X.shape)


def test_highway_rebuilds_from_its_config() -> None:
    gate = HighwayGate(keras.layers.Dense(4, name="logits"), bias=-3.0, name="gate")
    again = HighwayGate.from_config(gate.get_config())
    assert (again.name, again.bias, again.layer.name) == ("gate", -3.0, "logits")
    assert HighwayGate.from_config(HighwayGate().get_config()).layer is None


@pytest.mark.parametrize("merge", ["sum", 3, None])
def test_no_merge_is_refused_with_what_there_is(merge: object) -> None:
    with pytest.raises(ValueError, match=r"add, multiply, .*, highway or a callable"):
        resolve_merge(merge)


def test_a_registered_merge_survives_its_record() -> None:
    assert keras.saving.deserialize_keras_object(serialize_merge(difference)) is difference
    assert serialize_merge(MERGES["maximum"]) == "maximum"
    record = serialize_merge(HighwayGate(name="gate"))
    assert keras.saving.deserialize_keras_object(record).name == "gate"


@pytest.mark.parametrize(
    "merge", [unregistered, lambda x, fx: x, UnregisteredLayer(), CallableObject()]
)
def test_an_unregistered_merge_is_refused_with_the_remedy(merge: MergeFunction) -> None:
    with pytest.raises(ValueError, match=r"is not registered; decorate it with keras\.saving\."):
        serialize_merge(merge)


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
    merge: MergeFunction | str, expected: Callable[[Array, Array], Array]
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
def test_a_shape_mismatch_names_the_layer_and_both_shapes(merge: MergeFunction | str) -> None:
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
    assert Residual.from_config(Residual(dense()).get_config()).merge is MERGES["add"]


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


def test_a_block_adds_what_its_layer_and_its_shortcut_make_of_x() -> None:
    block, x = Residual(dense(width=3), shortcut=dense("shortcut", 3)), inputs(2, WIDTH)
    found = numpy(block(x))
    wanted = by_numpy(block.layer, x) + by_numpy(block.shortcut, x)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


TOKENS = np.array([[3, 1, 2, 0, 0], [4, 4, 0, 0, 0], [1, 2, 3, 4, 1]])
MASK = TOKENS != 0


class Probe(layers.Layer):  # type: ignore[misc]  # keras ships no types
    """Passes its input on and keeps the mask that came with it."""

    def __init__(self) -> None:
        super().__init__()
        self.supports_masking = True
        self.seen: Tensor = None

    def call(self, x: Tensor, mask: Tensor = None) -> Tensor:
        self.seen = mask
        return x

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


def embedding() -> layers.Embedding:
    return layers.Embedding(5, 4, mask_zero=True, embeddings_initializer="random_normal")


# Keras says so of every model that is handed a mask, although its layers are given the mask.
@pytest.mark.filterwarnings("ignore:.*Sequential.*does not support masking")
@pytest.mark.parametrize("wrap", ["bare", "nested", "sequential"])
def test_a_mask_reaches_the_recurrent_layer_and_passes_through(wrap: str) -> None:
    embed, after = embedding(), Probe()
    recurrent = layers.Bidirectional(layers.LSTM(2, return_sequences=True))
    inner = {
        "bare": recurrent,
        "nested": Residual(recurrent),
        "sequential": keras.Sequential([recurrent]),
    }
    block = Residual(inner[wrap])
    entry = keras.Input((5,), dtype="int32")
    model = keras.Model(entry, after(block(embed(entry))))
    found = numpy(model(TOKENS))
    x = numpy(embed(TOKENS))
    fx = numpy(recurrent(x, mask=MASK))
    shares = 2 if wrap == "nested" else 1
    np.testing.assert_allclose(found, shares * x + fx, rtol=1e-5, atol=1e-6)
    assert not np.allclose(fx, numpy(recurrent(x)), atol=1e-4)
    assert np.array_equal(np.asarray(after.seen), MASK)


def test_a_mask_given_by_hand_reaches_branch_shortcut_and_gate() -> None:
    probes = Probe(), Probe()
    gate_layer = layers.LSTM(4, return_sequences=True)
    merge = HighwayGate(gate_layer)
    block = Residual(probes[0], merge=merge, shortcut=probes[1])
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    found = numpy(block(x, mask=MASK))
    assert all(np.array_equal(np.asarray(probe.seen), MASK) for probe in probes)
    np.testing.assert_allclose(found, x, rtol=1e-5)
    gate = numpy(merge.gate(x, MASK))
    logits = numpy(gate_layer(x, mask=MASK))
    np.testing.assert_allclose(gate, 1 / (1 + np.exp(-logits)), rtol=1e-5)


def test_layers_without_a_use_for_a_mask_are_called_without() -> None:
    embed, after = embedding(), Probe()
    dense = layers.Dense(4)
    entry = keras.Input((5,), dtype="int32")
    model = keras.Model(entry, after(Residual(dense)(embed(entry))))
    x = numpy(embed(TOKENS))
    np.testing.assert_allclose(numpy(model(TOKENS)), x + numpy(dense(x)), rtol=1e-5, atol=1e-6)
    assert np.array_equal(np.asarray(after.seen), MASK)


def test_without_a_mask_none_is_made_up() -> None:
    probe = Probe()
    Residual(probe)(np.zeros((1, 5, 4), np.float32))
    assert probe.seen is None


def test_each_step_of_time_distributed_gets_its_own_mask() -> None:
    block = Residual(layers.LSTM(3, return_sequences=True))
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype(np.float32)
    mask = np.random.default_rng(1).random((2, 4, 5)) < 0.6
    found = numpy(layers.TimeDistributed(block)(x, mask=mask))
    for step in range(4):
        want = numpy(block(x[:, step], mask=mask[:, step]))
        np.testing.assert_allclose(found[:, step], want, rtol=1e-5, atol=1e-6)


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
def test_what_could_not_be_loaded_is_not_saved(merge: MergeFunction, tmp_path: Path) -> None:
    network = keras.Sequential([keras.Input((6, 6, 3)), Residual(conv(), merge=merge)])
    with pytest.raises(ValueError, match="is not registered; decorate it with"):
        network.save(tmp_path / "network.keras")
