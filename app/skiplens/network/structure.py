"""The structure of a flattened network: which calls count, their names, blocks and ending."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Final

import keras
import numpy as np

from skiplens.core.manifest import INPUT, OTHER
from skiplens.network.flattening import RESHAPED_INPUT, Call, FlatNetwork, Merge, Tensor, flatten
from skiplens.network.keras_calls import calls_as_keras
from skiplens.network.layer_records import (
    gives_probabilities,
    is_activation,
    is_idle,
    is_softmax,
    named_block,
)
from skiplens.network.merges import branch_calls, find_merges, needed_calls

_VECTORS: Final = 2  # axes of a batch of them
_BYTES: Final = 255.0
_LARGEST_SCALE_OF_BYTES: Final = 0.05  # 1 / 127.5 maps bytes to -1..1
_LARGEST_MEAN: Final = 2.0  # of values of about 1
_KEEPS_VALUES: Final = frozenset(  # layers and operations after which an image has the same range
    {
        "Reshape",
        "GetItem",
        "Stack",
        "Concatenate",
        "Flip",
        "Resizing",
        "CenterCrop",
        "ZeroPadding2D",
        "Cast",
        "Permute",
        *("Repeat", "Tile", "BroadcastTo", "ExpandDims", "Squeeze", "Identity"),
        *("Resize", "UpSampling2D", "Cropping2D", "RandAugment", "AugMix"),
    }
)
_MIXES: Final = frozenset(  # layers and operations of probabilities that can give probabilities
    {
        *("Identity", "Flatten", "Reshape", "Squeeze", "Permute", "Transpose", "GetItem"),
        *("Stack", "Average", "Mean", "GlobalAveragePooling1D", "GlobalAveragePooling2D"),
        *("Add", "Sum", "Multiply", "Divide", "TrueDivide", "Subtract", "Concatenate"),
        *("ExpandDims", "Dot", "Matmul", "Einsum", "Maximum", "Max"),
        *("GlobalMaxPooling1D", "GlobalMaxPooling2D"),
    }
)
_RESERVED: Final = frozenset({INPUT, "image", "branch_scales", "target"})


@dataclass(frozen=True, eq=False)
class Structure:
    """The parts of a flattened network.

    Attributes:
        flat: the network; its calls are those that its output depends on.
        merges: of its blocks by name, in forward order.
        names: of each call's layer, by id of the call.
        shared_names: those that several layers of the network have, or a layer and an input.
        logits: the tensor that the last layer turns into probabilities, if it does.
        ends_in_logits: whether the softmax at the end is none of the network's own.
    """

    flat: FlatNetwork
    merges: dict[str, Merge]
    names: dict[int, str]
    shared_names: set[str]
    logits: Tensor | None
    ends_in_logits: bool

    @cached_property
    def input_scale(self) -> float:
        """The largest value of the network's input: 255 if its first layer maps bytes to about 1,
        else 1.
        """
        image = {id(self.flat.source)}
        for call in self.calls:
            if not any(id(one) in image for one in call.inputs):
                continue
            name = type(call.layer).__name__
            if name not in _KEEPS_VALUES and not name.startswith("Random"):
                return _BYTES if _takes_bytes(call) else 1.0
            image.add(id(call.output))
        return 1.0

    @property
    def calls(self) -> list[Call]:
        """In forward order."""
        return self.flat.calls

    @cached_property
    def _producers(self) -> dict[int, Call]:
        return {id(out): call for call in self.calls for out in call.outputs}

    @cached_property
    def _consumers(self) -> dict[int, list[Call]]:
        found: dict[int, list[Call]] = {}
        for call in self.calls:
            for tensor in {id(one) for one in call.inputs}:
                found.setdefault(tensor, []).append(call)
        return found

    @cached_property
    def _merge_calls(self) -> dict[int, Merge]:
        return {id(merge.call): merge for merge in self.merges.values()}

    @cached_property
    def _routes(self) -> dict[str, tuple[set[int], set[int]]]:
        """Ids of the calls on each block's way of the identity, and of ``F(x)``."""
        return {name: branch_calls(merge, self._producers) for name, merge in self.merges.items()}

    @cached_property
    def outputs(self) -> dict[str, Tensor]:
        """The tensor that each block puts out: that of the activation that alone reads its merge,
        or the merge's.
        """
        found = {}
        for name, merge in self.merges.items():
            after = self._consumers.get(id(merge.call.output), [])
            ends_after = len(after) == 1 and is_activation(after[0].layer)
            found[name] = after[0].output if ends_after else merge.call.output
        return found

    @cached_property
    def _blocks(self) -> dict[int, str]:
        """The innermost block that each call lies in."""
        found = {id(self._producers[id(out)]): name for name, out in self.outputs.items()}
        for name, merge in self.merges.items():
            for call in (id(merge.call), *chain(*self._routes[name])):
                found.setdefault(call, name)
        return found

    @cached_property
    def _shown_anyway(self) -> set[int]:
        """Ids of the tensors that are parts of blocks, and of the logits."""
        parts = ((one.x, one.identity, one.residual) for one in self.merges.values())
        return {id(tensor) for tensor in chain([self.logits], *parts)}

    @cached_property
    def _gates(self) -> set[int]:
        return {id(merge.gate) for merge in self.merges.values() if merge.gate is not None}

    def merge_at(self, call: Call) -> Merge | None:
        """The merge that a call is."""
        return self._merge_calls.get(id(call))

    def block_of(self, call: Call) -> str | None:
        """The innermost block that a call lies in."""
        return self._blocks.get(id(call))

    def role_of(self, call: Call) -> str | None:
        """The role of a call where its layer's kind alone does not tell it."""
        out = call.output
        tests = {
            "sum": id(call) in self._merge_calls,
            "output": id(out) in {id(one) for one in self.outputs.values()},
            "logits": out is self.logits,
            "activation": is_softmax(call.layer) and out is not self.flat.output,
            "probabilities": self.logits is not None and out is self.flat.output,
            OTHER: isinstance(call.layer, keras.layers.Dense),
        }
        return next((role for role, holds in tests.items() if holds), None)

    def shares_name(self, call: Call) -> bool:
        """Whether another layer of the network has the name of a call's layer."""
        return call.layer.name in self.shared_names

    def is_shown(self, call: Call, out: Tensor) -> bool:
        """Whether an output is recorded: floating-point numbers for each image, neither a gate
        before it is scaled nor the input merely reshaped or flattened.
        """
        of_images = len(out.shape) > 1 and out.shape[0] is None and None not in out.shape[1:]
        if not of_images or "float" not in str(out.dtype) or id(out) in self._gates:
            return False
        same = _only_flattens(call.layer) or (
            isinstance(call.layer, keras.layers.Reshape)
            and call.inputs[0] is self.flat.source
            and (call.layer.name == RESHAPED_INPUT or len(out.shape) == _VECTORS)
        )
        return not same or id(out) in self._shown_anyway

    def paths_from(self, tensor: Tensor, call: Call) -> Iterator[tuple[str, str]]:
        """The blocks whose ``x`` a tensor is and that a call lies in, outermost first, with the way
        that the call is on: ``identity`` or ``residual``.
        """
        for name, merge in reversed(self.merges.items()):
            if tensor is not merge.x:
                continue
            identity, residual = self._routes[name]
            if id(call) in residual:
                yield name, "residual"
            elif id(call) in identity or (call is merge.call and tensor is merge.identity):
                yield name, "identity"


