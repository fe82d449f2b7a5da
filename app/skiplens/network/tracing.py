"""Loads a Keras network and instruments it: outputs of every layer, blocks, branch scales."""

import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import keras
from keras import ops

from skiplens.core.manifest import INPUT, SPATIAL_RANK, BlockInfo, LayerInfo
from skiplens.errors import CompileError, quoted
from skiplens.network.layer_records import (
    POOLS,
    describe_layer,
    is_never_negative,
    merge_name,
    named_blocks,
    residual_block,
    spatial,
    with_output,
)
from skiplens.network.layers import HighwayGate, Residual

Tensor = Any
Call = tuple[Any, tuple[Any, ...], dict[str, Any], Any]


def traced_calls(network: keras.Model, source: Tensor) -> tuple[list[Call], Tensor]:
    """The calls that a functional model makes on ``source``, in order, and its output.

    Each call is the layer, its arguments, its keyword arguments (without ``training`` and ``None``)
    and its output. Cloning is Keras' public way to traverse a graph; the clone is discarded.
    """
    calls: list[Call] = []

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        out = layer(*args, **kwargs)
        used = {name: kwargs[name] for name in kwargs if kwargs[name] is not None}
        used.pop("training", None)
        calls.append((layer, args, used, out))
        return out

    clone = keras.models.clone_model(
        network, source, clone_function=lambda layer: layer, call_function=call
    )
    return calls, clone.output


Rewrite = Callable[[Any, Tensor], Tensor | None]

_IDENTITY_AT_INFERENCE: Final = (keras.layers.Dropout, keras.layers.InputLayer)
_UNRECORDED: Final = (*_IDENTITY_AT_INFERENCE, keras.layers.Flatten)


