"""Orders of a layer's filters: the busy ones first, the silent ones last."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from app.core.statistics import FilterStatistics


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
