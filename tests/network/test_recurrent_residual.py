"""Residual around recurrent layers, against the same network built from Keras' own layers."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skiplens.network.residual import Residual
from tests.network.tiny import SAVES_WITH_KERAS, Array, Tensor, numpy

# Keras says so of every model that is handed a mask, although its layers are given the mask.
pytestmark = [
    SAVES_WITH_KERAS,
    pytest.mark.filterwarnings("ignore:.*Sequential.*does not support masking"),
]

STEPS, WIDTH = 6, 4
TOKENS = np.array([[3, 1, 2, 0, 0, 0], [4, 4, 0, 0, 0, 0], [1, 2, 3, 4, 1, 2]])


def lstm(width: int = WIDTH) -> layers.Layer:
    return layers.LSTM(width, return_sequences=True)


def gru(width: int = WIDTH, **options: bool) -> layers.Layer:
    return layers.GRU(width, return_sequences=True, **options)


RECURRENT: dict[str, Callable[[], layers.Layer]] = {
    "lstm": lstm,
    "gru": gru,
    "gru of one bias": lambda: gru(reset_after=False),
    "backwards": lambda: gru(go_backwards=True),
    "bidirectional lstm": lambda: layers.Bidirectional(lstm(2)),
    "bidirectional gru": lambda: layers.Bidirectional(gru(2)),
    "bidirectional, summed": lambda: layers.Bidirectional(gru(), merge_mode="sum"),
    "stacked cells": lambda: layers.RNN(
        [layers.LSTMCell(3), layers.GRUCell(WIDTH)], return_sequences=True
    ),
    "stacked layers": lambda: keras.Sequential([layers.Bidirectional(lstm(2)), gru()]),
    "nested": lambda: Residual(layers.Bidirectional(lstm(2))),
}


@keras.saving.register_keras_serializable(package="tests")  # type: ignore[untyped-decorator]
def last_step(x: Tensor, fx: Tensor) -> Tensor:
    return keras.ops.add(x[:, -1], fx)


def embedding(*, mask: bool) -> layers.Embedding:
    return layers.Embedding(5, WIDTH, mask_zero=mask, embeddings_initializer="random_normal")


def pair(recurrent: layers.Layer, *, mask: bool) -> tuple[keras.Model, keras.Model]:
    """A network with a Residual and the same one with Keras' Add, on the same weights."""
    tokens = keras.Input((STEPS,), dtype="int32")
    x, head = embedding(mask=mask)(tokens), layers.GRU(3)
    return (
        keras.Model(tokens, head(Residual(recurrent)(x))),
        keras.Model(tokens, head(layers.Add()([x, recurrent(x)]))),
    )


def gradients(model: keras.Model) -> list[Array]:
    """Of a loss over the output, by every weight, in the order of their paths."""
    weights = sorted(model.trainable_variables, key=lambda weight: weight.path)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(TOKENS, training=True) ** 2)
    found = tape.gradient(loss, [weight.value for weight in weights])
    return [numpy(tf.convert_to_tensor(gradient)) for gradient in found]


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("kind", RECURRENT)
def test_it_equals_keras_add_in_outputs_and_gradients(kind: str, *, mask: bool) -> None:
    residual, added = pair(RECURRENT[kind](), mask=mask)
    np.testing.assert_allclose(numpy(residual(TOKENS)), numpy(added(TOKENS)), rtol=1e-5, atol=1e-6)
    found = gradients(residual)
    assert len(found) == len(residual.weights)
    for one, other in zip(found, gradients(added), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", RECURRENT)
def test_it_loads_as_it_was_saved(kind: str, tmp_path: Path) -> None:
    tokens = keras.Input((STEPS,), dtype="int32")
    x = Residual(RECURRENT[kind]())(embedding(mask=True)(tokens))
    residual = keras.Model(tokens, layers.GRU(3)(x))
    residual.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    assert np.array_equal(numpy(again(TOKENS)), numpy(residual(TOKENS)))


def test_at_a_masked_step_the_last_state_is_added_again() -> None:
    embed, recurrent = embedding(mask=True), lstm()
    tokens = keras.Input((STEPS,), dtype="int32")
    found = numpy(keras.Model(tokens, Residual(recurrent)(embed(tokens)))(TOKENS))
    x, state = numpy(embed(TOKENS)), numpy(recurrent(embed(TOKENS[:, :3])))
    want = x[0, 3:] + state[0, 2]  # the first text has three words
    np.testing.assert_allclose(found[0, 3:], want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (layers.LSTM(WIDTH), r"\(None, 4\)"),
        (layers.Bidirectional(layers.GRU(2)), r"\(None, 4\)"),
        (layers.Bidirectional(layers.GRU(WIDTH, return_sequences=True)), r"\(None, 6, 8\)"),
        (
            layers.LSTM(WIDTH, return_sequences=True, return_state=True),
            r"\(\(None, 6, 4\), \(None, 4\), \(None, 4\)\)",
        ),
        (
            layers.Bidirectional(layers.GRU(WIDTH, return_sequences=True), merge_mode=None),
            r"\(\(None, 6, 4\), \(None, 6, 4\)\)",
        ),
    ],
)
def test_what_cannot_be_added_is_refused_with_both_shapes(layer: layers.Layer, found: str) -> None:
    with pytest.raises(ValueError, match=r"'block1' cannot merge .*\(None, 6, 4\).*" + found):
        Residual(layer, name="block1")(keras.Input((STEPS, WIDTH)))


def test_a_merge_may_take_the_last_state_alone_and_the_mask_ends_there() -> None:
    embed, recurrent = embedding(mask=True), layers.LSTM(WIDTH)
    tokens = keras.Input((STEPS,), dtype="int32")
    merged = Residual(recurrent, merge=last_step)(embed(tokens))
    assert merged.shape == (None, WIDTH)
    assert getattr(merged, "_keras_mask", None) is None
    x = numpy(embed(TOKENS))
    want = x[:, -1] + numpy(recurrent(x, mask=TOKENS != 0))
    found = numpy(keras.Model(tokens, merged)(TOKENS))
    np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6)


def test_sequences_of_any_length_are_taken() -> None:
    block = Residual(layers.Bidirectional(gru(2)))
    assert block(keras.Input((None, WIDTH))).shape == (None, None, WIDTH)
    for steps in (1, 9):
        x = np.random.default_rng(steps).normal(size=(2, steps, WIDTH)).astype(np.float32)
        np.testing.assert_allclose(numpy(block(x)), x + numpy(block.layer(x)), rtol=1e-5, atol=1e-6)
