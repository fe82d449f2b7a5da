"""Networks that read an image row by row: traced, compiled, scaled and differentiated."""

from functools import cache

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.core.manifest import GraphInfo
from skiplens.engine.litert import LiteRTGraph
from skiplens.network.gradient_graph import compile_gradients, reference_gradients
from skiplens.network.litert_graphs import Graph, Reference, compile_activations
from skiplens.network.recurrent import gates, unrolled
from skiplens.network.reordered_graph import compile_reordered, reference_reordered
from skiplens.network.residual import Residual
from skiplens.network.tracing import InstrumentedModel, instrument
from tests.network.tiny import Array, Tensor, images, numpy, randomise

STEPS, UNITS = 7, 4
SCALES = np.array([[1, 1], [0, 0], [0.3, 0.8]], np.float32)


def bidirectional(block: str) -> layers.Layer:
    gru = layers.GRU(UNITS // 2, return_sequences=True, name=f"{block}.gru")
    return layers.Bidirectional(gru, name=f"{block}.states")


def sequence_network(*blocks: layers.Layer) -> keras.Model:
    """Four rows of an image at a time, a residual block around each layer, and the maximum."""
    image = keras.Input((28, 28, 1), name="image")
    x = layers.Reshape((STEPS, 4 * 28), name="stem.rows")(image)
    x = layers.Dense(UNITS, name="stem.output")(x)
    for at, layer in enumerate(blocks, 1):
        x = Residual(layer, name=f"block{at}")(x)
    x = layers.GlobalMaxPooling1D(name="head.pool")(x)
    x = layers.Dense(10, name="head.logits")(x)
    return randomise(keras.Model(image, layers.Softmax(name="head.probabilities")(x)))


@cache
def mixed() -> keras.Model:
    lstm = layers.LSTM(UNITS, return_sequences=True, go_backwards=True, name="block2.states")
    return sequence_network(bidirectional("block1"), lstm)


@cache
def traced() -> InstrumentedModel:
    return instrument(mixed())


@cache
def activations() -> Graph:
    return compile_activations(instrument(mixed(), rewrite=unrolled))


@cache
def gradients() -> Graph:
    return compile_gradients(mixed())


@cache
def tape() -> Reference:
    return reference_gradients(mixed())


def given(scales: Array) -> dict[str, Array]:
    target = np.eye(10, dtype=np.float32)[[3]]
    return {"image": images(), "branch_scales": scales[None], "target": target}


def run(graph: Graph, inputs: dict[str, Array]) -> dict[str, Array]:
    info = GraphInfo("x.tflite", graph.inputs, graph.outputs, 0.0)
    return LiteRTGraph(graph.content, info).run(inputs)


def close(found: Array, wanted: Array) -> bool:
    return bool(np.abs(found - wanted).max() <= 1e-4 * max(float(np.abs(wanted).max()), 1e-6))


def by_hand(scales: Array) -> dict[str, Tensor]:
    """States, branches and sums, from the network's own Keras layers."""
    model, found = mixed(), {}
    x = model.get_layer("stem.output")(model.get_layer("stem.rows")(images()))
    for block, scale in zip(("block1", "block2"), scales, strict=True):
        layer = model.get_layer(block).layer
        found[layer.name] = layer(x)
        for name, gate in gates(layer, x, found[layer.name]).items():
            found[f"{layer.name}.{name}"] = gate
        found[f"{block}.residual"] = scale * found[layer.name]
        found[f"{block}.sum"] = x = x + found[f"{block}.residual"]
    found["head.probabilities"] = model.layers[-1](model.layers[-2](model.layers[-3](x)))
    return found


def test_sequences_are_recorded_as_one_row_of_steps() -> None:
    shapes = {layer.name: layer.shape for layer in traced().layers}
    assert shapes["stem.rows"] == (1, STEPS, 4 * 28)
    assert shapes["block1.states"] == shapes["block2.sum"] == (1, STEPS, UNITS)
    assert shapes["head.pool"] == (1, 1, UNITS)
    sequences = [layer.name for layer in traced().layers if layer.is_sequence]
    assert sequences[-1] == "block2.sum"


def test_gates_are_recorded_before_the_states_that_they_make() -> None:
    layers = {layer.name: layer for layer in traced().layers}
    names = [name for name in layers if ".states" in name]
    assert names == [
        *(f"block1.states{part}" for part in (".update", ".reset", "")),
        *(f"block2.states{part}" for part in (".input", ".forget", ".output", "")),
    ]
    update, states = layers["block1.states.update"], layers["block1.states"]
    assert (update.kind, update.role, update.block) == ("UpdateGate", "gate", "block1")
    assert not update.signed
    assert update.shape == states.shape
    assert (states.role, states.activation) == ("states", None)


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_every_layer_equals_keras(scales: Array) -> None:
    found = run(activations(), given(scales))
    assert list(found) == [layer.name for layer in traced().layers]
    for name, wanted in by_hand(scales).items():
        assert close(found[name], numpy(wanted)), name


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_gradients_equal_those_of_gradient_tape(scales: Array) -> None:
    inputs = given(scales)
    found = run(gradients(), inputs)
    wanted = tape()(inputs)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert close(found[name], value), name
    both = found["block1.x:identity"] + found["block1.x:residual"]
    assert close(both, found["stem.output"])
    assert found["stem.output"].any()


def test_no_gradient_is_given_at_gates_that_are_computed_again() -> None:
    found = run(gradients(), given(SCALES[0]))
    assert not [name for name in found if name in traced().beside]
    assert "block1.states.update" in traced().beside


def test_blocks_that_are_alike_run_in_any_order() -> None:
    network = sequence_network(bidirectional("block1"), bidirectional("block2"))
    graph = compile_reordered(instrument(network, rewrite=unrolled))
    inputs = given(SCALES[2]) | {"order": np.array([[1, 0]], np.float32)}
    wanted = reference_reordered(network)(inputs)
    for name, value in run(graph, inputs).items():
        assert close(value, wanted[name]), name
    trained = run(graph, inputs | {"order": np.array([[0, 1]], np.float32)})
    assert not close(trained["block1.states"], wanted["block1.states"])
