"""The same activations and gradients by TensorFlow, on one thread, as NumPy arrays."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from app.network.graphs import gradient_names
from app.network.loading import load_network
from app.network.tapping import tap

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

Inputs = Mapping[str, NDArray[np.float32]]
Call = Callable[[], object]


class Network:
    """A ``.keras`` file, opened up. Each method makes a call for one digit.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        network = load_network(path)
        self._model = tap(network).model
        self._routed = tap(network, routes=True)

    def function(self, inputs: Inputs) -> Call:
        """One ``tf.function`` of a fixed signature."""
        model = self._model
        return _fixed(lambda **given: list(model(given, training=False).values()), inputs)

    def predict(self, inputs: Inputs) -> Call:
        """``predict`` on one model of many outputs."""
        given = dict(inputs)
        return lambda: self._model.predict(given, verbose=0)

    def gradients(self, inputs: Inputs) -> Call:
        """One ``tf.function`` of a fixed signature around a tape."""
        model, names = self._routed.model, gradient_names(self._routed)
        logits = next(one.name for one in self._routed.layers if one.role == "logits")

        def gradients(target: tf.Tensor, **given: tf.Tensor) -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(list(given.values()))
                outputs = model(given, training=False)
                log_p = tf.reduce_sum(target * tf.nn.log_softmax(outputs[logits]))
            found: list[tf.Tensor] = tape.gradient(log_p, [outputs[name] for name in names])
            return found

        return _fixed(gradients, inputs)


def _fixed(function: Callable[..., Any], inputs: Inputs) -> Call:
    signature = {name: tf.TensorSpec(value.shape, tf.float32) for name, value in inputs.items()}
    concrete = tf.function(function, autograph=False).get_concrete_function(**signature)
    given = {name: tf.constant(value) for name, value in inputs.items()}
    return lambda: [one.numpy() for one in concrete(**given)]
