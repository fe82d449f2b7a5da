"""The arithmetic behind one value of a layer, from its inputs and weights."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from skiplens.core.manifest import LayerInfo
from skiplens.core.published import Published

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
    """The value after one of :data:`FUNCTIONS`; unchanged if ``function`` is None."""
    return value if function is None else FUNCTIONS[function](value)


Array = NDArray[np.float32]
Position = tuple[int, int]  # row, column


@dataclass(frozen=True, eq=False)
class UnitInputs:
    """One unit of a layer and everything its value is computed from.

    Attributes:
        layer: layer of the unit.
        filter: index of its map.
        position: its row and column.
        inputs: float32 ``(H, W, C)`` activations of each of the layer's inputs.
        weights: of the network, by ``layer/weight``.
        branch_scale: scale of the block's branch if it multiplies this layer, else ``None``.
        states: float32 ``(1, T, U)`` of the recurrent layer that it is a state or gate of, if any.
    """

    layer: LayerInfo
    filter: int
    position: Position
    inputs: Sequence[Array]
    weights: Mapping[str, Array]
    branch_scale: float | None
    states: Array | None = None

    def weight(self, name: str) -> Array | None:
        """One of the layer's weight arrays; None if it has none of that name."""
        return self.weights.get(f"{self.layer.name}/{name}")

    def scalar(self, name: str) -> float | None:
        """The filter's value in a weight vector; None if there is none of that name."""
        weight = self.weight(name)
        return None if weight is None else float(weight[self.filter])

    def value_at(self, maps: Array) -> float:
        """The value of other maps at the same position and filter."""
        return float(maps[(*self.position, self.filter)])


@dataclass(frozen=True)
class BatchNorm(Published):
    """``(value - mean) / sqrt(variance + epsilon) * gamma + beta``.

    Ioffe and Szegedy 2015, "Batch Normalization", algorithm 2.
    """

    value: float
    """Value of the input at the same position."""
    mean: float
    """Moving mean of the filter's values during training."""
    variance: float
    """Moving variance of the filter's values during training."""
    epsilon: float
    """Constant that keeps the square root above zero."""
    gamma: float
    """Learned scale of the filter; 1 if there is none."""
    beta: float
    """Learned shift of the filter; 0 if there is none."""
    kind: Literal["batch_norm"] = "batch_norm"
    """Kind of arithmetic."""

    @property
    def result(self) -> float:
        """The normalised value."""
        spread = math.sqrt(self.variance + self.epsilon)
        return (self.value - self.mean) / spread * self.gamma + self.beta


@dataclass(frozen=True)
class ActivationStep(Published):
    """A value after an activation function, times the scale of its block's branch."""

    value: float
    """Value of the input at the same position."""
    function: str | None
    """`relu`, `sigmoid` or `tanh`; null if there is none."""
    branch_scale: float | None
    """Scale of the block's branch; null if it does not multiply this layer."""
    kind: Literal["application"] = "application"
    """Kind of arithmetic."""

    @property
    def result(self) -> float:
        """The value after function and scale."""
        scale = 1.0 if self.branch_scale is None else self.branch_scale
        return scale * apply_activation(self.function, self.value)


@dataclass(frozen=True)
class Merge(Published):
    """The values of several maps at one position, merged."""

    operation: str
    """`add`, `multiply`, `average`, `maximum` or `highway`."""
    terms: tuple[float, ...]
    """One value for each input: x, F(x) and, in a highway block, T(x)."""
    kind: Literal["merge"] = "merge"
    """Kind of arithmetic."""

    @property
    def result(self) -> float:
        """The merged value."""
        return MERGES[self.operation](self.terms)


Terms = tuple[float, float]


@dataclass(frozen=True)
class GRUGate(Published):
    """A gate of a GRU at one step: the sigmoid of the two terms' sum.

    Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder", eq. 5 and 6.
    """

    terms: Terms
    """Weighted sums of the step's input and of the states at the step before, each with a bias."""
    kind: Literal["gru_gate"] = "gru_gate"
    """Kind of arithmetic."""

    @property
    def result(self) -> float:
        """The gate, 0 to 1."""
        return apply_activation("sigmoid", math.fsum(self.terms))


