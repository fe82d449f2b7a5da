"""Calls a network's layers one by one on symbolic tensors and records what comes out of each."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import keras
from keras import ops

from app.core.manifest import BlockInfo, LayerInfo
from app.errors import CompileError
from app.network.describing import (
    POOLS,
    describe_layer,
    is_plain_relu,
    merge_kind,
    residual_block,
    spatial,
)
from app.network.residual import Residual

Tensor = Any
Rewrite = Callable[[Any, Tensor], Tensor | None]
Step = tuple[Any, tuple[Any, ...], dict[str, Any], Any]

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
        self._never_negative: set[int] = set()

    def model(self, network: keras.Model, x: Tensor) -> Tensor:
        """Unroll a sequential or functional model on ``x``."""
        if isinstance(network, keras.Sequential):
            for layer in network.layers:
                x = self._layer(layer, x)
            return x
        source = keras.Input(batch_shape=x.shape)
        steps, result = _steps(network, source)
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
        kwargs = {
            name: value
            for name, value in kwargs.items()
            if name != "training" and value is not None
        }
        if len(args) == 1 and isinstance(args[0], keras.KerasTensor) and not kwargs:
            return self._layer(layer, args[0])
        out = layer(*args, **kwargs)
        if isinstance(out, keras.KerasTensor):
            self._record_layer(layer, out)
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
        elif not isinstance(layer, _WITHOUT_MAPS):
            self._record_layer(layer, out)
        return out

    def _stays_positive(self, layer: Any, x: Tensor) -> bool:
        if is_plain_relu(layer) or isinstance(layer, keras.layers.Softmax):
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
        parts = layer.parts(
            x,
            scale=self._gate(layer, x),
            run=self._layer,
            split=self._split(layer.name) if self._split_routes else None,
        )
        if "gate" in parts:
            self._never_negative.add(id(parts["gate"]))
        kinds = {"residual": "Residual", "gate": "Gate", "sum": merge_kind(layer)}
        if layer.shortcut is not None:
            kinds = {"identity": "Projection", **kinds}
        for role, kind in kinds.items():
            if role in parts:
                self._record_part(role, kind, parts[role])
        self.blocks.append(residual_block(layer, source))
        self._block = outer
        return parts["sum"]

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
            return copy

        return split

    def _record_layer(self, layer: Any, out: Tensor) -> None:
        signed = id(out) not in self._never_negative
        self._record(describe_layer(layer, out.shape[1:], block=self._block, signed=signed), out)

    def _record_part(self, role: str, kind: str, out: Tensor) -> None:
        name, shape = f"{self._block}.{role}", spatial(out.shape[1:])
        signed = id(out) not in self._never_negative
        self._record(LayerInfo(name, kind, role, self._block, shape, signed=signed), out)

    def _record(self, info: LayerInfo, out: Tensor) -> None:
        if info.name in self.taps:
            raise CompileError(
                f"layer name {info.name!r} occurs twice in the network; names are addresses, so "
                "every layer needs one of its own and can be called only once"
            )
        self.taps[info.name] = out
        self._names[id(out)] = info.name
        self.layers.append(info)


def _steps(network: keras.Model, source: Tensor) -> tuple[list[Step], Tensor]:
    """The calls that a functional model makes on ``source``, in order, and what it returns.

    Cloning is Keras' public way to walk a graph; the clone itself is thrown away, since the gates
    that the unrolled layers take are not among its inputs.
    """
    steps: list[Step] = []

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        steps.append((layer, args, kwargs, layer(*args, **kwargs)))
        return steps[-1][-1]

    clone = keras.models.clone_model(
        network, source, clone_function=lambda layer: layer, call_function=call
    )
    return steps, clone.output
