"""Small networks that tests make, with weights that leave nothing trivial."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from skiplens.core.manifest import Manifest
from skiplens.engine.litert import run_once
from skiplens.network.architectures import ARCHITECTURES
from skiplens.network.compiling import compile_network
from skiplens.network.residual import HighwayGate, Residual
from skiplens.network.tracing import InstrumentedModel, instrument

Array = NDArray[np.float32]
Tensor = Any  # Keras ships no types

# A mark for tests that save: Keras reads its variables in a way that newer NumPys warn of.
SAVES_WITH_KERAS = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def randomise(network: keras.Model, seed: int = 0) -> keras.Model:
    """Give every weight a value of its own: kernels of He's scale, batch norms that do a thing."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if weight.dtype != "float32":
            continue
        if weight.name in {"gamma", "moving_variance"}:
            value = rng.uniform(0.5, 1.5, weight.shape)
        elif weight.name == "kernel":
            value = rng.normal(0, (2 / np.prod(weight.shape[:-1])) ** 0.5, weight.shape)
        else:
            value = rng.normal(0, 0.3, weight.shape)
        weight.assign(value.astype(np.float32))
    return network


def _conv(name: str, width: int, strides: int = 1) -> layers.Layer:
    return layers.Conv2D(width, 3, strides=strides, padding="same", name=name)


def _branch(name: str, width: int, strides: int = 1) -> keras.Sequential:
    parts = [
        _conv(f"{name}.conv1", width, strides),
        layers.BatchNormalization(name=f"{name}.norm1"),
        layers.ReLU(name=f"{name}.relu1"),
        _conv(f"{name}.conv2", width),
    ]
    return keras.Sequential(parts, name=f"{name}.branch")


def tiny_network() -> keras.Model:
    """One block of each kind on few channels, a sum, a projected one and a highway; max pooling."""
    image = keras.Input((28, 28, 1), name="image")
    x = _conv("stem.conv", 3, strides=4)(image)
    x = layers.ReLU(name="stem.output")(x)
    x = Residual(_branch("block1", 3), name="block1")(x)
    x = layers.ReLU(name="block1.output")(x)
    shortcut = layers.Conv2D(4, 1, strides=2, padding="same", name="block2.shortcut")
    x = Residual(_branch("block2", 4, strides=2), shortcut=shortcut, name="block2")(x)
    x = layers.ReLU(name="block2.output")(x)
    gate = HighwayGate(_conv("block3.gate.conv", 4), name="block3.gate")
    x = Residual(_branch("block3", 4), merge=gate, name="block3")(x)
    x = layers.ReLU(name="block3.output")(x)
    x = layers.MaxPooling2D(2, name="head.pool")(x)
    x = layers.Flatten(name="head.flatten")(x)
    x = layers.Dropout(0.5, name="head.dropout")(x)
    x = layers.Dense(10, name="head.logits")(x)
    x = layers.Softmax(name="head.probabilities")(x)
    return randomise(keras.Model(image, x, name="tiny"))


@cache
def instrumented(name: str) -> tuple[keras.Model, InstrumentedModel]:
    """An architecture, or the tiny network, with random weights; tests leave them as they are."""
    network = tiny_network() if name == "tiny" else randomise(ARCHITECTURES[name]())
    return network, instrument(network)


def sublayers(layer: Tensor) -> Iterator[layers.Layer]:
    """Every layer inside, itself included."""
    yield layer
    if isinstance(layer, keras.Model):
        inside = layer.layers
    elif isinstance(layer, Residual):
        inside = [layer.layer, layer.shortcut, getattr(layer.merge, "layer", None)]
    else:
        inside = []
    for part in inside:
        if part is not None:
            yield from sublayers(part)


def images(count: int = 1, seed: int = 1) -> Array:
    """Noise like ink on a black ground, float32 ``(count, 28, 28, 1)`` in [0, 1]."""
    noise = np.random.default_rng(seed).normal(0.2, 0.6, (count, 28, 28, 1))
    return np.clip(noise, 0, 1).astype(np.float32)


def numpy(value: Tensor) -> Array:
    """A tensor or a weight as an array."""
    return np.asarray(value, np.float32)


@contextmanager
def without_gradients() -> Iterator[None]:
    """Networks are compiled to activations alone: converting gradients takes most of the time."""
    with pytest.MonkeyPatch.context() as patched:
        place = "skiplens.network.compiling._gradients_or_reason"
        patched.setattr(place, lambda network: "left out")
        yield


def compile_tiny(folder: Path) -> Manifest:
    """Save and compile the tiny network in a folder, which is created."""
    folder.mkdir(parents=True)
    tiny_network().save(folder / "network.keras")
    return compile_network(folder, run_once)
