"""Every network that the contracts hold for: one of each kind that ships, and small ones made at
random.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.engine.litert import run_once
from skiplens.engine.select import open_engines
from skiplens.network.compiling import compile_network
from skiplens.network.residual import HighwayGate, Residual
from tests.conftest import MAX_WAITING, SHALLOW
from tests.network.tiny import Tensor, randomise

SEEDS = {f"random{seed}": seed for seed in range(3)}
NETWORKS = [*SHALLOW, *SEEDS]


def random_network(seed: int) -> keras.Model:
    """A chain of blocks of every merge, in an order and of widths that the seed chooses."""
    rng = np.random.default_rng(seed)
    image = keras.Input((28, 28, 1), name="image")
    x = layers.Conv2D(3, 3, strides=4, padding="same", name="stem.conv")(image)
    x = layers.ReLU(name="stem.output")(x)
    for at, kind in enumerate(rng.permutation([*_BLOCKS]), 1):
        x = _BLOCKS[kind](f"block{at}", x, int(rng.integers(2, 6)))(x)
        x = layers.ReLU(name=f"block{at}.output")(x)
    x = layers.GlobalAveragePooling2D(name="head.pool")(x)
    x = layers.Dense(10, name="head.logits")(x)
    x = layers.Softmax(name="head.probabilities")(x)
    return randomise(keras.Model(image, x), seed)


def _conv(name: str, width: int, kernel: int = 3) -> layers.Layer:
    return layers.Conv2D(width, kernel, padding="same", name=name)


def _branch(name: str, width: int) -> keras.Sequential:
    parts = [
        _conv(f"{name}.conv1", width),
        layers.BatchNormalization(name=f"{name}.norm1"),
        layers.ReLU(name=f"{name}.relu1"),
        _conv(f"{name}.conv2", width),
    ]
    return keras.Sequential(parts, name=f"{name}.branch")


def _same(name: str, x: Tensor, merge: str | HighwayGate) -> Residual:
    return Residual(_branch(name, x.shape[-1]), merge=merge, name=name)


_BLOCKS: Mapping[str, Callable[[str, Tensor, int], Residual]] = {
    "add": lambda name, x, _: _same(name, x, "add"),
    "multiply": lambda name, x, _: _same(name, x, "multiply"),
    "average": lambda name, x, _: _same(name, x, "average"),
    "highway": lambda name, x, _: _same(
        name, x, HighwayGate(_conv(f"{name}.gate.conv", x.shape[-1]), name=f"{name}.gate")
    ),
    "projected": lambda name, _, width: Residual(
        _branch(name, width), shortcut=_conv(f"{name}.shortcut", width, 1), name=name
    ),
    "concatenate": lambda name, _, width: Residual(
        _branch(name, width), merge="concatenate", name=name
    ),
}


def open_random(folder: Path) -> Mapping[str, Engine]:
    """The random networks, compiled in a folder and opened."""
    for name, seed in SEEDS.items():
        (folder / name).mkdir()
        random_network(seed).save(folder / name / "network.keras")
        compile_network(folder / name, run_once)
    return open_engines(folder, "litert", 1, MAX_WAITING)


def without(network: keras.Model, off: tuple[str, ...]) -> keras.Model:
    """The network built anew without these blocks' branches, with every layer's output by name."""
    x = image = keras.Input(network.input_shape[1:])
    outputs = {}
    for layer in network.layers[1:]:
        residual = isinstance(layer, Residual)
        if residual and layer.name in off:
            x = layer.shortcut(x) if layer.shortcut else layers.Identity()(x)
        else:
            x = layer(x)
        outputs[f"{layer.name}.sum" if residual else layer.name] = x
    return keras.Model(image, outputs)


def scaled(network: keras.Model, factors: Mapping[str, float]) -> keras.Model:
    """The network built anew with the branch, or the highway gate, of each block multiplied."""
    x = image = keras.Input(network.input_shape[1:])
    outputs = {}
    for layer in network.layers[1:]:
        residual = isinstance(layer, Residual)
        if not residual or layer.name not in factors:
            x = layer(x)
        elif isinstance(layer.merge, HighwayGate):
            gate = layers.Activation("sigmoid")(layer.merge.layer(x)) * factors[layer.name]
            x = gate * layer.layer(x) + (1 - gate) * x
        else:
            identity = layer.shortcut(x) if layer.shortcut else x
            x = identity + factors[layer.name] * layer.layer(x)
        outputs[f"{layer.name}.sum" if residual else layer.name] = x
    return keras.Model(image, outputs)


def one_hot(engine: Engine, digit: Digit, off: tuple[str, ...], target: int) -> dict[str, Any]:
    """The inputs of a gradient graph."""
    branch_scales = [[float(name not in off) for name in engine.manifest.disableable_blocks]]
    inputs = {"image": digit.as_input(), "branch_scales": np.array(branch_scales, np.float32)}
    if not engine.manifest.disableable_blocks:
        del inputs["branch_scales"]
    return {**inputs, "target": np.eye(10, dtype=np.float32)[[target]]}
