"""Manifest records of a traced network's layers and blocks."""

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

import keras

from skiplens.core.manifest import OTHER, SPATIAL_RANK, BlockInfo, LayerInfo
from skiplens.network.keras_calls import calls_as_keras
from skiplens.network.recurrent import is_recurrent
from skiplens.network.residual import MERGES, FunctionLayer, HighwayGate, Residual

POOLS: Final = (
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.MaxPooling1D,
    keras.layers.AveragePooling1D,
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalMaxPooling1D,
)
# Element-wise layers, and the operations behind functions such as ``keras.ops.relu``.
_ACTIVATIONS: Final = frozenset(
    {
        *("Activation", "ELU", "LeakyReLU", "PReLU", "ReLU"),
        *("Elu", "Gelu", "LeakyRelu", "Relu", "Relu6"),
        *("Selu", "Sigmoid", "Silu", "Softplus", "Tanh"),
    }
)
PROBABILITIES: Final = ("softmax", "sigmoid")
"""Activations that a network of classes ends in."""
_NEVER_NEGATIVE: Final = tuple(
    getattr(keras.activations, name) for name in ("relu", "relu6", "sigmoid", "softmax", "softplus")
)
_ROLES: Final = (
    (keras.layers.Conv2D, "conv"),
    (keras.layers.BatchNormalization, "norm"),
    (POOLS, "pool"),
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
    block = block or named_block(layer.name)
    convolves = isinstance(layer, keras.layers.Conv2D)
    return LayerInfo(
        name=layer.name,
        kind=layer.kind if isinstance(layer, FunctionLayer) else type(layer).__name__,
        role="output" if layer.name == f"{block}.output" else _role(layer),
        block=block,
        shape=spatial(shape),
        parameters=layer.count_params() if isinstance(layer, keras.layers.Layer) else 0,
        kernel=tuple(layer.kernel_size) if convolves else None,
        strides=_pair(getattr(layer, "strides", None)),
        signed=signed,
        inputs=inputs,
        window=_pair(getattr(layer, "pool_size", None)),
        dilation=tuple(layer.dilation_rate) if convolves else None,
        epsilon=layer.epsilon if _normalises_filters(layer, shape) else None,
        activation=activation_of(layer),
    )


def _normalises_filters(layer: Any, shape: Sequence[int | None]) -> bool:
    """Whether a batch norm has a mean for each filter, and not for each row or column."""
    of_batches = isinstance(layer, keras.layers.BatchNormalization)
    return of_batches and layer.axis in (-1, len(shape))


def _pair(sizes: object) -> tuple[int, int] | None:
    """Sizes down and across: a sequence runs across, and a function can have one size for both.
    ``None`` of anything else, as a user's own layer can give the attribute any meaning.
    """
    match sizes:
        case int():
            return sizes, sizes
        case [int(across)]:
            return 1, across
        case [*_, int(down), int(across)]:
            return down, across
    return None


def named_block(name: str) -> str | None:
    """The block that a layer's name tells, such as ``block1`` of ``block1.conv``."""
    found = _NAMED_BLOCK.match(name)
    return found[1] if found else None


def activation_of(layer: Any) -> str | None:
    """Keras' name for the activation function a layer applies last; ``None`` where that is not
    known.
    """
    if is_plain_relu(layer):
        return "relu"
    if is_softmax(layer):
        return "softmax"
    if is_operation(layer, "Sigmoid"):
        return "sigmoid"
    function = _applied_last(layer)
    if is_recurrent(layer) or function is keras.activations.linear:
        return None
    return _name(function)


def _applied_last(layer: Any) -> Any:
    """The activation of one of Keras' layers; a user's own can apply its own anywhere."""
    is_known = calls_as_keras(layer) and hasattr(layer, "activation")
    return layer.activation if is_known else keras.activations.linear


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def gives_probabilities(layer: Any) -> bool:
    """Whether a layer at the end of a network makes probabilities; there a user's own is trusted to
    apply its activation last.
    """
    return activation_of(layer) in PROBABILITIES or (
        not is_recurrent(layer) and _name(getattr(layer, "activation", None)) in PROBABILITIES
    )


def spatial(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A shape without batch axis as ``(H, W, C)``: missing axes have length 1, and those before the
    last two are laid out as rows.
    """
    *before, width, channels = (1,) * (SPATIAL_RANK - len(shape)) + tuple(shape)
    return math.prod(before), width, channels


def is_plain_relu(layer: Any) -> bool:
    """Whether it computes ``max(x, 0)``, without ceiling, leak or threshold."""
    if not calls_as_keras(layer):
        return False
    if isinstance(layer, keras.layers.Activation):
        return layer.activation is keras.activations.relu
    if not isinstance(layer, keras.layers.ReLU):
        return is_operation(layer, "Relu")
    return bool(layer.max_value is None and layer.negative_slope == 0 and layer.threshold == 0)


def is_never_negative(layer: Any) -> bool:
    """Whether its output is never negative, whatever its input."""
    if not calls_as_keras(layer):
        return False
    if isinstance(layer, keras.layers.ReLU):
        return bool(layer.negative_slope == 0 and layer.threshold >= 0)
    return (
        is_softmax(layer)
        or is_operation(layer, "Relu", "Relu6", "Sigmoid", "Softplus")
        or _applied_last(layer) in _NEVER_NEGATIVE
    )


def is_softmax(layer: Any) -> bool:
    """Whether it is a softmax over the last axis."""
    if not calls_as_keras(layer):
        return False
    if isinstance(layer, keras.layers.Softmax):
        return bool(layer.axis == -1)
    if isinstance(layer, keras.layers.Activation):
        return layer.activation is keras.activations.softmax
    return is_operation(layer, "Softmax") and bool(layer.axis == -1)


def is_operation(layer: Any, *names: str) -> bool:
    """Whether it is the operation behind a Keras function, such as ``Relu``, and no layer."""
    return not isinstance(layer, keras.layers.Layer) and type(layer).__name__ in names


def is_activation(layer: Any) -> bool:
    """Whether it applies an activation function and nothing else."""
    return type(layer).__name__ in _ACTIVATIONS and not is_softmax(layer)


def is_idle(layer: Any) -> bool:
    """Whether it applies an activation that changes nothing."""
    is_linear = getattr(layer, "activation", None) is keras.activations.linear
    return is_linear and isinstance(layer, keras.layers.Activation)


def _role(layer: Any) -> str:
    """The role as the layer's kind tells it; the network tells that of dense layers and softmax."""
    if is_activation(layer):
        return "activation"
    if is_recurrent(layer):
        return "states"
    return next((role for kinds, role in _ROLES if isinstance(layer, kinds)), OTHER)


def merge_name(layer: Residual) -> str:
    """``highway``, a name in :data:`MERGES`, or ``custom``."""
    if isinstance(layer.merge, HighwayGate):
        return "highway"
    return next((name for name, merge in MERGES.items() if layer.merge is merge), "custom")


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
                    rectified=layer.activation == "relu",
                )
            )
    return blocks
