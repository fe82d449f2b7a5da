"""Recurrent layers step by step: states, gates and gradients against Keras."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skiplens.core.manifest import GraphInfo, LayerInfo
from skiplens.core.unit_arithmetic import Arithmetic, GRUGate, GRUState, UnitInputs, arithmetic
from skiplens.engine.litert import run_once
from skiplens.network.recurrent import gates, is_recurrent, states
from tests.network.tiny import Array, Tensor, numpy, randomise

STEPS, WIDTH, UNITS = 5, 4, 3
X = np.random.default_rng(5).normal(size=(2, STEPS, WIDTH)).astype(np.float32)


def gru(**options: object) -> layers.GRU:
    return layers.GRU(UNITS, **{"return_sequences": True, **options})


def lstm(**options: object) -> layers.LSTM:
    return layers.LSTM(UNITS, **{"return_sequences": True, **options})


def both_ways(merge: str) -> layers.Layer:
    return layers.Bidirectional(gru(), merge_mode=merge)


RECURRENT: dict[str, Callable[[], layers.Layer]] = {
    "gru": gru,
    "gru of one bias": lambda: gru(reset_after=False),
    "gru without bias": lambda: gru(use_bias=False),
    "gru of other functions": lambda: gru(activation="relu", recurrent_activation="hard_sigmoid"),
    "lstm": lstm,
    "lstm without bias": lambda: lstm(use_bias=False),
    "backwards": lambda: lstm(go_backwards=True),
    "last gru": lambda: gru(return_sequences=False),
    "last lstm": lambda: lstm(return_sequences=False, go_backwards=True),
    **{
        f"both ways, {merge}": partial(both_ways, merge)
        for merge in ("concat", "sum", "mul", "ave")
    },
    "both ways, lstm": lambda: layers.Bidirectional(lstm()),
    "both ways, of two kinds": lambda: layers.Bidirectional(
        gru(), backward_layer=lstm(go_backwards=True)
    ),
    "simple": lambda: layers.SimpleRNN(UNITS, return_sequences=True),
    "both ways, simple": lambda: layers.Bidirectional(layers.SimpleRNN(UNITS)),
    "both ways, last": lambda: layers.Bidirectional(gru(return_sequences=False)),
}
READABLE = ["gru", "gru of one bias", "lstm", "backwards", "both ways, concat", "both ways, lstm"]


def built(kind: str) -> layers.Layer:
    """The layer with weights of its own in every place."""
    layer = RECURRENT[kind]()
    layer.build(X.shape)
    return randomise(layer, seed=len(kind))


@pytest.mark.parametrize("kind", RECURRENT)
def test_states_equal_those_of_keras(kind: str) -> None:
    layer = built(kind)
    assert is_recurrent(layer)
    np.testing.assert_allclose(numpy(states(layer, X)), numpy(layer(X)), rtol=1e-5, atol=1e-6)


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)


GATES = {layers.GRU: {"update": 0, "reset": 1}, layers.LSTM: {"input": 0, "forget": 1, "output": 3}}


def by_hand(layer: Tensor, x: Array) -> dict[str, Array]:
    """Gates of one direction, in the order in which it takes the steps: from its weights and from
    the states that Keras' cell goes through.
    """
    cell, places = layer.cell, GATES[type(layer)]
    kernel, recurrent, bias = (numpy(weight) for weight in cell.weights)
    bias = bias.reshape(-1, bias.shape[-1]).sum(axis=0)
    memory = [np.zeros((len(x), UNITS), np.float32)] * (len(places) - 1)
    found: dict[str, list[Array]] = {name: [] for name in places}
    for step in range(x.shape[1]):
        logits = x[:, step] @ kernel + memory[0] @ recurrent + bias
        for name, at in places.items():
            found[name].append(sigmoid(logits[:, at * UNITS : (at + 1) * UNITS]))
        memory = [numpy(one) for one in cell(x[:, step], memory)[1]]
    return {name: np.stack(values, axis=1) for name, values in found.items()}


def expected_gates(layer: Tensor) -> dict[str, Array]:
    if isinstance(layer, layers.Bidirectional):
        ahead = by_hand(layer.forward_layer, X)
        back = by_hand(layer.backward_layer, X[:, ::-1])
        return {name: np.concatenate([ahead[name], back[name][:, ::-1]], -1) for name in ahead}
    return by_hand(layer, X[:, ::-1] if layer.go_backwards else X)


@pytest.mark.parametrize("kind", READABLE)
def test_gates_are_those_that_the_cell_opens_at_each_step(kind: str) -> None:
    layer = built(kind)
    found, expected = gates(layer, X, layer(X)), expected_gates(layer)
    assert found.keys() == expected.keys()
    for name, gate in found.items():
        np.testing.assert_allclose(numpy(gate), expected[name], rtol=1e-4, atol=1e-6)


def explained(
    layer: Tensor, found: Array, index: int, step: int, gate: str | None = None
) -> Arithmetic | None:
    """The arithmetic of one of the states found by a layer, or of its gate, from the weights as
    they are shipped.
    """
    weights: dict[str, Array] = {}
    ways = {"": layer}
    if isinstance(layer, layers.Bidirectional):
        ways = {"/forward": layer.forward_layer, "/backward": layer.backward_layer}
    for way, one in ways.items():
        weights |= {f"states{way}/{weight.name}": numpy(weight) for weight in one.weights}
    name, kind = (f"states.{gate}", f"{gate.capitalize()}Gate") if gate else ("states", "GRU")
    info = LayerInfo(
        name, kind, "gate" if gate else "states", None, found.shape, inputs=("x",), signed=True
    )
    return arithmetic(UnitInputs(info, index, (0, step), [X[:1]], weights, None, found))


@pytest.mark.parametrize("kind", ["gru", "gru without bias", "both ways, concat"])
def test_the_arithmetic_of_a_gru_comes_to_the_states_and_gates_of_keras(kind: str) -> None:
    layer = built(kind)
    found_by_keras = numpy(layer(X))[:1]
    states_of_keras = found_by_keras[0]
    gates_of_keras = expected_gates(layer) if layer.weights[-1].name == "bias" else {}
    for step, index in np.ndindex(*states_of_keras.shape):
        found = explained(layer, found_by_keras, index, step)
        assert isinstance(found, GRUState)
        assert found.result == pytest.approx(float(states_of_keras[step, index]), abs=1e-6)
        for name, opened in gates_of_keras.items():
            gate = explained(layer, found_by_keras, index, step, name)
            assert isinstance(gate, GRUGate)
            assert gate.result == pytest.approx(float(opened[0, step, index]), abs=1e-6)
            assert gate.terms == getattr(found, name)


@pytest.mark.parametrize("kind", ["gru of one bias", "lstm", "last gru", "both ways, sum"])
def test_the_arithmetic_of_other_recurrent_layers_is_left_open(kind: str) -> None:
    layer = built(kind)
    assert explained(layer, numpy(layer(X))[:1], index=1, step=0) is None


@pytest.mark.parametrize(
    "kind",
    [*("last gru", "simple", "both ways, last", "both ways, sum", "both ways, of two kinds")],
)
def test_states_that_the_output_does_not_hold_have_no_gates(kind: str) -> None:
    layer = built(kind)
    assert gates(layer, X, layer(X)) == {}


def test_an_update_gate_of_one_keeps_the_state() -> None:
    layer = built("gru")
    layer.cell.bias.assign(numpy(layer.cell.bias) + 50 * np.eye(1, 3 * UNITS, 0))
    found = numpy(layer(X))
    assert numpy(gates(layer, X, found)["update"])[..., 0].min() == pytest.approx(1)
    np.testing.assert_allclose(found[..., 0], 0, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        layers.GRU(UNITS, return_state=True),
        layers.LSTM(UNITS, stateful=True),
        layers.RNN(layers.GRUCell(UNITS)),
        layers.Bidirectional(layers.GRU(UNITS), merge_mode=None),
        layers.Dense(UNITS),
    ],
)
def test_other_layers_are_left_to_keras(layer: layers.Layer) -> None:
    assert not is_recurrent(layer)


@pytest.mark.parametrize(
    "kind", ["gru", "gru of one bias", "simple", "both ways, concat", "both ways, lstm"]
)
def test_gradients_compile_to_operations_that_litert_has(kind: str) -> None:
    layer = built(kind)

    def gradient(x: Tensor, run: Callable[[Tensor], Tensor]) -> Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(run(x) ** 2)
        return tape.gradient(total, x)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def compiled(x: Tensor) -> list[Tensor]:
        found = states(layer, x)
        slope = gradient(x, lambda value: states(layer, value))
        return [found, slope, *gates(layer, x, found).values()]

    signature = tf.TensorSpec((1, *X.shape[1:]), tf.float32, name="x")
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [compiled.get_concrete_function(signature)]
    )
    x = X[:1]
    output = layer(x)
    expected = [output, gradient(tf.constant(x), layer), *gates(layer, x, output).values()]
    names = tuple(str(at) for at in range(len(expected)))
    info = GraphInfo("tiny.tflite", ("x",), names, 0.0)
    found = run_once(converter.convert(), info, {"x": x})
    for name, want in zip(names, expected, strict=True):
        np.testing.assert_allclose(found[name], numpy(want), rtol=1e-4, atol=1e-5)
