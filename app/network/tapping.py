"""Opens a network up: one Keras model with the output of every layer, wrapped ones included.

A ``Residual`` is unrolled into its parts, each with a name of its own, and its branch is scaled by
a gate that is an input of the tapped model. The weights are those of the network, not copies.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import keras
from keras import ops

from app.core.manifest import SPATIAL_RANK, BlockInfo, LayerInfo
from app.network.merges import MERGES, HighwayGate
from app.network.residual import Residual

Tensor = Any
Rewrite = Callable[[keras.layers.Layer, Tensor], Tensor | None]

ROUTES: Final = ("identity", "residual")
_NAMED_BLOCK: Final = re.compile(r"(block\d+)\.")
_WITHOUT_MAPS: Final = (keras.layers.Dropout, keras.layers.Flatten, keras.layers.InputLayer)
_POOLS: Final = (
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
)


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
        network: a functional Keras model of one image input and one output.
        rewrite: ``rewrite(layer, x)`` may return a replacement for calling a layer, or ``None``.
        routes: also expose each residual block's input once for each route.
    """
    image = keras.Input(network.input_shape[1:], name="image")
    switches = _switchable(network)
    gates = keras.Input((len(switches),), name="gates") if switches else None
    unroller = _Unroller(rewrite or (lambda layer, x: None), gates, switches, routes)
    unroller.names[id(image)] = "image"
    unroller.model(network, image)
    inputs = {"image": image} if gates is None else {"image": image, "gates": gates}
    blocks = unroller.residual_blocks or _blocks_by_name(unroller.layers)
    return Tapped(
        keras.Model(inputs, {**unroller.taps, **unroller.routes}, name=f"{network.name}.tapped"),
        tuple(unroller.layers),
        tuple(_with_output(block, unroller.taps) for block in blocks),
        tuple(unroller.routes),
    )


def _switchable(network: keras.Model) -> list[str]:
    """Names of the blocks that have a gate, nested models included."""
    found = []
    for layer in network.layers:
        if isinstance(layer, Residual) and layer.switchable:
            found.append(layer.name)
        elif isinstance(layer, keras.Model):
            found.extend(_switchable(layer))
    return found


class _Unroller:
    """Calls a network's layers one by one on symbolic tensors and records what comes out."""

    def __init__(
        self, rewrite: Rewrite, gates: Tensor | None, switches: list[str], split_routes: bool
    ) -> None:
        self.taps: dict[str, Tensor] = {}
        self.routes: dict[str, Tensor] = {}
        self.layers: list[LayerInfo] = []
        self.residual_blocks: list[BlockInfo] = []
        self.names: dict[int, str] = {}
        self._rewrite = rewrite
        self._gates = gates
        self._switches = switches
        self._split_routes = split_routes
        self._block: str | None = None
        self._never_negative: set[int] = set()

    def model(self, network: keras.Model, x: Tensor) -> Tensor:
        """Unroll a sequential or functional model on ``x``."""
        if isinstance(network, keras.Sequential):
            for layer in network.layers:
                x = self.layer(layer, x)
            return x
        source = keras.Input(batch_shape=x.shape)
        steps, result = _steps(network, source)
        values = {id(source): x}

        def value(tensor: Tensor) -> Tensor:
            return values.get(id(tensor), tensor)

        for layer, args, kwargs, out in steps:
            if len(args) == 1 and all(argument is None for argument in kwargs.values()):
                values[id(out)] = self.layer(layer, value(args[0]))
            else:
                args, kwargs = keras.tree.map_structure(value, (args, kwargs), none_is_leaf=True)
                values[id(out)] = layer(*args, **kwargs)
        return value(result)

    def layer(self, layer: keras.layers.Layer, x: Tensor) -> Tensor:
        """Unroll one layer on ``x``."""
        if isinstance(layer, Residual):
            return self._residual(layer, x)
        if isinstance(layer, keras.Model):
            return self.model(layer, x)
        out = self._rewrite(layer, x)
        if out is None:
            out = layer(x)
        if self._stays_positive(layer, x):
            self._never_negative.add(id(out))
        if not isinstance(layer, _WITHOUT_MAPS):
            self._record(layer.name, out, type(layer).__name__, _role(layer), layer)
        return out

    def _stays_positive(self, layer: keras.layers.Layer, x: Tensor) -> bool:
        if isinstance(layer, (keras.layers.ReLU, keras.layers.Softmax)):
            return True
        keeps_sign = isinstance(layer, (*_POOLS, *_WITHOUT_MAPS))
        return keeps_sign and id(x) in self._never_negative

    def _residual(self, layer: Residual, x: Tensor) -> Tensor:
        outer, self._block = self._block, layer.name
        source = self.names[id(x)]
        parts = layer.parts(
            x,
            scale=self._gate(layer),
            run=self.layer,
            split=self._split(layer.name) if self._split_routes else None,
        )
        if "gate" in parts:
            self._never_negative.add(id(parts["gate"]))
        named = {"residual": "Residual", "gate": "Gate", "sum": _merge_kind(layer)}
        if layer.shortcut is not None:
            named = {"identity": "Projection", **named}
        for role, kind in named.items():
            if role in parts:
                self._record(f"{layer.name}.{role}", parts[role], kind, role)
        self.residual_blocks.append(_residual_block(layer, source, parts))
        self._block = outer
        return parts["sum"]

    def _gate(self, layer: Residual) -> Tensor | None:
        if not layer.switchable:
            return None
        at = self._switches.index(layer.name)
        return ops.reshape(self._gates[:, at], (-1, 1, 1, 1))

    def _split(self, block: str) -> Callable[[Tensor, str], Tensor]:
        def split(x: Tensor, route: str) -> Tensor:
            copy = ops.multiply(x, 1.0)  # a tensor of its own, to take a gradient at
            self.routes[f"{block}.x:{route}"] = copy
            return copy

        return split

    def _record(
        self,
        name: str,
        tensor: Tensor,
        kind: str,
        role: str,
        layer: keras.layers.Layer | None = None,
    ) -> None:
        shape = tuple(tensor.shape[1:])
        block = self._block or _block_in(name)
        convolves = isinstance(layer, keras.layers.Conv2D)
        self.taps[name] = tensor
        self.names[id(tensor)] = name
        self.layers.append(
            LayerInfo(
                name=name,
                kind=kind,
                role="output" if name == f"{block}.output" else role,
                block=block,
                shape=shape if len(shape) == SPATIAL_RANK else (1, 1, shape[-1]),
                parameters=layer.count_params() if layer is not None else 0,
                kernel=tuple(layer.kernel_size) if convolves else None,
                strides=tuple(layer.strides) if hasattr(layer, "strides") else None,
                signed=id(tensor) not in self._never_negative,
            )
        )


