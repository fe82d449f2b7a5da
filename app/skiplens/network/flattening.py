"""Flattens a Keras network into calls of single layers.

Nested and shared models are opened, residual blocks are taken apart, activations are split from
the layers that apply them, and layers that change nothing at inference are left out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import keras
from keras import ops

from skiplens.network.keras_calls import calls_as_keras, has_graph
from skiplens.network.layer_records import is_operation, merge_name
from skiplens.network.residual import FunctionLayer, HighwayGate, Residual

Tensor = Any
TracedCall = tuple[Any, tuple[Any, ...], dict[str, Any], Any]

RESHAPED_INPUT: Final = "input.reshaped"  # the layer that gives the image the network's shape
_ACTIVATED: Final = (  # each applies its activation last
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
)
_IDENTITY_AT_INFERENCE: Final = (
    keras.layers.InputLayer,
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.ActivityRegularization,
    keras.layers.RandomBrightness,
    keras.layers.RandomContrast,
    keras.layers.RandomFlip,
    keras.layers.RandomRotation,
    keras.layers.RandomTranslation,
    keras.layers.RandomZoom,
)


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer, or of the operation behind a Keras function.

    Attributes:
        layer: what is called.
        args: its arguments, with symbolic tensors.
        kwargs: its keyword arguments, without ``training`` and ``None``.
        output: what it returned.
        path: names of the models and blocks that it lies in, outermost first.
    """

    layer: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any
    path: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The symbolic tensors among its arguments."""
        return tuple(tensors_in((self.args, self.kwargs)))

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The symbolic tensors that it returned."""
        return tuple(tensors_in(self.output))


@dataclass(frozen=True, eq=False)
class Merge:
    """Where ``x`` and ``F(x)`` meet.

    Attributes:
        call: the call that merges them.
        kind: ``highway``, a name in :data:`skiplens.network.residual.MERGES`, or ``custom``.
        x: the tensor that both come from.
        identity: ``x``, its projection, or what ``x`` was merged into before, as it enters the
            merge.
        residual: ``F(x)``, before it is scaled.
        gate: ``T(x)`` of a highway block, before it is scaled.
        written: the Residual that it was written as, if it was.
    """

    call: Call
    kind: str
    x: Tensor
    identity: Tensor
    residual: Tensor
    gate: Tensor | None = None
    written: Residual | None = None

    @property
    def scaled(self) -> Tensor | None:
        """What the branch scale multiplies; ``None`` if the branch cannot be scaled."""
        if self.kind == "add":
            return self.residual
        return self.gate


@dataclass
class FlatNetwork:
    """A network as calls of single layers, in forward order.

    Attributes:
        source: the symbolic image.
        calls: every call.
        output: the symbolic output; a structure where there are several.
        written: the merges that were written as :class:`Residual`.
    """

    source: Tensor
    calls: list[Call] = field(default_factory=list)
    output: Any = None
    written: list[Merge] = field(default_factory=list)


def traced_calls(network: keras.Model, source: Any) -> tuple[list[TracedCall], Any]:
    """The calls that a functional model makes on ``source``, in order, and its output.

    Each call is the layer, its arguments, its keyword arguments (without ``training`` and ``None``)
    and its output. Cloning is Keras' public way to traverse a graph; the clone is discarded.
    """
    calls: list[TracedCall] = []

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


def flatten(network: keras.Model, source: Tensor) -> FlatNetwork:
    """Flatten a functional or sequential model of one input on an image ``source (N, H, W, C)``,
    which is laid out as the model takes it.
    """
    flat = FlatNetwork(source)
    flattening = _Flattening(flat)
    flat.output = flattening.model(network, flattening.entry(tuple(network.inputs[0].shape[1:])))
    return flat


def twin(layer: Any, **attributes: Any) -> Any:
    """The same layer with the same weights, but for some attributes."""
    copy = object.__new__(type(layer))
    copy.__dict__.update(layer.__dict__)
    copy.__dict__.update(attributes, _inbound_nodes=[], _outbound_nodes=[])
    return copy


