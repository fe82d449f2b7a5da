"""Turns a tapped network into LiteRT graphs: every activation, and the gradient at every layer.

Each graph is converted by itself from one concrete function and no trackable object: converting a
module, or two signatures at once, drops the weights without a word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from app.network.tapping import Tapped, tap

Arrays = Mapping[str, NDArray[np.float32]]

_PROBABILITIES: Final = "probabilities"
_LOGITS: Final = "logits"


@dataclass(frozen=True)
class Graph:
    """A compiled graph.

    Attributes:
        content: the LiteRT flatbuffer.
        inputs: input names, in order; all float32, batch size 1.
        outputs: output names, in the order the graph returns them.
    """

    content: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def compile_activations(tapped: Tapped) -> Graph:
    """The graph of ``image (1, H, W, C)`` and ``gates (1, n)`` to every layer's output."""
    names = tuple(layer.name for layer in tapped.layers)

    def activations(**inputs: tf.Tensor) -> list[tf.Tensor]:
        outputs = tapped.model(inputs, training=False)
        return [outputs[name] for name in names]

    return _convert(activations, _signature(tapped), names)


def compile_gradients(network: keras.Model) -> Graph:
    """The graph of ``image``, ``gates`` and ``target (1, classes)`` (one-hot) to the gradient of
    log p(target) at every layer, and at each block's input by route."""
    tapped = tap(network, rewrite=_differentiable, routes=True)
    logits = _layer_of(tapped, _LOGITS)
    names = gradient_names(tapped)

    def gradients(target: tf.Tensor, **inputs: tf.Tensor) -> list[tf.Tensor]:
        return _gradients(tapped.model, inputs, target, logits, names)

    signature = _signature(tapped)
    classes = next(layer.filters for layer in tapped.layers if layer.name == logits)
    signature["target"] = tf.TensorSpec((1, classes), tf.float32, name="target")
    return _convert(gradients, signature, names)


def gradient_names(tapped: Tapped) -> tuple[str, ...]:
    """What the gradient graph returns, in order: layers up to the logits, then the routes."""
    layers = (layer.name for layer in tapped.layers if layer.role != _PROBABILITIES)
    return (*layers, *tapped.routes)


def reference_gradients(network: keras.Model, inputs: Arrays) -> dict[str, NDArray[np.float32]]:
    """What the gradient graph should return, by ``GradientTape`` on the network as it is."""
    tapped = tap(network, routes=True)
    names = gradient_names(tapped)
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    target = tensors.pop("target")
    found = _gradients(tapped.model, tensors, target, _layer_of(tapped, _LOGITS), names)
    return {name: value.numpy() for name, value in zip(names, found, strict=True)}


def _gradients(
    model: keras.Model,
    inputs: Mapping[str, tf.Tensor],
    target: tf.Tensor,
    logits: str,
    names: tuple[str, ...],
) -> list[tf.Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(list(inputs.values()))
        outputs = model(inputs, training=False)
        log_p = tf.reduce_sum(target * tf.nn.log_softmax(outputs[logits]))
    found: list[tf.Tensor] = tape.gradient(log_p, [outputs[name] for name in names])
    return found


def _layer_of(tapped: Tapped, role: str) -> str:
    return next(layer.name for layer in tapped.layers if layer.role == role)


def _differentiable(layer: keras.layers.Layer, x: Any) -> Any:
    """The same function from operations whose gradients LiteRT has: those of ReLU and of max
    pooling it has not."""
    if isinstance(layer, keras.layers.ReLU):
        return ops.multiply(x, ops.cast(ops.greater(x, 0.0), x.dtype))
    if isinstance(layer, keras.layers.MaxPooling2D):
        height, width, channels = x.shape[1:]
        down, across = layer.pool_size
        tiles = (-1, height // down, down, width // across, across, channels)
        return ops.max(ops.reshape(x, tiles), axis=(2, 4))
    return None


def _signature(tapped: Tapped) -> dict[str, tf.TensorSpec]:
    return {
        name: tf.TensorSpec((1, *tensor.shape[1:]), tf.float32, name=name)
        for name, tensor in tapped.model.input.items()
    }


def _convert(function: Any, signature: dict[str, tf.TensorSpec], outputs: tuple[str, ...]) -> Graph:
    concrete = tf.function(function, autograph=False).get_concrete_function(**signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    inputs = tuple(tensor.name.split(":")[0] for tensor in concrete.inputs[: len(signature)])
    return Graph(converter.convert(), inputs, outputs)
