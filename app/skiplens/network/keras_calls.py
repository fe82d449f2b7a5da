"""Whether a layer computes as Keras has it: a class of one's own can override its call."""

from typing import Any

import keras


def calls_as_keras(layer: Any) -> bool:
    """Whether the method that computes a layer's output is defined in Keras.

    A subclass of ``Conv2D`` without one computes a convolution; one with a ``call`` of its own can
    compute anything.
    """
    owner = next((one for one in type(layer).__mro__ if "call" in vars(one)), type(layer))
    return owner.__module__.startswith("keras.")


def has_graph(layer: Any) -> bool:
    """Whether it is a model whose layers tell what it computes."""
    is_model = isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))
    return is_model and calls_as_keras(layer)
