"""The merges and the highway gate, held against NumPy."""

import keras
import numpy as np
import pytest

from skiplens.network.layers import MERGES, HighwayGate, Merge, resolve_merge, serialize_merge
from tests.network.tiny import Array, Tensor, numpy

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
def test_an_unregistered_merge_is_refused_with_the_remedy(merge: Merge) -> None:
    with pytest.raises(ValueError, match=r"is not registered; decorate it with keras\.saving\."):
        serialize_merge(merge)
