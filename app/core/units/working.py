"""Works one value of a map out again, from what its layer was given and the layer's weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.core.manifest import LayerInfo
from app.core.units.functions import FUNCTIONS, MERGES
from app.core.units.question import Array, Place, Question
from app.core.units.steps import Application, BatchNorm, Merge, Softmax
from app.core.units.sums import Convolution, Pooling, WeightedSum
from app.core.units.windows import convolution, pooling

Arithmetic = Convolution | WeightedSum | Pooling | BatchNorm | Application | Merge | Softmax


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


def work_out(
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
            used, the digit's under :data:`app.core.manifest.INPUT`.
        weights: by ``layer/weight``.
        switch: of a layer that its block's switch acts on, 1 where the branch is on and 0 where it
            is off.
    """
    maps = activations[layer.name]
    given = [activations[name] for name in layer.inputs]
    question = Question(layer, index, place, given, weights, switch)
    return Unit(layer, index, place, float(maps[(*place, index)]), _arithmetic(question))


def _arithmetic(question: Question) -> Arithmetic | None:
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


def _merge(question: Question) -> Merge | None:
    layer = question.layer
    if len(question.given) <= 1 or any(maps.shape != layer.shape for maps in question.given):
        return None  # of one tensor and a constant, or of shapes that are stretched
    return Merge(layer.kind.lower(), tuple(question.here(maps) for maps in question.given))


def _application(question: Question) -> Application:
    return Application(question.here(question.given[0]), question.layer.activation, None)


def _residual(question: Question) -> Application:
    return Application(question.here(question.given[0]), None, question.switch)


def _gate(question: Question) -> Application:
    return Application(question.here(question.given[0]), "sigmoid", question.switch)


def _norm(question: Question) -> BatchNorm | None:
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


def _weighted_sum(question: Question) -> WeightedSum | None:
    weights, maps = question.weight("kernel"), question.given[0]
    if weights is None:
        return None
    flattened = len(weights) == maps.size
    values = maps.reshape(-1) if flattened else maps[question.place]
    bias = question.scalar("bias")
    return WeightedSum(values, weights[:, question.filter], bias, question.layer.activation)


def _softmax(question: Question) -> Softmax:
    return Softmax(question.given[0][question.place], question.filter)


_BY_KIND: Final[dict[str, Callable[[Question], Arithmetic | None]]] = {
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