def _only_flattens(layer: Any) -> bool:
    """Whether it leaves the values in their order: with the channels last."""
    flattens = isinstance(layer, keras.layers.Flatten) and calls_as_keras(layer)
    return flattens and bool(layer.data_format != "channels_first")


def _takes_bytes(call: Call) -> bool:
    """Whether a layer, or an operation on numbers, maps bytes to about 1."""
    layer, kind = call.layer, type(call.layer).__name__
    if isinstance(layer, keras.layers.Rescaling):
        return bool(np.max(layer.scale) < _LARGEST_SCALE_OF_BYTES)
    if isinstance(layer, keras.layers.Normalization):
        return bool(np.max(np.asarray(layer.mean)) > 1)
    given = keras.tree.flatten((call.args, call.kwargs))
    numbers = [one for one in given if isinstance(one, int | float) or _is_constant(one)]
    largest = max((float(np.max(np.abs(one))) for one in numbers), default=0.0)
    if kind in {"Divide", "TrueDivide"}:
        return largest > 1 / _LARGEST_SCALE_OF_BYTES
    if kind == "Multiply":
        return 0 < largest < _LARGEST_SCALE_OF_BYTES
    return kind in {"Add", "Subtract"} and largest > _LARGEST_MEAN


def _is_constant(value: object) -> bool:
    return hasattr(value, "dtype") and not isinstance(value, keras.KerasTensor)


