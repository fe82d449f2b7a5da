"""Loads a Keras network and instruments it: outputs of every layer, blocks, branch scales."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import keras
from keras import ops

from skiplens.core.manifest import INPUT, SPATIAL_RANK, BlockInfo, LayerInfo
from skiplens.errors import CompileError, quoted
from skiplens.network.flattening import Call, Merge, Tensor, tensors_in, twin
from skiplens.network.keras_calls import calls_as_keras
from skiplens.network.layer_records import (
    POOLS,
    describe_layer,
    is_never_negative,
    is_plain_relu,
    named_block,
    named_blocks,
    spatial,
)
from skiplens.network.own_network_files import newer_keras
from skiplens.network.recurrent import traced_gates
from skiplens.network.residual import FunctionLayer
from skiplens.network.structure import Structure, analyse

Rewrite = Callable[[Any, Tensor], Tensor | None]
_Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_PATHS: Final = ("identity", "residual")
_KEEPS_SIGN: Final = (*POOLS, keras.layers.Flatten)
_SYMMETRIC: Final = frozenset({"add", "multiply", "average", "maximum"})


@dataclass(frozen=True)
class InstrumentedModel:
    """A network that returns the output of every layer.

    Attributes:
        model: Keras model from ``{"image": (N, H, W, C)}`` and, if branches can be scaled,
            ``"branch_scales": (N, blocks)``, 1 as trained, to ``{layer name: (N, H, W, C) or
            (N, C)}``.
        layers: one record for each output, in forward order.
        blocks: in forward order.
        paths: names of further outputs, if requested: ``block1.x:identity`` and
            ``block1.x:residual``, the copies of a block's input that feed each path.
        keras_layers: the Keras layer, or operation, behind each record that has one, by name.
        logits: name of the layer that the last layer turns into probabilities; ``None`` if the
            network has no probabilities.
        beside: names of layers that the output does not depend on: what gates open to is computed
            again from the states.
        input_scale: what the image, 0 to 1, is multiplied by for the network.
    """

    model: keras.Model
    layers: tuple[LayerInfo, ...]
    blocks: tuple[BlockInfo, ...]
    paths: tuple[str, ...]
    keras_layers: Mapping[str, Any]
    logits: str | None
    beside: frozenset[str] = frozenset()
    input_scale: float = 1.0


def instrument(
    network: keras.Model, *, rewrite: Rewrite | None = None, paths: bool = False
) -> InstrumentedModel:
    """Instrument a network.

    Args:
        network: a functional or sequential Keras model of one image and one output.
        rewrite: ``rewrite(layer, x)`` may return a replacement for the layer's output, or ``None``.
        paths: also expose each residual block's input once for each path.

    Raises:
        CompileError: it is another kind of network, or a layer has a name that cannot stand in an
            address; the message has every reason.
    """
    if reasons := obstacles(network):
        raise CompileError("; ".join(reasons))
    structure = analyse(network, image_shape(network))
    return _Replay(structure, rewrite, split_paths=paths).instrumented()


_NAME: Final = re.compile(r"[^/,\x00-\x1f]+")
_NOT_IN_A_SCOPE: Final = re.compile(r"[^A-Za-z0-9_.\\/>-]")  # of names, as TensorFlow has it


def obstacles(network: keras.Model) -> list[str]:
    """Why a network cannot be traced: every reason, as a clause."""
    inputs: list[Any] = getattr(network, "inputs", None) or []
    outputs: list[Any] = getattr(network, "outputs", None) or []
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs) or "unknown"
    found = []
    parts = list(getattr(network, "layers", ()))
    if _reads_text(inputs, parts):
        found.append(
            f"network {network.name!r} reads text; its layers can be built and trained with "
            "Residual, GRUs and LSTMs too, but skiplens shows only networks that read an image, "
            "such as mnist-rows, which reads one row by row"
        )
    elif not inputs or len(inputs) > 1 or not image_shape(network):
        found.append(
            f"network {network.name!r} must be a functional or sequential model of one image "
            f"(H, W, C) of a fixed size; its inputs are {shapes}{_size_advice(inputs)}"
        )
    elif not calls_as_keras(network):
        found.append(
            f"network {network.name!r} has a call method of its own, which can compute anything "
            "with its layers; build it of layers alone: keras.Model(inputs, outputs)"
        )
    if len(outputs) > 1:
        found.append(
            f"network {network.name!r} has {len(outputs)} outputs; --output tells which one has "
            f"the probabilities of the classes: {', '.join(network.output_names)}"
        )
    if strange := [one.name for one in parts if _is_channels_first(one)]:
        found.append(
            f"layer {quoted(strange[0])} has its channels first; skiplens shows networks whose "
            "layers have them last: data_format='channels_last'"
        )
    found += [f"layer {quoted(one.name)} {state}" for one, state in islice(_unfit(network), 1)]
    unnamed = [layer for layer in parts if not _NAME.fullmatch(layer.name)]
    found += [
        f"layer {quoted(layer.name)} has a name that cannot stand in an address: slashes and "
        "commas cannot"
        for layer in unnamed
    ]
    return found


def _reads_text(inputs: Sequence[Any], parts: Sequence[Any]) -> bool:
    """Whether a network reads a row of numbers of words."""
    of_rows = any(len(one.shape) < SPATIAL_RANK for one in inputs)
    return of_rows and any(isinstance(part, keras.layers.Embedding) for part in parts)


def _is_channels_first(part: Any) -> bool:
    """Whether a layer computes maps ``(C, H, W)``; models are looked into."""
    if isinstance(part, keras.Model):
        return any(map(_is_channels_first, part.layers))
    flattens = isinstance(part, keras.layers.Flatten)
    return getattr(part, "data_format", None) == "channels_first" and not flattens


def _unfit(network: keras.Model) -> Iterator[tuple[Any, str]]:
    """Layers, with those of models in it, that LiteRT cannot run as they are, and why."""
    for layer in network._flatten_layers(include_self=False):  # noqa: SLF001  # Keras has no other
        if getattr(layer, "stateful", False):
            yield layer, "is stateful; build it with stateful=False"
        if mode := getattr(layer, "quantization_mode", None):
            yield layer, f"is quantised to {mode}; save the network before quantize()"


def _size_advice(inputs: Sequence[Any]) -> str:
    """Advice where a network leaves the size of its image open."""
    if len(inputs) != 1 or None not in inputs[0].shape[1:]:
        return ""
    return "; --size tells height and width: --size 224"


def image_shape(network: keras.Model) -> tuple[int, int, int] | tuple[()]:
    """``(H, W, C)`` of the network's first input: a grey image where it takes ``(H, W)`` or the
    pixels of a square in a row; empty if it takes none, or none of a fixed size.
    """
    shape = tuple(network.inputs[0].shape[1:])
    if None in shape or not all(shape):
        return ()
    if len(shape) == 1 and (side := math.isqrt(shape[0])) >= _SMALLEST_SIDE:
        return (side, side, 1) if side * side == shape[0] else ()
    return {SPATIAL_RANK: shape, SPATIAL_RANK - 1: (*shape, 1)}.get(len(shape), ())


_SMALLEST_SIDE: Final = 8  # of an image that comes as a vector of pixels


class _Replay:
    """Calls the layers of a network again, with scaled branches, and records every output."""

    def __init__(self, network: Structure, rewrite: Rewrite | None, *, split_paths: bool) -> None:
        self._network = network
        self._rewrite = rewrite or (lambda layer, x: None)
        self._split_paths = split_paths
        self._scaled = [name for name, one in network.merges.items() if one.scaled is not None]
        self._inputs = {"image": keras.Input(network.flat.source.shape[1:], name="image")}
        if self._scaled:
            width = (len(self._scaled),)
            self._inputs["branch_scales"] = keras.Input(width, name="branch_scales")
        self._values: dict[int, Tensor] = {id(network.flat.source): self._inputs["image"]}
        self._branches: dict[int, Tensor] = {}  # scaled, by id of the merge's call
        self._copies: dict[str, Tensor] = {}  # of a block's input, by path
        self._sources: dict[int, tuple[str, ...]] = {id(self._image()): (INPUT,)}
        self._names: dict[int, str] = {id(network.flat.source): INPUT}
        self._never_negative: set[int] = set()
        self._renamed: dict[int, Any] = {}
        self._outputs: dict[str, Tensor] = {}
        self._layers: list[LayerInfo] = []
        self._keras_layers: dict[str, Any] = {}
        self._beside: list[str] = []

    def _image(self) -> Tensor:
        """The image as the network takes it; kept as the value of the network's own input."""
        source, scale = self._network.flat.source, self._network.input_scale
        if scale != 1:
            scaled = FunctionLayer("image.scaled", lambda image: ops.multiply(image, scale))
            self._values[id(source)] = scaled([self._inputs["image"]])
        return self._values[id(source)]

    def instrumented(self) -> InstrumentedModel:
        """The network as a model of all its outputs."""
        merged = {id(merge.call): block for block, merge in self._network.merges.items()}
        for call in self._network.calls:
            if block := merged.get(id(call)):
                self._merge_inputs(block, self._network.merges[block])
            self._call(call)
        blocks = tuple(self._block(*block) for block in self._network.merges.items())
        paths = [f"{block.name}.x:{path}" for block in blocks for path in _PATHS]
        copies = {path: self._copies[path] for path in paths if path in self._copies}
        logits = self._network.logits
        return InstrumentedModel(
            keras.Model(self._inputs, {**self._outputs, **copies}, name="traced"),
            tuple(self._layers),
            blocks or tuple(named_blocks(self._layers)),
            tuple(copies),
            self._keras_layers,
            None if logits is None else self._names[id(logits)],
            frozenset(self._beside),
            self._network.input_scale,
        )

    def _call(self, call: Call) -> None:
        """Call a layer again and record its outputs."""
        args, kwargs = self._arguments(call)
        alone = not kwargs and len(args) == 1 and isinstance(args[0], keras.KerasTensor)
        out = self._rewrite(call.layer, args[0]) if alone else None
        if out is None:
            out = self._layer(call)(*args, **kwargs)
        sources = self._sources_of(call, (args, kwargs))
        for number, (old, new) in enumerate(zip(call.outputs, tensors_in(out), strict=True)):
            self._values[id(old)] = new
            keeps_sign = (
                alone and isinstance(call.layer, _KEEPS_SIGN) and calls_as_keras(call.layer)
            )
            if is_never_negative(call.layer) or (
                keeps_sign and id(args[0]) in self._never_negative
            ):
                self._never_negative.add(id(new))
            name = self._network.names[id(call)] + (f".{number}" if len(call.outputs) > 1 else "")
            if alone:
                self._record_gates(name, call, args[0], sources, new)
            if self._network.is_shown(call, old):
                self._record_call(name, call, old, sources, new)
            else:
                self._sources[id(new)] = sources

    def _arguments(self, call: Call) -> _Arguments:
        """The current arguments of a call: tensors of the new graph."""

        def value(tensor: Any) -> Any:
            return self._value(tensor, call) if id(tensor) in self._values else tensor

        args, kwargs = keras.tree.map_structure(value, (call.args, call.kwargs), none_is_leaf=True)
        return args, kwargs

    def _value(self, tensor: Tensor, call: Call) -> Tensor:
        """A tensor as a call reads it: scaled at a merge, a copy on either way through a block."""
        merge = self._network.merge_at(call)
        if merge is not None and tensor is merge.scaled:
            return self._branches[id(call)]
        value = self._values[id(tensor)]
        if self._split_paths:
            for block, path in self._network.paths_from(tensor, call):
                value = self._copy(block, path, tensor, value)
        return value

    def _copy(self, block: str, path: str, tensor: Tensor, value: Tensor) -> Tensor:
        """A separate tensor to differentiate by."""
        name = f"{block}.x:{path}"
        if name not in self._copies:
            copy = FunctionLayer(f"{block}.x.{path}", lambda x: ops.multiply(x, 1.0))([value])
            self._copies[name] = copy
            self._sources[id(copy)] = self._sources[id(self._values[id(tensor)])]
            if id(value) in self._never_negative:
                self._never_negative.add(id(copy))
        return self._copies[name]

    def _layer(self, call: Call) -> Any:
        """A call's layer, renamed where another layer of the network has its name, or TensorFlow
        does not take it.
        """
        layer, name = call.layer, self._network.names[id(call)]
        strange = _NOT_IN_A_SCOPE.search(name) is not None
        if not strange and not self._network.shares_name(call):
            return layer
        if strange:
            name = f"{_NOT_IN_A_SCOPE.sub('_', name)}.{len(self._renamed)}"
        return self._renamed.setdefault(id(layer), twin(layer, name=name))

    def _merge_inputs(self, block: str, merge: Merge) -> None:
        """Scale a block's branch and record what enters its merge."""
        if merge.scaled is not None:
            self._branches[id(merge.call)] = self._scale(block, merge.scaled, merge.call)
        parts = []
        if merge.written and merge.identity is not merge.x:
            parts.append(("identity", "Projection", merge.identity))
        if merge.written or merge.scaled is not None:
            parts.append(("residual", "Residual", merge.residual))
        if merge.gate is not None:
            parts.append(("gate", "Gate", merge.gate))
            self._never_negative.add(id(self._branches[id(merge.call)]))
        for role, kind, tensor in parts:
            out = self._value(tensor, merge.call)
            sources = self._sources[id(self._values[id(tensor)])]
            signed, shape = id(out) not in self._never_negative, spatial(out.shape[1:])
            name = f"{block}.{role}"
            info = LayerInfo(name, kind, role, block, shape, signed=signed, inputs=sources)
            self._record(info, out)

    def _scale(self, block: str, tensor: Tensor, call: Call) -> Tensor:
        """The branch times its scale."""
        at, ones = self._scaled.index(block), [1] * (len(tensor.shape) - 1)

        def scaled(branch: Any, scales: Any) -> Any:
            return ops.multiply(branch, ops.reshape(scales[:, at], (-1, *ones)))

        value = self._values[id(tensor)]
        return FunctionLayer(f"{block}.scaled", scaled)([value, self._inputs["branch_scales"]])

    def _sources_of(self, call: Call, given: _Arguments) -> tuple[str, ...]:
        """Names of the layers that computed a call's arguments; a sum's identity first."""
        merge = self._network.merge_at(call)
        values = [value for value in keras.tree.flatten(given) if id(value) in self._sources]
        if merge is not None and merge.kind in _SYMMETRIC:
            values = [self._value(one, call) for one in (merge.identity, merge.residual)]
        return tuple(chain.from_iterable(self._sources[id(value)] for value in values))

    def _record_call(
        self, name: str, call: Call, old: Tensor, sources: tuple[str, ...], out: Tensor
    ) -> None:
        info = describe_layer(
            call.layer,
            out.shape[1:],
            block=self._network.block_of(call),
            signed=id(out) not in self._never_negative,
            inputs=sources,
        )
        info = replace(info, name=name, role=self._network.role_of(call) or info.role)
        self._names[id(old)] = name
        self._keras_layers[name] = call.layer
        self._record(info, out)

    def _record_gates(
        self, name: str, call: Call, x: Tensor, sources: tuple[str, ...], out: Tensor
    ) -> None:
        """Record the gates of a recurrent layer, before its states."""
        for gate, opened in traced_gates(call.layer, x, out).items():
            info = LayerInfo(
                f"{name}.{gate}",
                f"{gate.capitalize()}Gate",
                "gate",
                self._network.block_of(call) or named_block(name),
                spatial(opened.shape[1:]),
                signed=False,
                inputs=sources,
            )
            self._beside.append(info.name)
            self._record(info, opened)

    def _record(self, info: LayerInfo, out: Tensor) -> None:
        self._outputs[info.name] = out
        self._sources[id(out)] = (info.name,)
        self._layers.append(info)

    def _block(self, name: str, merge: Merge) -> BlockInfo:
        def part(role: str, tensor: Tensor) -> str:
            recorded = f"{name}.{role}"
            return recorded if recorded in self._outputs else self._names[id(tensor)]

        output = self._names[id(self._network.outputs[name])]
        return BlockInfo(
            name=name,
            merge=merge.kind,
            input=self._names[id(merge.x)],
            identity=part("identity", merge.identity),
            residual=part("residual", merge.residual),
            gate=None if merge.gate is None else f"{name}.gate",
            sum=self._network.names[id(merge.call)],
            output=output,
            can_disable=merge.scaled is not None,
            rectified=is_plain_relu(self._keras_layers[output]),
        )