@dataclass(frozen=True)
class GRUState(Published):
    """A state of a GRU at one step: `z * before + (1 - z) * candidate`, where z is the sigmoid of
    the update gate's two terms, r that of the reset gate's, and the candidate tanh of its first
    term plus r times its second.

    Cho et al. 2014, eq. 5 to 8; as cuDNN and Keras do, r multiplies the product, not the state.
    """

    step_before: int | None
    """Step that the layer takes before this one, from 0; null at the first that it takes."""
    before: float
    """State of the unit at that step; 0 without one."""
    update: Terms
    """Weighted sums of the step's input and of the states at the step before, each with a bias."""
    reset: Terms
    """The same two of the reset gate."""
    candidate: Terms
    """The same two of the candidate."""
    kind: Literal["gru_state"] = "gru_state"
    """Kind of arithmetic."""

    @property
    def gates(self) -> Terms:
        """z and r, 0 to 1."""
        return GRUGate(self.update).result, GRUGate(self.reset).result

    @property
    def new(self) -> float:
        """The candidate, -1 to 1."""
        return math.tanh(self.candidate[0] + self.gates[1] * self.candidate[1])

    @property
    def result(self) -> float:
        """The new state."""
        z = self.gates[0]
        return z * self.before + (1 - z) * self.new


@dataclass(frozen=True, eq=False)
class Softmax:
    """``exp(score) / sum(exp(scores))``, after subtracting the largest score from each.

    The subtraction leaves the result unchanged and avoids overflow.

    Attributes:
        scores: float32 ``(n,)``.
        index: of the class.
    """

    kind: ClassVar = "softmax"
    scores: Array
    index: int

    @property
    def exponentials(self) -> NDArray[np.float64]:
        """``exp(score - largest)``: float64 ``(n,)`` in 0..1."""
        scores = self.scores.astype(np.float64)
        return np.asarray(np.exp(scores - scores.max()))

    @property
    def result(self) -> float:
        """The probability of the class."""
        exponentials = self.exponentials
        return float(exponentials[self.index] / exponentials.sum())


Products = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Convolution:
    """Sum of patch times kernel, plus a bias. Its activation is a layer of its own.

    Attributes:
        patch: float32 ``(h, w, n)`` of the n input maps under the kernel; zero in the padding.
        inside: bool ``(h, w)``, false in the padding.
        kernel: float32 ``(h, w, n)``.
        bias: of the filter; ``None`` without one.
        corner: row and column of the patch's first value in the input; negative in the padding.
        dilation: vertical and horizontal step between values of the patch in the input.
        first: index of the first of the n maps; above 0 in later groups.
    """

    patch: Array
    inside: NDArray[np.bool_]
    kernel: Array
    bias: float | None
    corner: Position
    dilation: Position
    first: int

    @property
    def products(self) -> Products:
        """Float64 ``(h, w, n)``."""
        return self.patch.astype(np.float64) * self.kernel

    @property
    def sums(self) -> Products:
        """Contribution of each of the n maps: float64 ``(n,)``."""
        return np.asarray(self.products.sum(axis=(0, 1)))

    @property
    def result(self) -> float:
        """Sum of the products plus the bias."""
        return float(self.sums.sum()) + (self.bias or 0.0)


@dataclass(frozen=True, eq=False)
class Dense:
    """Sum of inputs times weights, plus a bias. Its activation is a layer of its own.

    Attributes:
        values: float32 ``(n,)`` inputs; maps are flattened in row-major order.
        weights: float32 ``(n,)``.
        bias: of the output; ``None`` without one.
    """

    kind: ClassVar = "weighted_sum"
    values: Array
    weights: Array
    bias: float | None

    @property
    def products(self) -> Products:
        """Float64 ``(n,)``."""
        return self.values.astype(np.float64) * self.weights

    @property
    def result(self) -> float:
        """Sum of the products plus the bias."""
        return float(self.products.sum()) + (self.bias or 0.0)


@dataclass(frozen=True, eq=False)
class Pooling:
    """The largest value of a window, or its mean.

    Attributes:
        operation: ``max`` or ``mean``.
        window: float32 ``(h, w)``, without padding.
        corner: row and column of its first value in the map.
    """

    kind: ClassVar = "pooling"
    operation: str
    window: Array
    corner: Position

    @property
    def result(self) -> float:
        """The pooled value."""
        window = self.window
        return float(window.max() if self.operation == "max" else window.mean(dtype=float))


