"""The arithmetic behind one value of a layer, from its inputs and weights."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from skiplens.core.manifest import DESCRIBED, LayerInfo

FUNCTIONS: Final[dict[str, Callable[[float], float]]] = {
    "relu": lambda value: max(value, 0.0),
    "sigmoid": lambda value: 0.5 * (1 + math.tanh(value / 2)),  # exp would overflow
    "tanh": math.tanh,
}

MERGES: Final[dict[str, Callable[[tuple[float, ...]], float]]] = {
    "add": math.fsum,
    "multiply": math.prod,
    "average": lambda terms: math.fsum(terms) / len(terms),
    "maximum": max,
    "highway": lambda terms: terms[2] * terms[1] + (1 - terms[2]) * terms[0],
}


def apply_activation(function: str | None, value: float) -> float:
    """A value after one of :data:`FUNCTIONS`, or as it is."""
    return value if function is None else FUNCTIONS[function](value)


Array = NDArray[np.float32]
Place = tuple[int, int]


@dataclass(frozen=True, eq=False)
class UnitInputs:
    """What is to be worked out, and from what.

    Attributes:
        layer: whose map it is.
        filter: index of the map.
        place: row and column.
        given: float32 ``(H, W, C)``, the maps of each of the layer's inputs.
        weights: of the network, by ``layer/weight``.
        switch: of a layer that its block's switch acts on, 1 where the branch is on and 0 where it
            is off.
    """

    layer: LayerInfo
    filter: int
    place: Place
    given: Sequence[Array]
    weights: Mapping[str, Array]
    switch: float | None

    def weight(self, name: str) -> Array | None:
        """One of the layer's weights, whole."""
        return self.weights.get(f"{self.layer.name}/{name}")

    def scalar(self, name: str) -> float | None:
        """What one of the layer's weights has for the filter."""
        found = self.weight(name)
        return None if found is None else float(found[self.filter])

    def here(self, maps: Array) -> float:
        """The value of other maps at the same place and filter."""
        return float(maps[(*self.place, self.filter)])


@dataclass(frozen=True)
class BatchNorm:
    """``(value - mean) / sqrt(variance + epsilon) * gamma + beta``.

    Ioffe and Szegedy 2015, "Batch Normalization", algorithm 2.
    """

    __pydantic_config__ = DESCRIBED

    value: float
    """Value of the input map at the same position."""
    mean: float
    """Moving mean of the filter in training."""
    variance: float
    """Moving variance of the filter in training."""
    epsilon: float
    """Added to the variance, so that the root stays above zero."""
    gamma: float
    """Learned scale of the filter; 1 if there is none."""
    beta: float
    """Learned shift of the filter; 0 if there is none."""
    kind: Literal["batch_norm"] = "batch_norm"
    """Kind of arithmetic."""

    @property
    def result(self) -> float:
        """The value."""
        spread = math.sqrt(self.variance + self.epsilon)
        return (self.value - self.mean) / spread * self.gamma + self.beta


@dataclass(frozen=True)
class ActivationStep:
    """A value after an activation function, times the factor of its block's branch."""

    __pydantic_config__ = DESCRIBED

    value: float
    """Value of the input map at the same position."""
    function: str | None
    """`relu`, `sigmoid` or `tanh`; null if there is none."""
    switch: float | None
    """1 if the block's branch is enabled, 0 if disabled; null outside of branches."""
    kind: Literal["application"] = "application"
    """Kind of arithmetic."""

    @property
    def result(self) -> float:
        """The value."""
        return apply_activation(self.function, self.value) * (
            1.0 if self.switch is None else self.switch
        )


@dataclass(frozen=True)
class Merge:
    """x and F(x), and T(x) of a highway block, merged."""

    __pydantic_config__ = DESCRIBED

    operation: str
    """`add`, `multiply`, `average`, `maximum` or `highway`."""
    terms: tuple[float, ...]
    """One value for each input."""
    kind: Literal["merge"] = "merge"
    """Kind of arithmetic."""

    @property
    def result(self) -> float:
        """The value."""
        return MERGES[self.operation](self.terms)


@dataclass(frozen=True, eq=False)
class Softmax:
    """``exp(score) / sum of exp(scores)``, with the largest score taken off each first, which
    changes nothing but keeps the numbers small.

    Attributes:
        scores: float32 ``(n,)``.
        index: which of them the value is the share of.
    """

    scores: Array
    index: int

    @property
    def exponentials(self) -> NDArray[np.float64]:
        """``exp(score - largest)``: float64 ``(n,)`` in 0..1."""
        scores = self.scores.astype(np.float64)
        return np.asarray(np.exp(scores - scores.max()))

    @property
    def result(self) -> float:
        """The value."""
        found = self.exponentials
        return float(found[self.index] / found.sum())


