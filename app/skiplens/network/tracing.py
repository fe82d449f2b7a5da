"""Loads a Keras network and instruments it: every layer's output, blocks, scale inputs."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import keras
from keras import ops

from skiplens.core.manifest import INPUT, SPATIAL_RANK, BlockInfo, LayerInfo
from skiplens.errors import CompileError
from skiplens.network import layers as registers_layers
from skiplens.network.layer_records import (
    POOLS,
    describe_layer,
    is_never_negative,
    merge_kind,
    named_blocks,
    residual_block,
    spatial,
    with_output,
)
from skiplens.network.layers import HighwayGate, Residual

Tensor = Any
Step = tuple[Any, tuple[Any, ...], dict[str, Any], Any]


def steps_of(network: keras.Model, source: Tensor) -> tuple[list[Step], Tensor]:
    """The calls that a functional model makes on ``source``, in order, and what it returns.

    Each is the layer, its arguments, its keyword arguments but ``training`` and those left at
    ``None``, and its output.

    Cloning is Keras' public way to walk a graph; the clone itself is thrown away, since the scales
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


Rewrite = Callable[[Any, Tensor], Tensor | None]

_SAME_IN_USE: Final = (keras.layers.Dropout, keras.layers.InputLayer)
_WITHOUT_MAPS: Final = (*_SAME_IN_USE, keras.layers.Flatten)