def convolution(unit: UnitInputs) -> Convolution | None:
    """The arithmetic of a convolution; None if its weights are unknown."""
    layer, maps, weights = unit.layer, unit.inputs[0], unit.weight("kernel")
    if weights is None or layer.kernel is None or layer.strides is None:
        return None
    dilation = layer.dilation or (1, 1)
    rows, columns = (
        _span(unit, axis, layer.kernel[axis], layer.strides[axis], dilation[axis])
        for axis in (0, 1)
    )
    on_rows = (rows >= 0) & (rows < maps.shape[0])
    on_columns = (columns >= 0) & (columns < maps.shape[1])
    inside = on_rows[:, None] & on_columns[None, :]
    count = weights.shape[2]
    first = count * (unit.filter // (layer.filters // (maps.shape[2] // count)))
    patch = np.zeros((*layer.kernel, count), np.float32)
    channels = np.arange(first, first + count)
    seen = maps[np.ix_(rows[on_rows], columns[on_columns], channels)]
    patch[inside] = seen.reshape(-1, count)
    return Convolution(
        patch=patch,
        inside=inside,
        kernel=weights[:, :, :, unit.filter],
        bias=unit.scalar("bias"),
        corner=(int(rows[0]), int(columns[0])),
        dilation=dilation,
        first=first,
    )


def _span(unit: UnitInputs, axis: int, length: int, stride: int, dilation: int) -> NDArray[np.intp]:
    """Input rows or columns under a window; some may lie in the padding.

    The padding follows from the shapes: see :class:`skiplens.core.manifest.LayerInfo`.
    """
    before, after = unit.inputs[0].shape[axis], unit.layer.shape[axis]
    span = (length - 1) * dilation + 1
    padding = max((after - 1) * stride + span - before, 0)
    start = unit.position[axis] * stride - padding // 2
    return np.arange(start, start + span, dilation)


def pooling(unit: UnitInputs) -> Pooling:
    """The arithmetic of a pooling."""
    layer, maps = unit.layer, unit.inputs[0][:, :, unit.filter]
    operation = "max" if "Max" in layer.kind else "mean"
    if layer.window is None or layer.strides is None:
        return Pooling(operation, maps, (0, 0))
    rows, columns = (
        _span(unit, axis, layer.window[axis], layer.strides[axis], dilation=1).clip(0)
        for axis in (0, 1)
    )
    window = maps[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Pooling(operation, window, (int(rows[0]), int(columns[0])))


_GRU_GATES: Final = {"UpdateGate": 0, "ResetGate": 1}  # in the order of the weights
_GRU_PARTS: Final = 3


def recurrent_layer(layer: LayerInfo) -> str | None:
    """Name of the recurrent layer that has the layer as its states or as a gate."""
    if layer.kind in _GRU_GATES:
        return layer.name.rpartition(".")[0]
    return layer.name if layer.role == "states" else None


@dataclass(frozen=True)
class _Direction:
    """One way in which a recurrent layer takes the steps.

    Attributes:
        weights: where its weights are, as ``layer`` or ``layer/backward``.
        first: index of the first of its states.
        before: from a step to the one that it takes before, 1 or -1.
    """

    weights: str
    first: int
    before: int


def _direction(unit: UnitInputs) -> _Direction | None:
    """The way that the unit belongs to; ``None`` if its weights are not known."""
    name = recurrent_layer(unit.layer)
    if f"{name}/kernel" in unit.weights:
        return _Direction(f"{name}", 0, -1)
    ahead = unit.weights.get(f"{name}/forward/recurrent_kernel")
    if ahead is None or unit.states is None or unit.states.shape[-1] != 2 * len(ahead):
        return None  # no weights, or directions that are merged into one
    if unit.filter < len(ahead):
        return _Direction(f"{name}/forward", 0, -1)
    return _Direction(f"{name}/backward", len(ahead), 1)


def _gru(unit: UnitInputs) -> GRUState | GRUGate | None:
    """The arithmetic of a state or gate of a GRU; ``None`` of other recurrent layers."""
    way, states, maps = _direction(unit), unit.states, unit.inputs[0]
    if way is None or states is None or states.shape[:2] != maps.shape[:2]:
        return None
    kernel, recurrent = (
        unit.weights[f"{way.weights}/{name}"] for name in ("kernel", "recurrent_kernel")
    )
    bias = unit.weights.get(f"{way.weights}/bias", np.zeros((2, kernel.shape[1]), np.float32))
    units = len(recurrent)
    if kernel.shape[1] != _GRU_PARTS * units or bias.shape != (2, kernel.shape[1]):
        return None
    row, step = unit.position
    before = step + way.before if 0 <= step + way.before < states.shape[1] else None
    held = np.zeros(units, np.float32)
    if before is not None:
        held = states[row, before, way.first : way.first + units]
    index = unit.filter - way.first
    sources = ((maps[row, step], kernel), (held, recurrent))
    update, reset, candidate = (
        _pair(
            float(values @ weights[:, at].astype(np.float64)) + float(added[at])
            for (values, weights), added in zip(sources, bias, strict=True)
        )
        for at in range(index, _GRU_PARTS * units, units)
    )
    gate = _GRU_GATES.get(unit.layer.kind)
    if gate is not None:
        return GRUGate((update, reset)[gate])
    return GRUState(before, float(held[index]), update, reset, candidate)


def _pair(values: Iterable[float]) -> Terms:
    first, second = values
    return first, second


Arithmetic = (
    Convolution
    | Dense
    | Pooling
    | BatchNorm
    | ActivationStep
    | Merge
    | GRUGate
    | GRUState
    | Softmax
)


@dataclass(frozen=True, eq=False)
class Unit:
    """One value of a feature map and how it is computed.

    Attributes:
        layer: layer of the unit.
        filter: index of its map.
        position: its row and column; ``(0, 0)`` in a layer without spatial axes.
        value: as the network computed it, in float32.
        arithmetic: how it is computed; ``None`` for unknown kinds of layers.
    """

    layer: LayerInfo
    filter: int
    position: Position
    value: float
    arithmetic: Arithmetic | None


def arithmetic(unit: UnitInputs) -> Arithmetic | None:
    """How a value is computed; ``None`` for unknown kinds of layers."""
    layer, inputs = unit.layer, unit.inputs
    if layer.kind.lower() in MERGES:
        return _merge(unit)
    known = layer.activation is None or layer.activation in FUNCTIONS
    if len(inputs) != 1 or not (known or layer.kind == "Softmax"):
        return None
    if recurrent_layer(layer):
        return _gru(unit)
    if layer.kind in _VALUE_BY_VALUE and inputs[0].shape != layer.shape:
        return None  # a layer that is not shown, such as Flatten, moves the values
    if layer.kind in _BY_KIND:
        return _BY_KIND[layer.kind](unit)
    computes = layer.activation is not None and layer.parameters == 0
    return _activation_step(unit) if computes and inputs[0].shape == layer.shape else None


def _merge(unit: UnitInputs) -> Merge | None:
    layer = unit.layer
    if len(unit.inputs) <= 1 or any(maps.shape != layer.shape for maps in unit.inputs):
        return None  # a merge with a constant, or one that broadcasts
    return Merge(layer.kind.lower(), tuple(unit.value_at(maps) for maps in unit.inputs))


def _activation_step(unit: UnitInputs) -> ActivationStep:
    function = "sigmoid" if unit.layer.kind == "Gate" else unit.layer.activation
    return ActivationStep(unit.value_at(unit.inputs[0]), function, unit.branch_scale)


def _part(unit: UnitInputs) -> ActivationStep | None:
    """The arithmetic of a block's part; ``None`` of a user's own layer that has its name."""
    is_part = unit.layer.role == _PARTS[unit.layer.kind]
    return _activation_step(unit) if is_part else None


def _norm(unit: UnitInputs) -> BatchNorm | None:
    layer, means, variances = unit.layer, unit.weight("moving_mean"), unit.weight("moving_variance")
    if means is None or variances is None or layer.epsilon is None or len(means) != layer.filters:
        return None  # no weights, or those of another axis than the filters
    gamma, beta = unit.scalar("gamma"), unit.scalar("beta")
    return BatchNorm(
        value=unit.value_at(unit.inputs[0]),
        mean=float(means[unit.filter]),
        variance=float(variances[unit.filter]),
        epsilon=layer.epsilon,
        gamma=1.0 if gamma is None else gamma,
        beta=0.0 if beta is None else beta,
    )


def _dense(unit: UnitInputs) -> Dense | None:
    weights, maps = unit.weight("kernel"), unit.inputs[0]
    if weights is None:
        return None
    rows, columns, channels = maps.shape
    row, column = unit.position
    if len(weights) == maps.size:
        values = maps.reshape(-1)
    elif len(weights) == channels and row < rows and column < columns:
        values = maps[row, column]
    else:
        return None  # a layer that is not shown makes other vectors of the values
    return Dense(values, weights[:, unit.filter], unit.scalar("bias"))


_PARTS: Final = {"Projection": "identity", "Residual": "residual", "Gate": "gate"}  # their roles
_VALUE_BY_VALUE: Final = frozenset({*_PARTS, "BatchNormalization", "Softmax", "Identity"})
_BY_KIND: Final[dict[str, Callable[[UnitInputs], Arithmetic | None]]] = {
    "Conv2D": convolution,
    "BatchNormalization": _norm,
    "Dense": _dense,
    "Softmax": lambda unit: (
        Softmax(unit.inputs[0][unit.position], unit.filter)
        if unit.layer.activation == "softmax"  # over the filters
        else None
    ),
    **dict.fromkeys(_PARTS, _part),
    "Identity": _activation_step,
    **{
        f"{over}{kind}Pooling{axes}D": pooling
        for over in ("", "Global")
        for kind in ("Max", "Average")
        for axes in (1, 2)
    },
}
