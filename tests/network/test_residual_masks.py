"""Masks: what Residual hands to the layer it wraps, and what it passes on."""

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.network.layers import HighwayGate, Residual
from tests.network.tiny import Tensor, numpy

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
    block = Residual(probes[0], merge=HighwayGate(gate_layer), shortcut=probes[1])
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    found = numpy(block(x, mask=MASK))
    assert all(np.array_equal(np.asarray(probe.seen), MASK) for probe in probes)
    np.testing.assert_allclose(found, x, rtol=1e-5)
    gate = numpy(block.parts(x, run=lambda layer, value: layer(value, mask=MASK))["gate"])
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
