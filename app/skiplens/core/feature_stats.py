"""Statistics of each filter's feature map, and sort orders by them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.manifest import Published

Maps = NDArray[np.float32]


@dataclass(frozen=True)
class FilterStatistics(Published):
    """Statistics of one filter's feature map, over all positions."""

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
    return tuple(
        FilterStatistics(
            index=index,
            min=float(low[index]),
            max=float(high[index]),
            mean=float(mean[index]),
            std=float(std[index]),
            zero_share=float(zero[index]),
            dead=bool(low[index] == 0 and high[index] == 0),
            constant=bool(len(flat) > 1 and low[index] == high[index]),
        )
        for index in range(flat.shape[1])
    )


def extent(maps: Maps) -> tuple[float, float]:
    """The smallest and the largest value of an array."""
    return float(maps.min()), float(maps.max())


class Sort(StrEnum):
    """What filters are sorted by.

    ``index``: order in the network. ``mean`` and ``maximum``: of the map, largest first.
    ``zeros``: share of zero positions, smallest first. Sorted by a statistic, dead filters come
    late.
    """

    INDEX = "index"
    MEAN = "mean"
    MAXIMUM = "maximum"
    ZEROS = "zeros"


_KEYS: Final[dict[Sort, Callable[[FilterStatistics], float]]] = {
    Sort.MEAN: lambda stats: -stats.mean,
    Sort.MAXIMUM: lambda stats: -stats.max,
    Sort.ZEROS: lambda stats: stats.zero_share,
}


def ordered(
    statistics: Sequence[FilterStatistics], filters: Sequence[int], sort: Sort
) -> tuple[int, ...]:
    """Filter indices, sorted; ``Sort.INDEX`` keeps the order they come in.

    Args:
        statistics: of every filter of the layer, by index.
        filters: indices to sort.
        sort: what to sort by; equal filters keep their order.
    """
    if sort is Sort.INDEX:
        return tuple(filters)
    key = _KEYS[sort]
    return tuple(sorted(filters, key=lambda index: key(statistics[index])))
