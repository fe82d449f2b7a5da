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
    low, high = extents(maps)
    dead, constant = dead_and_constant(maps)
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
            dead=dead[index],
            constant=constant[index],
        )
        for index in range(flat.shape[1])
    )


def extents(maps: Maps) -> tuple[Maps, Maps]:
    """The smallest and the largest value of each filter of ``(H, W, C)``, float32 ``(C,)``."""
    return maps.min(axis=0).min(axis=0), maps.max(axis=0).max(axis=0)


def dead_and_constant(maps: Maps) -> tuple[list[bool], list[bool]]:
    """The same fields of :class:`FilterStatistics` for each filter of ``(H, W, C)``."""
    low, high = extents(maps)
    constant = (low == high) & (maps.shape[0] * maps.shape[1] > 1)
    return ((low == 0) & (high == 0)).tolist(), constant.tolist()


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