def copy_weights(network: keras.Model, copy: keras.Model) -> None:
    """Give a copy of a network's layers its weights; a Normalization computes from its own too."""
    copy.set_weights(network.get_weights())
    for layer in copy._flatten_layers():  # noqa: SLF001  # with those of nested models
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def load_network(path: Path) -> keras.Model:
    """The network in a ``.keras`` or HDF5 file.

    Code in the file, such as that of a Lambda, is run only after
    ``keras.config.enable_unsafe_deserialization()``.

    Raises:
        CompileError: the file is missing or not a Keras network.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # damaged files end in errors of many kinds
        unknown = UNKNOWN.search(str(error))
        lines = [unknown[0] + "."] if unknown else str(error).splitlines()
        reason = (lines or [type(error).__name__])[0]
        if "`Lambda`" in reason:
            reason = "a Lambda layer in it is code."
        elif newer := newer_keras(path, keras.__version__):
            raise CompileError(
                f"{path} was saved by Keras {newer}, whose format Keras {keras.__version__} cannot "
                "read; a newer Keras can, or an older one can save the network again"
            ) from error
        raise CompileError(
            f"{path} is not a Keras network that can be loaded: {reason}{_advice(str(error))}"
        ) from error


UNKNOWN: Final = re.compile(r"(?:Could not locate \w+|Unknown layer:) '([^'\n]+)'")
DEFINED_IN: Final = " A file that defines it can be run first: --with layers.py."


def _advice(error: str) -> str:
    """Advice where a network cannot be loaded."""
    if "lambda" in error.lower():
        return " Its code is run with --trust: only trust a file whose source you know."
    if UNKNOWN.search(error):
        return DEFINED_IN
    return ""
