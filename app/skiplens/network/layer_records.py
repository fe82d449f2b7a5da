"""Manifest records of a traced network's layers and blocks."""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import keras

from skiplens.core.manifest import OTHER, SPATIAL_RANK, BlockInfo, LayerInfo
from skiplens.network.layers import MERGES, HighwayGate, Residual

POOLS: Final = (
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
)
# Element-wise layers, and the operations behind functions such as ``keras.ops.relu``.
_ACTIVATIONS: Final = frozenset(
    {
        *("Activation", "ELU", "LeakyReLU", "PReLU", "ReLU"),
        *("Elu", "Gelu", "LeakyRelu", "Relu", "Relu6"),
        *("Selu", "Sigmoid", "Silu", "Softplus", "Tanh"),
    }
)
_NEVER_NEGATIVE: Final = tuple(
    getattr(keras.activations, name) for name in ("relu", "relu6", "sigmoid", "softmax", "softplus")
)
_ROLES: Final = (
    (keras.layers.Conv2D, "conv"),
    (keras.layers.BatchNormalization, "norm"),
    (POOLS, "pool"),
    (keras.layers.Softmax, "probabilities"),
    (keras.layers.Add, "sum"),
)
_NAMED_BLOCK: Final = re.compile(r"(block\d+)\.")


def describe_layer(
    layer: Any,
    shape: tuple[int, ...],
    *,
    block: str | None,
    signed: bool,
    inputs: tuple[str, ...] = (),
) -> LayerInfo:
    """The record of a layer.

    Args:
        layer: a Keras layer, or the operation behind a Keras function.
        shape: of its output, without the batch axis.
        block: block that contains it; if ``None``, taken from a name such as ``block1.conv``.
        signed: whether its output can be negative.
        inputs: names of the layers it is called on.
    """
    if block is None and (named := _NAMED_BLOCK.match(layer.name)):
        block = named[1]
    convolves = isinstance(layer, keras.layers.Conv2D)
    return LayerInfo(
        name=layer.name,
        kind=type(layer).__name__,
        role="output" if layer.name == f"{block}.output" else _role(layer),
        block=block,
        shape=spatial(shape),
        parameters=layer.count_params() if isinstance(layer, keras.layers.Layer) else 0,
        kernel=tuple(layer.kernel_size) if convolves else None,
        strides=tuple(layer.strides) if hasattr(layer, "strides") else None,
        signed=signed,
        inputs=inputs,
        window=tuple(layer.pool_size) if hasattr(layer, "pool_size") else None,
        dilation=tuple(layer.dilation_rate) if convolves else None,
        epsilon=layer.epsilon if isinstance(layer, keras.layers.BatchNormalization) else None,
        activation=_activation(layer),
    )


def _activation(layer: Any) -> str | None:
    """Keras' name for the activation function a layer applies last."""
    if is_plain_relu(layer):
        return "relu"
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    function = getattr(layer, "activation", keras.activations.linear)
    if function is keras.activations.linear:
        return None
    return str(getattr(function, "__name__", type(function).__name__))


def spatial(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A shape without batch axis as ``(H, W, C)``; missing axes have length 1."""
    height, width, channels = (1,) * (SPATIAL_RANK - len(shape)) + tuple(shape)
    return height, width, channels


def is_plain_relu(layer: Any) -> bool:
    """Whether it computes ``max(x, 0)``, without ceiling, leak or threshold."""
    if isinstance(layer, keras.layers.Activation):
        return layer.activation is keras.activations.relu
    return (
        isinstance(layer, keras.layers.ReLU)
        and layer.max_value is None
        and layer.negative_slope == 0
        and layer.threshold == 0
    )


def is_never_negative(layer: Any) -> bool:
    """Whether its output is never negative, whatever its input."""
    softmax = isinstance(layer, keras.layers.Softmax)
    return softmax or is_plain_relu(layer) or getattr(layer, "activation", None) in _NEVER_NEGATIVE


def _role(layer: Any) -> str:
    if isinstance(layer, keras.layers.Dense):
        return "logits" if layer.activation is keras.activations.linear else OTHER
    if type(layer).__name__ in _ACTIVATIONS:
        return "activation"
    return next((role for kinds, role in _ROLES if isinstance(layer, kinds)), OTHER)


def merge_name(layer: Residual) -> str:
    """``highway``, a name in :data:`MERGES`, or ``custom``."""
    if isinstance(layer.merge, HighwayGate):
        return "highway"
    return next((name for name, merge in MERGES.items() if layer.merge is merge), "custom")


def residual_block(layer: Residual, source: str) -> BlockInfo:
    """The record of a Residual whose input is layer ``source``."""
    name = layer.name
    return BlockInfo(
        name=name,
        merge=merge_name(layer),
        input=source,
        identity=source if layer.shortcut is None else f"{name}.identity",
        residual=f"{name}.residual",
        gate=f"{name}.gate" if isinstance(layer.merge, HighwayGate) else None,
        sum=f"{name}.sum",
        output=f"{name}.output",
        can_disable=layer.can_disable,
    )


def with_output(block: BlockInfo, layers: Iterable[LayerInfo]) -> BlockInfo:
    """The block with its sum as output if it has no layer after it, and whether that is a ReLU."""
    output = next((layer for layer in layers if layer.name == block.output), None)
    rectified = output is not None and output.activation == "relu"
    name = block.output if output or block.sum is None else block.sum
    return replace(block, output=name, rectified=rectified)


def named_blocks(layers: Iterable[LayerInfo]) -> list[BlockInfo]:
    """Blocks of a network without Residual layers; each ends in a layer like ``block1.output``."""
    sources: dict[str, str] = {}
    blocks = []
    for before, layer in pairwise(layers):
        if layer.block is None:
            continue
        source = sources.setdefault(layer.block, before.name)
        if layer.role == "output":
            blocks.append(
                BlockInfo(
                    name=layer.block,
                    merge=None,
                    input=source,
                    identity=None,
                    residual=before.name,
                    gate=None,
                    sum=None,
                    output=layer.name,
                    can_disable=False,
                )
            )
    return blocks