Products = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Convolution:
    """A kernel laid over a patch: products added up, and a bias.

    Attributes:
        patch: float32 ``(h, w, n)``, what the kernel lies over in each of the n maps that it is
            given; zero beyond their edge.
        inside: bool ``(h, w)``, whether each position is on the maps.
        kernel: float32 ``(h, w, n)``.
        bias: of the filter; ``None`` where the layer has none.
        corner: row and column of the patch's first value in the maps; negative beyond the edge.
        dilation: from one value of the patch to the next in the maps, down and across.
        first: index of the first of the n maps, which is not 0 in a later group.
        function: applied to the sum, one of :data:`FUNCTIONS`; or none.
    """

    patch: Array
    inside: NDArray[np.bool_]
    kernel: Array
    bias: float | None
    corner: Place
    dilation: Place
    first: int
    function: str | None

    @property
    def products(self) -> Products:
        """Float64 ``(h, w, n)``."""
        return self.patch.astype(np.float64) * self.kernel

    @property
    def sums(self) -> Products:
        """What each of the n maps contributes: float64 ``(n,)``."""
        return np.asarray(self.products.sum(axis=(0, 1)))

    @property
    def total(self) -> float:
        """All products and the bias, before the function."""
        return float(self.sums.sum()) + (self.bias or 0.0)

    @property
    def result(self) -> float:
        """The value."""
        return apply_activation(self.function, self.total)


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense layer: every value that it is given times a weight, and a bias.

    Attributes:
        values: float32 ``(n,)``, in row-major order of the maps that they come from.
        weights: float32 ``(n,)``.
        bias: of the class; ``None`` where the layer has none.
        function: as of a :class:`Convolution`.
    """

    values: Array
    weights: Array
    bias: float | None
    function: str | None

    @property
    def products(self) -> Products:
        """Float64 ``(n,)``."""
        return self.values.astype(np.float64) * self.weights

    @property
    def total(self) -> float:
        """All products and the bias, before the function."""
        return float(self.products.sum()) + (self.bias or 0.0)

    @property
    def result(self) -> float:
        """The value."""
        return apply_activation(self.function, self.total)


@dataclass(frozen=True, eq=False)
class Pooling:
    """One number for a window.

    Attributes:
        operation: ``max`` or ``mean``.
        window: float32 ``(h, w)``, the part of it that is on the map.
        corner: row and column of its first value in the map.
    """

    operation: str
    window: Array
    corner: Place

    @property
    def result(self) -> float:
        """The value."""
        chosen = self.window.max() if self.operation == "max" else self.window.mean(dtype=float)
        return float(chosen)


def convolution(question: UnitInputs) -> Convolution | None:
    """A value of a convolution; nothing where its weights are not to be had."""
    layer, maps, weights = question.layer, question.given[0], question.weight("kernel")
    if weights is None or layer.kernel is None or layer.strides is None:
        return None
    dilation = layer.dilation or (1, 1)
    rows, columns = (
        _span(question, axis, layer.kernel[axis], layer.strides[axis], dilation[axis])
        for axis in (0, 1)
    )
    on_rows = (rows >= 0) & (rows < maps.shape[0])
    on_columns = (columns >= 0) & (columns < maps.shape[1])
    inside = on_rows[:, None] & on_columns[None, :]
    count = weights.shape[2]
    first = count * (question.filter // (layer.filters // (maps.shape[2] // count)))
    patch = np.zeros((*layer.kernel, count), np.float32)
    channels = np.arange(first, first + count)
    seen = maps[np.ix_(rows[on_rows], columns[on_columns], channels)]
    patch[inside] = seen.reshape(-1, count)
    return Convolution(
        patch=patch,
        inside=inside,
        kernel=weights[:, :, :, question.filter],
        bias=question.scalar("bias"),
        corner=(int(rows[0]), int(columns[0])),
        dilation=dilation,
        first=first,
        function=layer.activation,
    )


def _span(
    question: UnitInputs, axis: int, length: int, stride: int, dilation: int
) -> NDArray[np.intp]:
    """Rows or columns of the maps given that a window lies over; some may be beyond the edge.

    The padding follows from the shapes: see :class:`skiplens.core.manifest.LayerInfo`.
    """
    before, behind = question.given[0].shape[axis], question.layer.shape[axis]
    reach = (length - 1) * dilation + 1
    padding = max((behind - 1) * stride + reach - before, 0)
    start = question.place[axis] * stride - padding // 2
    return np.arange(start, start + reach, dilation)


def pooling(question: UnitInputs) -> Pooling:
    """A value of a pooling."""
    layer, maps = question.layer, question.given[0][:, :, question.filter]
    operation = "max" if "Max" in layer.kind else "mean"
    if layer.window is None or layer.strides is None:
        return Pooling(operation, maps, (0, 0))
    rows, columns = (
        _span(question, axis, layer.window[axis], layer.strides[axis], dilation=1).clip(0)
        for axis in (0, 1)
    )
    window = maps[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Pooling(operation, window, (int(rows[0]), int(columns[0])))


Arithmetic = Convolution | Dense | Pooling | BatchNorm | ActivationStep | Merge | Softmax


@dataclass(frozen=True, eq=False)
class Unit:
    """One value of a map, and how it comes about.

    Attributes:
        layer: whose map it is.
        filter: index of the map.
        place: row and column; ``(0, 0)`` in a layer without space.
        value: as the network computed it.
        arithmetic: how; ``None`` of a kind of layer that is not known here.
    """

    layer: LayerInfo
    filter: int
    place: Place
    value: float
    arithmetic: Arithmetic | None


def explain_unit(
    layer: LayerInfo,
    index: int,
    place: Place,
    activations: Mapping[str, Array],
    weights: Mapping[str, Array],
    *,
    switch: float | None = None,
) -> Unit:
    """Work one value out.

    Args:
        layer: whose map it is.
        index: of the filter.
        place: row and column, on the map.
        activations: float32 ``(H, W, C)`` by layer name; those of the layer and of its inputs are
            used, the digit's under :data:`skiplens.core.manifest.INPUT`.
        weights: by ``layer/weight``.
        switch: of a layer that its block's switch acts on, 1 where the branch is on and 0 where it
            is off.
    """
    maps = activations[layer.name]
    given = [activations[name] for name in layer.inputs]
    question = UnitInputs(layer, index, place, given, weights, switch)
    return Unit(layer, index, place, float(maps[(*place, index)]), _arithmetic(question))


def _arithmetic(question: UnitInputs) -> Arithmetic | None:
    layer, given = question.layer, question.given
    if layer.kind.lower() in MERGES:
        return _merge(question)
    known = layer.activation is None or layer.activation in FUNCTIONS
    if len(given) != 1 or not (known or layer.kind == "Softmax"):
        return None
    explain = _BY_KIND.get(layer.kind)
    if explain is not None:
        return explain(question)
    computes = layer.activation is not None and layer.parameters == 0
    return _application(question) if computes and given[0].shape == layer.shape else None


def _merge(question: UnitInputs) -> Merge | None:
    layer = question.layer
    if len(question.given) <= 1 or any(maps.shape != layer.shape for maps in question.given):
        return None  # of one tensor and a constant, or of shapes that are stretched
    return Merge(layer.kind.lower(), tuple(question.here(maps) for maps in question.given))


def _application(question: UnitInputs) -> ActivationStep:
    return ActivationStep(question.here(question.given[0]), question.layer.activation, None)


def _residual(question: UnitInputs) -> ActivationStep:
    return ActivationStep(question.here(question.given[0]), None, question.switch)


def _gate(question: UnitInputs) -> ActivationStep:
    return ActivationStep(question.here(question.given[0]), "sigmoid", question.switch)


def _norm(question: UnitInputs) -> BatchNorm | None:
    mean, variance = question.scalar("moving_mean"), question.scalar("moving_variance")
    if mean is None or variance is None:
        return None
    gamma, beta = question.scalar("gamma"), question.scalar("beta")
    return BatchNorm(
        value=question.here(question.given[0]),
        mean=mean,
        variance=variance,
        epsilon=question.layer.epsilon or 0.0,
        gamma=1.0 if gamma is None else gamma,
        beta=0.0 if beta is None else beta,
    )


def _weighted_sum(question: UnitInputs) -> Dense | None:
    weights, maps = question.weight("kernel"), question.given[0]
    if weights is None:
        return None
    flattened = len(weights) == maps.size
    values = maps.reshape(-1) if flattened else maps[question.place]
    bias = question.scalar("bias")
    return Dense(values, weights[:, question.filter], bias, question.layer.activation)


def _softmax(question: UnitInputs) -> Softmax:
    return Softmax(question.given[0][question.place], question.filter)


_BY_KIND: Final[dict[str, Callable[[UnitInputs], Arithmetic | None]]] = {
    "Conv2D": convolution,
    "BatchNormalization": _norm,
    "Dense": _weighted_sum,
    "Softmax": _softmax,
    "Projection": _application,
    "Residual": _residual,
    "Gate": _gate,
    "MaxPooling2D": pooling,
    "AveragePooling2D": pooling,
    "GlobalMaxPooling2D": pooling,
    "GlobalAveragePooling2D": pooling,
}
