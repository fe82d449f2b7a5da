"""The formulas of the two-layer network against TensorFlow's own derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skiplens.core.two_layer_network import (
    PLAIN,
    RESIDUAL,
    ActivationName,
    evaluate,
    symbol_values,
)

CASES = [(1.0, 1.5, -2.0), (-0.5, 2.0, 3.0), (4.0, -6.0, 0.25), (2.0, 0.5, 0.0), (0.0, 1.0, 1.0)]


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("case", CASES)
def test_derivatives_are_those_of_gradient_tape(
    skips: bool, activation: ActivationName, case: tuple[float, float, float]
) -> None:
    x, w1, w2 = case
    first, second = (keras.layers.Dense(1, activation, use_bias=False) for _ in range(2))
    given = tf.constant([[x]])
    first.build((1, 1))
    second.build((1, 1))
    first.set_weights([np.array([[w1]])])
    second.set_weights([np.array([[w2]])])
    with tf.GradientTape() as tape:
        tape.watch(given)
        hidden = first(given)
        output = hidden + second(hidden) if skips else second(hidden)
    sources = {"x": given, "w1": first.kernel.value, "w2": second.kernel.value}
    found = dict(zip(sources, tape.gradient(output, list(sources.values())), strict=True))
    network, values = RESIDUAL if skips else PLAIN, symbol_values(x, w1, w2, activation)
    assert evaluate(network.output, values, activation) == pytest.approx(
        output.numpy().item(), abs=1e-6
    )
    for name, expression in network.by.items():
        expected = found[name].numpy().item()
        assert evaluate(expression, values, activation) == pytest.approx(expected, abs=1e-6)