def analyse(network: keras.Model, shape: tuple[int, ...]) -> Structure:
    """The structure of a network of one image ``(H, W, C)``."""
    flat = flatten(network, keras.Input(shape))
    ends_in_logits = _end_in_probabilities(flat)
    flat.calls = list(needed_calls(flat, [flat.output]))
    found = find_merges(flat)
    blocks = _block_names(found)
    merges = dict(zip(blocks, found, strict=True))
    shared = _shared_names(flat)
    names = _layer_names(network, flat, merges, shared)
    return Structure(flat, merges, names, shared, _logits(flat), ends_in_logits)


def _end_in_probabilities(flat: FlatNetwork) -> bool:
    """Append the softmax that a network of logits leaves to its loss; whether it is one."""
    producers = {id(out): call for call in flat.calls for out in call.outputs}
    last = next((call for call in flat.calls if flat.output is call.output), None)
    is_vector = len(flat.output.shape) == _VECTORS
    if last is None or not is_vector or not _gives_logits(last, producers):
        return False
    softmax = keras.layers.Softmax(name=f"{last.layer.name}.softmax")
    flat.output = softmax(flat.output)
    flat.calls.append(Call(softmax, (last.output,), {}, flat.output))
    return True


def _gives_logits(last: Call, producers: Mapping[int, Call]) -> bool:
    """Whether a softmax makes probabilities of the last call's output; it also undoes their
    logarithm.
    """
    if getattr(last.layer, "activation", None) is keras.activations.log_softmax:
        return True
    is_active = is_activation(last.layer) and not is_idle(last.layer)
    return not (is_active or _gives_probabilities(last, producers))


def _gives_probabilities(call: Call, producers: Mapping[int, Call]) -> bool:
    """Whether a call makes probabilities, or keeps, mixes or averages those of others."""
    if gives_probabilities(call.layer):
        return True
    before = [producers.get(id(tensor)) for tensor in call.inputs]
    is_mix = type(call.layer).__name__ in _MIXES or is_idle(call.layer)
    return is_mix and all(
        one is not None and _gives_probabilities(one, producers) for one in before
    )


def _logits(flat: FlatNetwork) -> Tensor | None:
    last = flat.calls[-1]
    return last.inputs[0] if is_softmax(last.layer) and last.output is flat.output else None


def _block_names(merges: Sequence[Merge]) -> list[str]:
    """A name for each block: the Residual's, what the merge's name says, or its number."""
    found: list[str] = []
    for number, merge in enumerate(merges, 1):
        name = merge.written.name if merge.written else named_block(merge.call.layer.name)
        found.append(_unused(name or f"block{number}", found))
    return found


def _unused(name: str, used: Iterable[str]) -> str:
    """The name, or ``name@2`` and so on where it is in use."""
    taken, number, found = set(used), 2, name
    while found in taken:
        found, number = f"{name}@{number}", number + 1
    return found


def _layer_names(
    network: keras.Model, flat: FlatNetwork, merges: Mapping[str, Merge], shared: set[str]
) -> dict[int, str]:
    """A unique name for each call: the layer's; with the models that it lies in where several
    layers share it; with ``@2`` and so on where the layer is called again.
    """
    taken = {f"{block}.{part}" for block in merges for part in ("identity", "residual", "gate")}
    sums = {id(merge.call): f"{block}.sum" for block, merge in merges.items() if merge.written}
    found: dict[int, str] = {}
    for call in flat.calls:
        name = sums.get(id(call), call.layer.name)
        if name in shared:
            name = ".".join((*(call.path or (network.name,)), name))
        found[id(call)] = _unused(name, taken)
        taken.add(found[id(call)])
    return found


def _shared_names(flat: FlatNetwork) -> set[str]:
    """The names that several layers of a network have, or a layer and an input of its graph."""
    owners = {(call.layer.name, id(call.layer)) for call in flat.calls}
    counts = Counter(name for name, _ in owners)
    return {name for name, count in counts.items() if count > 1} | _RESERVED