Step = tuple[keras.layers.Layer, tuple[Tensor, ...], dict[str, Any], Tensor]


def _steps(network: keras.Model, source: Tensor) -> tuple[list[Step], Tensor]:
    """The calls that a functional model makes on ``source``, in order, and what it returns.

    Cloning is Keras' public way to walk a graph; the clone itself is thrown away, since the gates
    that the unrolled layers take are not among its inputs.
    """
    steps: list[Step] = []

    def call(layer: keras.layers.Layer, *args: Tensor, **kwargs: Any) -> Tensor:
        steps.append((layer, args, kwargs, layer(*args, **kwargs)))
        return steps[-1][-1]

    clone = keras.models.clone_model(
        network, source, clone_function=lambda layer: layer, call_function=call
    )
    return steps, clone.output


def _role(layer: keras.layers.Layer) -> str:
    if isinstance(layer, keras.layers.Conv2D):
        return "conv"
    if isinstance(layer, keras.layers.BatchNormalization):
        return "norm"
    if isinstance(layer, _POOLS):
        return "pool"
    if isinstance(layer, keras.layers.Dense):
        return "logits"
    if isinstance(layer, keras.layers.Softmax):
        return "probabilities"
    return "activation"


def _merge_kind(layer: Residual) -> str:
    return "Highway" if isinstance(layer.merge, HighwayGate) else _merge_name(layer).capitalize()


def _merge_name(layer: Residual) -> str:
    if isinstance(layer.merge, HighwayGate):
        return "highway"
    for name, merge in MERGES.items():
        if layer.merge is merge:
            return name
    return "custom"


def _residual_block(layer: Residual, source: str, parts: dict[str, Tensor]) -> BlockInfo:
    name = layer.name
    return BlockInfo(
        name=name,
        merge=_merge_name(layer),
        input=source,
        identity=source if layer.shortcut is None else f"{name}.identity",
        residual=f"{name}.residual",
        gate=f"{name}.gate" if "gate" in parts else None,
        sum=f"{name}.sum",
        output=f"{name}.output",
        switchable=layer.switchable,
    )


def _block_in(name: str) -> str | None:
    match = _NAMED_BLOCK.match(name)
    return match.group(1) if match else None


def _blocks_by_name(layers: list[LayerInfo]) -> list[BlockInfo]:
    """Blocks of a network without residual layers, known by their layers' names alone."""
    blocks: dict[str, BlockInfo] = {}
    for before, layer in zip(layers, layers[1:], strict=False):
        name = layer.block
        if name is None:
            continue
        if name not in blocks:
            blocks[name] = BlockInfo(
                name, None, before.name, None, None, None, None, f"{name}.output", False
            )
        if layer.name == blocks[name].output:  # what it is given is all that the block computes
            blocks[name] = replace(blocks[name], residual=before.name)
    return list(blocks.values())


def _with_output(block: BlockInfo, taps: dict[str, Tensor]) -> BlockInfo:
    """A block without an activation behind it puts out its sum."""
    if block.output in taps or block.sum is None:
        return block
    return replace(block, output=block.sum)