class Unroller:
    """Unrolls one network; what it found is in its attributes.

    Args:
        rewrite: ``rewrite(layer, x)`` may return a replacement for calling a layer, or ``None``.
        switches: names of the blocks that are given a gate, in the order of ``branch_scales``.
        branch_scales: ``(N, switches)``, factors of the blocks' residual branches.
        split_routes: also expose each residual block's input once for each route.

    Attributes:
        taps: every recorded tensor by layer name, in forward order.
        routes: the copies of the blocks' inputs by name, where they were asked for.
        layers: one record for each tap.
        blocks: one record for each Residual, inner ones before those that hold them.
    """

    def __init__(
        self,
        rewrite: Rewrite | None = None,
        switches: Sequence[str] = (),
        branch_scales: Tensor = None,
        *,
        split_routes: bool = False,
    ) -> None:
        self.taps: dict[str, Tensor] = {}
        self.routes: dict[str, Tensor] = {}
        self.layers: list[LayerInfo] = []
        self.blocks: list[BlockInfo] = []
        self._rewrite = rewrite or (lambda layer, x: None)
        self._switches = switches
        self._gates = branch_scales
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
        steps, result = steps_of(network, source)
        values = {id(source): x}

        def value(tensor: Tensor) -> Tensor:
            return values.get(id(tensor), tensor)

        for layer, args, kwargs, outputs in steps:
            mapped = keras.tree.map_structure(value, (args, kwargs), none_is_leaf=True)
            unrolled = self._call(layer, *mapped)
            pairs = zip(keras.tree.flatten(outputs), keras.tree.flatten(unrolled), strict=True)
            values.update((id(old), new) for old, new in pairs)
        return value(result)

    def _call(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Unroll a call of one tensor; make any other as it stands and record what comes out."""
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
            return self.model(layer, x)  # a subclassed model has no inputs to walk from
        out = self._rewrite(layer, x)
        if out is None:
            out = layer(x)
        if self._stays_positive(layer, x):
            self._never_negative.add(id(out))
        if isinstance(layer, _SAME_IN_USE):
            self._names[id(out)] = self._names.get(id(x), "")
        if isinstance(layer, _WITHOUT_MAPS):
            self._sources[id(out)] = self._sources_of(x)
        else:
            self._record_layer(layer, self._sources_of(x), out)
        return out

    def _stays_positive(self, layer: Any, x: Tensor) -> bool:
        if is_never_negative(layer):
            return True
        return isinstance(layer, (*POOLS, *_WITHOUT_MAPS)) and id(x) in self._never_negative

    def _residual(self, layer: Residual, x: Tensor) -> Tensor:
        outer, self._block = self._block, layer.name
        source = self._names.get(id(x))
        if not source:
            raise CompileError(
                f"block {layer.name!r} must follow a layer that has maps; the image itself and a "
                "Flatten have none"
            )
        inner: dict[Any, tuple[str, ...]] = {}

        def run(part: Any, value: Tensor) -> Tensor:
            out = self._layer(part, value)
            inner[part] = self._sources_of(out)
            return out

        split = self._split(layer.name) if self._split_routes else None
        parts = layer.parts(x, scale=self._gate(layer, x), run=run, split=split)
        if "gate" in parts:
            self._never_negative.add(id(parts["gate"]))
        self._record_parts(layer, parts, inner)
        self.blocks.append(residual_block(layer, source))
        self._block = outer
        return parts["sum"]

    def _record_parts(
        self, layer: Residual, parts: dict[str, Tensor], inner: dict[Any, tuple[str, ...]]
    ) -> None:
        """Record a block's parts; ``inner`` says what each of its inner layers' outputs is."""
        if layer.shortcut is not None:
            self._record_part("identity", "Projection", inner[layer.shortcut], parts["identity"])
        self._record_part("residual", "Residual", inner[layer.layer], parts["residual"])
        if isinstance(layer.merge, HighwayGate):
            self._record_part("gate", "Gate", inner[layer.merge.layer], parts["gate"])
        merged = [parts[role] for role in ("identity", "residual", "gate") if role in parts]
        self._record_part("sum", merge_kind(layer), self._sources_of(*merged), parts["sum"])

    def _gate(self, layer: Residual, x: Tensor) -> Tensor | None:
        if layer.name not in self._switches:
            return None
        gate = self._gates[:, self._switches.index(layer.name)]
        return ops.reshape(gate, (-1, *[1] * (len(x.shape) - 1)))

    def _split(self, block: str) -> Callable[[Tensor, str], Tensor]:
        def split(x: Tensor, route: str) -> Tensor:
            copy = ops.multiply(x, 1.0)  # a tensor of its own, to take a gradient at
            self.routes[f"{block}.x:{route}"] = copy
            self._names[id(copy)] = self._names[id(x)]
            self._sources[id(copy)] = self._sources_of(x)
            return copy

        return split

    def _sources_of(self, *given: Any) -> tuple[str, ...]:
        """Names of the layers whose outputs are among these tensors, in order."""
        found = (self._sources.get(id(value), ()) for value in keras.tree.flatten(given))
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
        if info.name in self.taps:
            raise CompileError(
                f"layer name {info.name!r} occurs twice in the network; names are addresses, so "
                "every layer needs one of its own and can be called only once"
            )
        self.taps[info.name] = out
        self._names[id(out)] = info.name
        self._sources[id(out)] = (info.name,)
        self.layers.append(info)


@dataclass(frozen=True)
class InstrumentedModel:
    """A network opened up.

    Attributes:
        model: Keras model of ``{"image": (N, H, W, C)}`` and, where blocks can be switched off,
            ``"branch_scales": (N, blocks)``, 1 as trained, to ``{layer name: (N, H, W, C) or
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


def instrument(
    network: keras.Model, *, rewrite: Rewrite | None = None, routes: bool = False
) -> InstrumentedModel:
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
    branch_scales = keras.Input((len(switches),), name="branch_scales") if switches else None
    unroller = Unroller(rewrite, switches, branch_scales, split_routes=routes)
    unroller.model(network, image)
    inputs = (
        {"image": image}
        if branch_scales is None
        else {"image": image, "branch_scales": branch_scales}
    )
    blocks = unroller.blocks or named_blocks(unroller.layers)
    return InstrumentedModel(
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
    return tuple(block.name for block in scout.blocks if block.can_disable)


__all__ = ["load_network", "load_tapped", "registers_layers"]


def load_network(path: Path) -> keras.Model:
    """The network in a ``.keras`` file.

    Loading can run code that the file brings: load only files whose maker you trust.

    Raises:
        CompileError: the file is missing or no Keras network.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CompileError(f"{path} is not a Keras network that can be loaded: {reason}") from error


def load_tapped(path: Path) -> InstrumentedModel:
    """The network in a ``.keras`` file, opened up; see :func:`skiplens.network.tracing.tap`."""
    return instrument(load_network(path))
