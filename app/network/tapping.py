"""Opens a network up: one Keras model with the output of every layer, wrapped ones included.

A ``Residual`` is unrolled into its parts, each with a name of its own, and its branch is scaled by
a gate that is an input of the tapped model. The weights are those of the network, not copies.
"""

from dataclasses import dataclass
from typing import Any

import keras

from app.core.manifest import SPATIAL_RANK, BlockInfo, LayerInfo
from app.errors import CompileError
from app.network.describing import named_blocks, with_output
from app.network.unrolling import Rewrite, Unroller


@dataclass(frozen=True)
class Tapped:
    """A network opened up.

    Attributes:
        model: Keras model of ``{"image": (N, H, W, C)}`` and, where blocks can be switched off,
            ``"gates": (N, switchable blocks)``, 1 as trained, to ``{layer name: (N, H, W, C) or
            (N, C)}``.
        layers: one record for each output, in forward order.
        blocks: the blocks, in forward order.
        routes: names of the model's further outputs, where they were asked for:
            ``block1.x:identity`` and ``block1.x:residual``, the copies of a block's input that
            feed each route.
    """

    model: keras.Model
    layers: tuple[LayerInfo, ...]
    blocks: tuple[BlockInfo, ...]
    routes: tuple[str, ...]


def tap(network: keras.Model, *, rewrite: Rewrite | None = None, routes: bool = False) -> Tapped:
    """Open a network up.

    Args:
        network: a functional or sequential Keras model of one image and one output.
        rewrite: ``rewrite(layer, x)`` may return a replacement for calling a layer, or ``None``.
        routes: also expose each residual block's input once for each route.

    Raises:
        CompileError: it is another kind of network, or two of its layers share a name.
    """
    image = keras.Input(_image_shape(network), name="image")
    switches = _switches(network, image)
    gates = keras.Input((len(switches),), name="gates") if switches else None
    unroller = Unroller(rewrite, switches, gates, split_routes=routes)
    unroller.model(network, image)
    inputs = {"image": image} if gates is None else {"image": image, "gates": gates}
    blocks = unroller.blocks or named_blocks(unroller.layers)
    return Tapped(
        keras.Model(inputs, {**unroller.taps, **unroller.routes}, name=f"{network.name}.tapped"),
        tuple(unroller.layers),
        tuple(with_output(block, unroller.taps) for block in blocks),
        tuple(unroller.routes),
    )


def _image_shape(network: keras.Model) -> tuple[int, ...]:
    """``(H, W, C)`` of the network's one input; subclassed models cannot be walked at all."""
    inputs: list[Any] = getattr(network, "inputs", None) or []
    shape = tuple(inputs[0].shape[1:]) if len(inputs) == 1 else ()
    if len(shape) != SPATIAL_RANK or None in shape:
        found = ", ".join(str(tuple(tensor.shape)) for tensor in inputs) or "none that is known"
        raise CompileError(
            f"network {network.name!r} must be a functional or sequential model of one image "
            f"(H, W, C) of a fixed size; its inputs are {found}"
        )
    return shape


def _switches(network: keras.Model, image: keras.KerasTensor) -> tuple[str, ...]:
    """Names of the blocks that can be switched off, as unrolling will come by them."""
    scout = Unroller()
    scout.model(network, image)
    return tuple(block.name for block in scout.blocks if block.switchable)
