"""Walks a functional model: the calls that it makes, one by one, in order."""

from typing import Any

import keras

Tensor = Any
Step = tuple[Any, tuple[Any, ...], dict[str, Any], Any]


def steps_of(network: keras.Model, source: Tensor) -> tuple[list[Step], Tensor]:
    """The calls that a functional model makes on ``source``, in order, and what it returns.

    Each is the layer, its arguments, its keyword arguments but ``training`` and those left at
    ``None``, and its output.

    Cloning is Keras' public way to walk a graph; the clone itself is thrown away, since the gates
    that the unrolled layers take are not among its inputs.
    """
    steps: list[Step] = []

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        out = layer(*args, **kwargs)
        told = {name: kwargs[name] for name in kwargs if kwargs[name] is not None}
        told.pop("training", None)
        steps.append((layer, args, told, out))
        return out

    clone = keras.models.clone_model(
        network, source, clone_function=lambda layer: layer, call_function=call
    )
    return steps, clone.output
