"""Calls a network's layers one by one on symbolic tensors and records what comes out of each."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

import keras
from keras import ops

from app.core.manifest import INPUT, BlockInfo, LayerInfo
from app.errors import CompileError
from app.network.describing import (
    POOLS,
    describe_layer,
    is_never_negative,
    merge_kind,
    residual_block,
    spatial,
)
from app.network.merges import HighwayGate
from app.network.residual import Residual
from app.network.walking import steps_of

Tensor = Any
Rewrite = Callable[[Any, Tensor], Tensor | None]

_SAME_IN_USE: Final = (keras.layers.Dropout, keras.layers.InputLayer)
_WITHOUT_MAPS: Final = (*_SAME_IN_USE, keras.layers.Flatten)


class Unroller:
    """Unrolls one network; what it found is in its attributes.

    Args:
        rewrite: ``rewrite(layer, x)`` may return a replacement for calling a layer, or ``None``.
        switches: names of the blocks that are given a gate, in the order of ``gates``.
        gates: ``(N, switches)``, factors of the blocks' residual branches.
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
        gates: Tensor = None,
        *,
        split_routes: bool = False,
    ) -> None:
        self.taps: dict[str, Tensor] = {}
        self.routes: dict[str, Tensor] = {}
        self.layers: list[LayerInfo] = []
        self.blocks: list[BlockInfo] = []
        self._rewrite = rewrite or (lambda layer, x: None)
        self._switches = switches
        self._gates = gates
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
