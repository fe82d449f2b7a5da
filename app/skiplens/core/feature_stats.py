"""Statistics of each filter's map, and the orders that maps are sorted in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.manifest import DESCRIBED

Maps = NDArray[np.float32]


@dataclass(frozen=True)
class FilterStatistics:
    """Statistics of one filter's feature map, over all positions."""

    __pydantic_config__ = DESCRIBED

    index: int
    """Index of the filter in its layer, from 0."""
    min: float
    """Smallest value."""
    max: float
    """Largest value."""
    mean: float
    """Mean."""
    std: float
    """Population standard deviation."""
    zero_share: float
    """Share of positions that are exactly zero, 0 to 1."""
    dead: bool
    """Whether every position is exactly zero."""
    constant: bool
    """Whether there are several positions, all of the same value."""


def describe(maps: Maps) -> tuple[FilterStatistics, ...]:
    """Statistics of every filter of a layer.

    Args:
        maps: float32 ``(H, W, C)``, finite.
    """
    flat = maps.reshape(-1, maps.shape[-1])
    low, high = flat.min(axis=0), flat.max(axis=0)
    mean = flat.mean(axis=0, dtype=np.float64)
    std = flat.std(axis=0, dtype=np.float64)
    zero = (flat == 0).mean(axis=0)
    several = len(flat) > 1
    return tuple(
        FilterStatistics(
            index=at,
            min=float(low[at]),
            max=float(high[at]),
            mean=float(mean[at]),
            std=float(std[at]),
            zero_share=float(zero[at]),
            dead=bool(low[at] == 0 and high[at] == 0),
            constant=bool(several and low[at] == high[at]),
        )
        for at in range(flat.shape[1])
    )


def extent(maps: Maps) -> tuple[float, float]:
    """The smallest and the largest value of an array."""
    return float(maps.min()), float(maps.max())


class Sort(StrEnum):
    """What filters are sorted by.

    ``index``: as they are in the network. ``mean`` and ``maximum``: of the map, largest first.
    ``zeros``: share of positions that are exactly zero, smallest first, so that in every order
    but the first a filter that has nothing to say comes late.
    """

    INDEX = "index"
    MEAN = "mean"
    MAXIMUM = "maximum"
    ZEROS = "zeros"


_KEYS: Final[dict[Sort, Callable[[FilterStatistics], float]]] = {
    Sort.MEAN: lambda one: -one.mean,
    Sort.MAXIMUM: lambda one: -one.max,
    Sort.ZEROS: lambda one: one.zero_share,
}


def ordered(
    statistics: Sequence[FilterStatistics], filters: Sequence[int], sort: Sort
) -> tuple[int, ...]:
    """Some of a layer's filters in an order; by index they stay as they were given.

    Args:
        statistics: of every filter of the layer, by index.
        filters: indices.
        sort: what to sort by; equal ones keep their order.
    """
    if sort is Sort.INDEX:
        return tuple(filters)
    key = _KEYS[sort]
    return tuple(sorted(filters, key=lambda index: key(statistics[index])))