class _Flattening:
    """Calls a network's layers one by one and keeps the calls."""

    def __init__(self, flat: FlatNetwork) -> None:
        self._flat = flat
        self._path: tuple[str, ...] = ()
        self._split: dict[int, tuple[Any, Any]] = {}

    def entry(self, shape: tuple[int, ...]) -> Tensor:
        """The image in the shape that the network takes."""
        source = self._flat.source
        if tuple(source.shape[1:]) == shape:
            return source
        return self._record(keras.layers.Reshape(shape, name=RESHAPED_INPUT), (source,))

    def model(self, network: keras.Model, given: Any) -> Any:
        """Flatten a model on a tensor or a structure of them."""
        if isinstance(network, keras.Sequential):
            for layer in network.layers:
                given = self._layer(layer, given)
            return given
        entries = keras.tree.map_structure(
            lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype), given
        )
        calls, result = traced_calls(network, _packed(entries, network.input))
        values = _by_id(entries, given)

        def value(tensor: Tensor) -> Tensor:
            return values.get(id(tensor), tensor)

        for layer, args, kwargs, outputs in calls:
            mapped = keras.tree.map_structure(value, (args, kwargs), none_is_leaf=True)
            values |= _by_id(outputs, self._call(layer, *mapped))
        return keras.tree.map_structure(value, result)

    def _call(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if len(args) == 1 and not kwargs:
            return self._layer(layer, args[0])
        return self._record(layer, args, kwargs)

    def _layer(self, layer: Any, x: Any) -> Any:
        if isinstance(layer, _IDENTITY_AT_INFERENCE) and calls_as_keras(layer):
            return x
        if isinstance(layer, Residual):
            return self._inside(layer.name, lambda: self._residual(layer, x))
        if has_graph(layer):
            return self._inside(layer.name, lambda: self.model(layer, x))
        if _is_activated(layer):
            linear, activation = self._without_activation(layer)
            return self._record(activation, (self._record(linear, (x,)),))
        if getattr(layer, "axis", None) == len(getattr(x, "shape", ())) - 1 and _is_softmax(layer):
            layer = self._split.setdefault(id(layer), (layer, twin(layer, axis=-1)))[1]
        return self._record(layer, (x,))

    def _inside(self, name: str, run: Callable[[], Any]) -> Any:
        outer, self._path = self._path, (*self._path, name)
        out = run()
        self._path = outer
        return out

    def _without_activation(self, layer: Any) -> tuple[Any, Any]:
        """The layer without its activation, and the activation as a layer; the same ones on every
        call.
        """
        if id(layer) not in self._split:
            linear = twin(layer, activation=keras.activations.linear)
            self._split[id(layer)] = linear, _activation_layer(layer)
        return self._split[id(layer)]

    def _record(
        self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = layer(*args, **(kwargs or {}))
        self._flat.calls.append(Call(layer, args, kwargs or {}, out, self._path))
        return out

    def _residual(self, block: Residual, x: Tensor) -> Tensor:
        """The block's layers, then its merge as a call of ``(identity, F(x)[, T(x)])``."""
        if not block.built:
            block.build(tuple(x.shape))
        identity = x if block.shortcut is None else self._layer(block.shortcut, x)
        fx, gate = self._layer(block.layer, x), None
        merge: Callable[..., Any] = block.merge
        given = [identity, fx]
        if isinstance(merge, HighwayGate):
            logits = self._layer(merge.layer, x)
            gate = self._record(
                FunctionLayer(f"{block.name}.gate", ops.sigmoid, "Gate"), ([logits],)
            )
            given, merge = [identity, fx, gate], merge.merge
        kind = merge_name(block)
        part = FunctionLayer(f"{block.name}.sum", merge, kind.capitalize())
        total = self._record(part, (given,))
        self._flat.written.append(
            Merge(self._flat.calls[-1], kind, x, identity, fx, gate, written=block)
        )
        return total


def _is_activated(layer: Any) -> bool:
    """Whether a layer applies an activation last, which can be split from it."""
    applies_last = isinstance(layer, _ACTIVATED) and calls_as_keras(layer)
    return applies_last and layer.activation is not keras.activations.linear


def _is_softmax(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Softmax) or is_operation(layer, "Softmax")


def _activation_layer(layer: Any) -> Any:
    """The activation of a layer as a layer named after both: ``conv2d.relu``."""
    function = layer.activation
    if function is keras.activations.relu:
        return keras.layers.ReLU(name=f"{layer.name}.relu")
    if function is keras.activations.softmax:
        return keras.layers.Softmax(name=f"{layer.name}.softmax")
    name = str(getattr(function, "__name__", type(function).__name__)).lower()
    return keras.layers.Activation(function, name=f"{layer.name}.{name}")


def _packed(entries: Any, structure: Any) -> Any:
    """The tensors in the structure that the model names its inputs by."""
    if isinstance(structure, (dict, list, tuple)) and isinstance(entries, keras.KerasTensor):
        return keras.tree.pack_sequence_as(structure, [entries])
    return entries


def tensors_in(structure: Any) -> Iterator[Tensor]:
    """The symbolic tensors in a structure, in its order."""
    for value in keras.tree.flatten(structure):
        if isinstance(value, keras.KerasTensor):
            yield value


def _by_id(keys: Any, values: Any) -> dict[int, Any]:
    pairs = zip(keras.tree.flatten(keys), keras.tree.flatten(values), strict=True)
    return {id(key): value for key, value in pairs}
