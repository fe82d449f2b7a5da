"""Two examinations side by side: two digits on one network, or one digit on two networks."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.core.blocks import cosine
from app.core.manifest import LayerInfo
from app.core.scaling import Range
from app.core.statistics import extent
from app.errors import InvalidParameterError
from app.service.examination import Examination
from app.service.grids import Grid, GridOptions, grid_of

Array = NDArray[np.float32]
Side = Literal["a", "b", "difference"]


@dataclass(frozen=True)
class LayerComparison:
    """One layer of both.

    Attributes:
        layer: its name in both.
        shape: ``(H, W, C)`` in both.
        norm_a: Euclidean norm of A's maps.
        norm_b: of B's.
        norm_difference: of A - B.
        cosine: of the angle between A's and B's maps, -1..1; 0 where either is zero.
    """

    layer: str
    shape: tuple[int, int, int]
    norm_a: float
    norm_b: float
    norm_difference: float
    cosine: float


def common_layers(a: Examination, b: Examination) -> tuple[LayerInfo, ...]:
    """Layers of A that B has too, by name and shape, in forward order."""
    others = {(layer.name, layer.shape) for layer in b.manifest.layers}
    return tuple(layer for layer in a.manifest.layers if (layer.name, layer.shape) in others)


def compare(a: Examination, b: Examination) -> tuple[LayerComparison, ...]:
    """Every common layer in numbers."""
    return tuple(_compare(layer, a.maps(layer), b.maps(layer)) for layer in common_layers(a, b))


def _compare(layer: LayerInfo, a: Array, b: Array) -> LayerComparison:
    return LayerComparison(
        layer.name,
        layer.shape,
        float(np.linalg.norm(a)),
        float(np.linalg.norm(b)),
        float(np.linalg.norm(a - b)),
        cosine(a, b),
    )


def comparison_grid(
    a: Examination, b: Examination, layer: str, side: Side, options: GridOptions
) -> Grid:
    """One layer's grid of A, of B, or of A - B, filters in the same order.

    A and B share one range; the difference has a symmetric one of its own. The options'
    normalisation is not used.

    Raises:
        InvalidParameterError: the two have no such layer of one shape.
    """
    found = next((one for one in common_layers(a, b) if one.name == layer), None)
    if found is None:
        names = ", ".join(one.name for one in common_layers(a, b)) or "there is none"
        raise InvalidParameterError(f"layer must be one that both have in the same shape: {names}")
    maps = {"a": a.maps(found), "b": b.maps(found)}
    diverging = found.signed or side == "difference"
    if side == "difference":
        maps["difference"] = maps["a"] - maps["b"]
        shared = _centred(extent(maps["difference"]))
    else:
        extents = [extent(one) for one in maps.values()]
        joined = min(low for low, _ in extents), max(high for _, high in extents)
        shared = _centred(joined) if found.signed else (0.0, joined[1])
    return grid_of(maps[side], (shared,) * found.filters, options, diverging=diverging)


def _centred(values: Range) -> Range:
    reach = max(abs(values[0]), abs(values[1]))
    return -reach, reach