class Unroller:
    """Unrolls one network into its layers and records them in its attributes.

    Args:
        rewrite: ``rewrite(layer, x)`` may return a replacement for the layer's output, or ``None``.
        scaled_blocks: names of the blocks to scale, in the order of ``branch_scales``.
        branch_scales: ``(N, scaled blocks)``, factors of the residual branches.
        split_routes: also expose each residual block's input once for each route.

    Attributes:
        outputs: every recorded tensor by layer name, in forward order.
        routes: copies of the blocks' inputs by name, if ``split_routes``.
        layers: one record for each output.
        blocks: one record for each Residual; nested ones before those that contain them.
    """

    def __init__(
        self,
        rewrite: Rewrite | None = None,
        scaled_blocks: Sequence[str] = (),
        branch_scales: Tensor = None,
        *,
        split_routes: bool = False,
    ) -> None:
        self.outputs: dict[str, Tensor] = {}
        self.routes: dict[str, Tensor] = {}
        self.layers: list[LayerInfo] = []
        self.blocks: list[BlockInfo] = []
        self._rewrite = rewrite or (lambda layer, x: None)
        self._scaled_blocks = scaled_blocks
        self._branch_scales = branch_scales
        self._split_routes = split_routes
        self._block: str | None = None
        self._names: dict[int, str] = {}
        self._sources: dict[int, tuple[str, ...]] = {}
        self._never_negative: set[int] = set()

    def model(self, network: keras.Model, x: Tensor) -> Tensor:
        """Unroll a sequential or functional model on ``x``."""
        self._sources = self._sources or {id(x): (INPUT,)}
        if isinstance(network, keras.Sequential):
            for layer in network.layers:
                x = self._layer(layer, x)
            return x
        source = keras.Input(batch_shape=x.shape)
        calls, result = traced_calls(network, source)
        values = {id(source): x}

        def value(tensor: Tensor) -> Tensor:
            return values.get(id(tensor), tensor)

        for layer, args, kwargs, outputs in calls:
            mapped = keras.tree.map_structure(value, (args, kwargs), none_is_leaf=True)
            unrolled = self._call(layer, *mapped)
            pairs = zip(keras.tree.flatten(outputs), keras.tree.flatten(unrolled), strict=True)
            values.update((id(old), new) for old, new in pairs)
        return value(result)

    def _call(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Unroll a call on one tensor; make any other call unchanged and record its output."""
        if len(args) == 1 and isinstance(args[0], keras.KerasTensor) and not kwargs:
            return self._layer(layer, args[0])
        out = layer(*args, **kwargs)
        if isinstance(out, keras.KerasTensor):
            self._record_layer(layer, self._sources_of(args, kwargs), out)
        return out

    def _layer(self, layer: Any, x: Tensor) -> Tensor:
        if isinstance(layer, Residual):
            return self._residual(layer, x)
        if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
            return self.model(layer, x)  # a subclassed model has no graph to trace
        out = self._rewrite(layer, x)
        if out is None:
            out = layer(x)
        keeps_sign = isinstance(layer, (*POOLS, *_UNRECORDED)) and id(x) in self._never_negative
        if keeps_sign or is_never_negative(layer):
            self._never_negative.add(id(out))
        if isinstance(layer, _IDENTITY_AT_INFERENCE):
            self._names[id(out)] = self._names.get(id(x), "")
        if isinstance(layer, _UNRECORDED):
            self._sources[id(out)] = self._sources_of(x)
        else:
            self._record_layer(layer, self._sources_of(x), out)
        return out

    def _residual(self, layer: Residual, x: Tensor) -> Tensor:
        outer, self._block = self._block, layer.name
        source = self._names.get(id(x))
        if not source:
            raise CompileError(
                f"block {layer.name!r} must follow a layer with feature maps; the image and a "
                "Flatten have none"
            )
        inner: dict[Any, tuple[str, ...]] = {}

        def run(part: Any, value: Tensor) -> Tensor:
            out = self._layer(part, value)
            inner[part] = self._sources_of(out)
            return out

        split = self._split if self._split_routes else lambda x, route: x
        parts = layer.parts(x, scale=self._branch_scale(layer, x), run=run, split=split)
        if "gate" in parts:
            self._never_negative.add(id(parts["gate"]))
        self._record_parts(layer, parts, inner)
        self.blocks.append(residual_block(layer, source))
        self._block = outer
        return parts["sum"]

    def _record_parts(
        self, layer: Residual, parts: dict[str, Tensor], inner: dict[Any, tuple[str, ...]]
    ) -> None:
        """Record a block's parts; ``inner`` has the sources of each inner layer's output."""
        if layer.shortcut is not None:
            self._record_part("identity", "Projection", inner[layer.shortcut], parts["identity"])
        self._record_part("residual", "Residual", inner[layer.layer], parts["residual"])
        if isinstance(layer.merge, HighwayGate):
            self._record_part("gate", "Gate", inner[layer.merge.layer], parts["gate"])
        merged = [parts[role] for role in ("identity", "residual", "gate") if role in parts]
        self._record_part(
            "sum", merge_name(layer).capitalize(), self._sources_of(*merged), parts["sum"]
        )

    def _branch_scale(self, layer: Residual, x: Tensor) -> Tensor | None:
        if layer.name not in self._scaled_blocks:
            return None
        scale = self._branch_scales[:, self._scaled_blocks.index(layer.name)]
        return ops.reshape(scale, (-1, *[1] * (len(x.shape) - 1)))

    def _split(self, x: Tensor, route: str) -> Tensor:
        copy = ops.multiply(x, 1.0)  # a separate tensor to differentiate by
        self.routes[f"{self._block}.x:{route}"] = copy
        self._names[id(copy)] = self._names[id(x)]
        self._sources[id(copy)] = self._sources_of(x)
        return copy

    def _sources_of(self, *tensors: Any) -> tuple[str, ...]:
        """Names of the layers that computed these tensors, in order."""
        found = (self._sources.get(id(value), ()) for value in keras.tree.flatten(tensors))
        return tuple(chain.from_iterable(found))

    def _record_layer(self, layer: Any, inputs: tuple[str, ...], out: Tensor) -> None:
        signed, shape = id(out) not in self._never_negative, out.shape[1:]
        info = describe_layer(layer, shape, block=self._block, signed=signed, inputs=inputs)
        self._record(info, out)

    def _record_part(self, role: str, kind: str, inputs: tuple[str, ...], out: Tensor) -> None:
        name, shape = f"{self._block}.{role}", spatial(out.shape[1:])
        signed = id(out) not in self._never_negative
        info = LayerInfo(name, kind, role, self._block, shape, signed=signed, inputs=inputs)
        self._record(info, out)

    def _record(self, info: LayerInfo, out: Tensor) -> None:
        if info.name in self.outputs:
            raise CompileError(
                f"layer name {info.name!r} occurs twice in the network; names are addresses, so "
                "every layer needs a unique name and can be called only once"
            )
        self.outputs[info.name] = out
        self._names[id(out)] = info.name
        self._sources[id(out)] = (info.name,)
        self.layers.append(info)


@dataclass(frozen=True)
class InstrumentedModel:
    """A network that returns the output of every layer.

    Attributes:
        model: Keras model from ``{"image": (N, H, W, C)}`` and, if branches can be scaled,
            ``"branch_scales": (N, blocks)``, 1 as trained, to ``{layer name: (N, H, W, C) or
            (N, C)}``.
        layers: one record for each output, in forward order.
        blocks: in forward order.
        routes: names of further outputs, if requested: ``block1.x:identity`` and
            ``block1.x:residual``, the copies of a block's input that feed each route.
    """

    model: keras.Model
    layers: tuple[LayerInfo, ...]
    blocks: tuple[BlockInfo, ...]
    routes: tuple[str, ...]


def instrument(
    network: keras.Model, *, rewrite: Rewrite | None = None, routes: bool = False
) -> InstrumentedModel:
    """Instrument a network.

    Args:
        network: a functional or sequential Keras model of one image and one output.
        rewrite: ``rewrite(layer, x)`` may return a replacement for the layer's output, or ``None``.
        routes: also expose each residual block's input once for each route.

    Raises:
        CompileError: it is another kind of network, two of its layers share a name, or one has a
            name that cannot stand in an address.
    """
    _check_names(network)
    image = keras.Input(_image_shape(network), name="image")
    scaled_blocks = _scalable_blocks(network, image)
    inputs = {"image": image}
    if scaled_blocks:
        inputs["branch_scales"] = keras.Input((len(scaled_blocks),), name="branch_scales")
    unroller = Unroller(rewrite, scaled_blocks, inputs.get("branch_scales"), split_routes=routes)
    unroller.model(network, image)
    blocks = unroller.blocks or named_blocks(unroller.layers)
    return InstrumentedModel(
        keras.Model(inputs, {**unroller.outputs, **unroller.routes}, name=f"{network.name}.traced"),
        tuple(unroller.layers),
        tuple(with_output(block, unroller.layers) for block in blocks),
        tuple(unroller.routes),
    )


_NAME: Final = re.compile(r"[\w.-]+")


def _check_names(network: keras.Model) -> None:
    """Refuse what an address could not name."""
    outputs: list[Any] = getattr(network, "outputs", None) or []
    if len(outputs) > 1:
        raise CompileError(
            f"network {network.name!r} has {len(outputs)} outputs; it must have one, the "
            "probabilities of the classes"
        )
    for layer in getattr(network, "layers", ()):
        if not _NAME.fullmatch(layer.name):
            raise CompileError(
                f"layer {quoted(layer.name)} has a name that cannot stand in an address; letters, "
                "digits, dots, dashes and underscores can"
            )


def _image_shape(network: keras.Model) -> tuple[int, ...]:
    """``(H, W, C)`` of the network's one input; subclassed models cannot be traced."""
    inputs: list[Any] = getattr(network, "inputs", None) or []
    shape = tuple(inputs[0].shape[1:]) if len(inputs) == 1 else ()
    if len(shape) != SPATIAL_RANK or None in shape:
        found = ", ".join(str(tuple(tensor.shape)) for tensor in inputs) or "unknown"
        raise CompileError(
            f"network {network.name!r} must be a functional or sequential model of one image "
            f"(H, W, C) of a fixed size; its inputs are {found}"
        )
    return shape


def _scalable_blocks(network: keras.Model, image: keras.KerasTensor) -> tuple[str, ...]:
    """Names of the blocks whose branch can be scaled, in the order of unrolling."""
    unroller = Unroller()
    unroller.model(network, image)
    return tuple(block.name for block in unroller.blocks if block.can_disable)


def load_network(path: Path) -> keras.Model:
    """The network in a ``.keras`` file.

    Loading can run code in the file: load only files you trust.

    Raises:
        CompileError: the file is missing or not a Keras network.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CompileError(f"{path} is not a Keras network that can be loaded: {reason}") from error
