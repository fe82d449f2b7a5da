"""The Engine protocol, and the check that activations are finite."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from skiplens.core.manifest import LayerInfo, Manifest
from skiplens.errors import BusyError, NonFiniteError

Array = NDArray[np.float32]
Activations = Mapping[str, Array]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, eq=False)
class FilterFigures:
    """Figures of every filter of all layers in forward order, of one forward pass.

    Attributes:
        low: smallest value, float32 ``(F,)``.
        high: largest value, likewise.
        sums: of values, of their squares, and number of values that are not zero: float32
            ``(3, F)``.
        maps: of the layers that were asked for, float32 ``(H, W, C)``.
    """

    low: Array
    high: Array
    sums: Array
    maps: Activations


RunForFigures = Callable[[Array, Array], FilterFigures]


class ReadActivations(Protocol[T_co]):
    """Reads a forward pass's activations, which are valid until it returns."""

    def __call__(self, found: Activations, *, computed: bool) -> T_co:
        """The result for every layer's float32 ``(H, W, C)`` by name; it must not change them.

        Args:
            found: may hold NaN or infinity.
            computed: whether they were computed for this call.
        """


class Engine(Protocol):
    """Runs one network. Safe to call from several threads at once."""

    @property
    def manifest(self) -> Manifest:
        """The network's description."""

    @property
    def name(self) -> str:
        """``litert`` or ``keras``."""

    @property
    def device(self) -> str:
        """``CPU``, or the name of the GPU."""

    @property
    def weights(self) -> Mapping[str, Array]:
        """Every weight by ``layer/weight``: ``stem.conv/kernel`` is ``(h, w, in, out)``."""

    @property
    def waiting(self) -> int:
        """Number of callers waiting."""

    def activations(self, image: Array, branch_scales: Array) -> Activations:
        """One forward pass.

        Args:
            image: float32 ``(1, H, W, C)`` in [0, 1], of ``manifest.input_shape``.
            branch_scales: float32 ``(n,)``, one for each of ``manifest.disableable_blocks``: 1 as
                trained, 0 off.

        Returns:
            Every layer's float32 ``(H, W, C)`` by name, finite, read-only, owned by the caller.

        Raises:
            BusyError: too many callers are waiting; an engine elsewhere may raise when layers are
                read.
            NonFiniteError: the network computed NaN or infinity; likewise.
        """

    def filter_figures(self, layers: Sequence[str]) -> RunForFigures:
        """What computes figures of every filter of an input, and the maps of these layers.

        It takes the arguments of :meth:`activations`, from several threads at once, and raises
        BusyError as that does. What it returns is not checked to be finite.
        """

    def inspect(self, image: Array, branch_scales: Array, read: ReadActivations[T]) -> T:
        """Run ``read`` on the activations of a forward pass without copying them.

        An input that an engine still has from the last call is not computed again.

        Args:
            image: as in :meth:`activations`, errors too.
            branch_scales: likewise.
            read: gets the activations.
        """

    def outputs(self, images: Array, branch_scales: Array, layer: str) -> Array:
        """The output of one layer in several forward passes.

        Args:
            images: float32 ``(passes, H, W, C)`` in [0, 1].
            branch_scales: float32 ``(passes, n)``.
            layer: its name.

        Returns:
            float32 ``(passes, H, W, C)``, finite. Errors as in :meth:`activations`.
        """

    def reordered(self, image: Array, branch_scales: Array, order: Array) -> Activations:
        """One forward pass with the blocks in another order, of a network that can be reordered.

        Args:
            image: as in :meth:`activations`.
            branch_scales: likewise, but in the order in which the blocks run.
            order: float32 ``(blocks,)``: index of the block that runs at each place.

        Returns:
            As :meth:`activations`, named by place: ``block1.sum`` is of the block that runs first.
        """

    def gradients(self, image: Array, branch_scales: Array, target: int) -> Activations:
        """Gradients of the logit of class ``target`` at every layer except the probabilities, and
        at each block's input by path.

        Arguments and errors as in :meth:`activations`; ``target`` is a class index.
        """

    def close(self) -> None:
        """Release resources; the engine must not be used afterwards."""


def overloaded(waiting: int, limit: int) -> BusyError:
    """The refusal of a caller who would have to wait too."""
    return BusyError(f"{waiting} computations are waiting already; at most {limit} may wait")


def layers_to_check(layers: Iterable[LayerInfo]) -> tuple[str, ...]:
    """A subset of a network's layers that is finite only if all layers are.

    NaN and infinity pass through a batch norm, so its input need not be checked; ReLU, a scaled
    residual and a sum of finite values are finite.
    """
    layers = list(layers)
    implied = {
        name for layer in layers if layer.kind == "BatchNormalization" for name in layer.inputs
    }
    implied |= {
        layer.name for layer in layers if layer.kind in {"ReLU", "Add"} or layer.role == "residual"
    }
    return tuple(layer.name for layer in layers if layer.name not in implied)


def check_finite(arrays: Activations, names: Collection[str] | None = None) -> None:
    """Refuse arrays with NaN or infinity.

    The dot product of an array with itself is finite only if every element is, and takes a tenth
    of the time of checking each. It also refuses magnitudes above about 1e19, which overflow.

    Args:
        arrays: by name.
        names: arrays to check, see :func:`layers_to_check`; all by default.

    Raises:
        NonFiniteError: names the first such array.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        flat = [arrays[name].reshape(-1) for name in (arrays if names is None else names)]
        if math.isfinite(sum([float(array.dot(array)) for array in flat])):
            return
        for name, array in arrays.items():
            if not math.isfinite(np.vdot(array, array)):
                raise NonFiniteError(f"layer {name} holds a value that is NaN or infinite")


def read_only(arrays: Activations) -> Activations:
    """The arrays, which cannot be changed any more."""
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def figures_of(
    activations: Activations, layers: Sequence[LayerInfo], kept: Sequence[str]
) -> FilterFigures:
    """Figures of every filter of these layers, from their activations."""
    flat = [activations[layer.name].reshape(-1, layer.filters) for layer in layers]
    with np.errstate(over="ignore", invalid="ignore"):  # whoever asks checks for it
        columns = [
            (x.min(axis=0), x.max(axis=0), x.sum(axis=0), (x * x).sum(axis=0), (x != 0).sum(axis=0))
            for x in flat
        ]
    low, high, *sums = (np.concatenate(row, dtype=np.float32) for row in zip(*columns, strict=True))
    return FilterFigures(low, high, np.stack(sums), {name: activations[name] for name in kept})
