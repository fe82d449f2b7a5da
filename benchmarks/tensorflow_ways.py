"""The same activations and gradients by TensorFlow, from NumPy arrays to NumPy arrays by name.

TensorFlow chooses its own number of threads, as for whoever writes such a function. For one digit
handing work between threads costs more than it saves, so ``python -m benchmarks.tensorflow_ways``
times a process that is held to one, to be printed beside it.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from benchmarks import addresses
from benchmarks.timing import in_turn
from skiplens.core.manifest import NETWORK_FILE
from skiplens.network.gradient_graph import gradient_names
from skiplens.network.tracing import instrument, load_network
from skiplens.samples import load_samples

Inputs = Mapping[str, NDArray[np.float32]]
Call = Callable[[], object]


class Network:
    """A ``.keras`` file, opened up. Each method makes a call for one digit.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        network = load_network(path)
        self._model = instrument(network).model
        self._routed = instrument(network, paths=True)

    def function(self, inputs: Inputs) -> Call:
        """One ``tf.function`` of a fixed signature."""
        model = self._model
        return _fixed(lambda given: model(given, training=False), inputs)

    def predict(self, inputs: Inputs) -> Call:
        """``predict`` on one model of many outputs."""
        given = dict(inputs)
        return lambda: self._model.predict(given, verbose=0)

    def gradients(self, inputs: Inputs) -> Call:
        """One ``tf.function`` of a fixed signature around a tape."""
        model, names = self._routed.model, gradient_names(self._routed)
        logits = next(one.name for one in self._routed.layers if one.role == "logits")

        def gradients(given: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            target, inputs = (
                given["target"],
                {one: given[one] for one in ("image", "branch_scales")},
            )
            with tf.GradientTape() as tape:
                tape.watch(list(inputs.values()))
                outputs = model(inputs, training=False)
            wanted = {one: outputs[one] for one in names}
            found: dict[str, tf.Tensor] = tape.gradient(
                outputs[logits], wanted, output_gradients=target
            )
            return found

        return _fixed(gradients, inputs)


def _fixed(function: Callable[..., Any], inputs: Inputs) -> Call:
    signature = [{name: tf.TensorSpec(value.shape, tf.float32) for name, value in inputs.items()}]
    fixed = tf.function(function, input_signature=signature, autograph=False)
    given = dict(inputs)
    return lambda: {name: value.numpy() for name, value in fixed(given).items()}


def main() -> None:
    """Print the milliseconds of one ``tf.function`` of a fixed signature, on one thread."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    folder = addresses.folder()
    branch_scales = np.ones((1, len(folder.manifest.disableable_blocks)), np.float32)
    inputs = {"image": load_samples()[0].digit.as_input(), "branch_scales": branch_scales}
    call = Network(folder.path / NETWORK_FILE).function(inputs)
    print(1000 * median(in_turn({"": call}, 15, {"": 10})[""]))


if __name__ == "__main__":
    main()
