"""Statistics of each filter's feature map, and sort orders by them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.published import Published

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
    summary = summarise(maps)
    mean = flat.mean(axis=0, dtype=np.float64)
    std = flat.std(axis=0, dtype=np.float64)
    zero = (flat == 0).mean(axis=0)
    return tuple(
        FilterStatistics(
            index=index,
            min=float(summary.low[index]),
            max=float(summary.high[index]),
            mean=float(mean[index]),
            std=float(std[index]),
            zero_share=float(zero[index]),
            dead=bool(summary.dead[index]),
            constant=bool(summary.constant[index]),
        )
        for index in range(flat.shape[1])
    )


_ROW: Final = 2048  # values: as few rows as keep the reductions within the processor's cache


@dataclass(frozen=True, eq=False)
class FilterSummary:
    """Summary of all filters of a layer, float32 ``(C,)`` each.

    Attributes:
        low: smallest value.
        high: largest value.
        mean: mean over all positions.
        positions: number of values of each filter.
    """

    low: Maps
    high: Maps
    mean: Maps
    positions: int

    @property
    def extent(self) -> tuple[float, float]:
        """The smallest and the largest value of the layer."""
        return float(self.low.min()), float(self.high.max())

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Whether each filter is zero at every position, bool ``(C,)``."""
        return np.asarray((self.low == 0) & (self.high == 0))

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Whether each filter has several positions, all of the same value, bool ``(C,)``."""
        return np.asarray((self.low == self.high) & (self.positions > 1))


def summarise(maps: Maps) -> FilterSummary:
    """The summary of a layer's maps, float32 ``(H, W, C)``, C-contiguous.

    Several positions make one row, as NumPy reduces long rows far faster than short ones.
    """
    flat = maps.reshape(-1, maps.shape[-1])
    positions, count = flat.shape
    width = min(max(_ROW // count, 1), positions)
    rest = flat[positions // width * width :]
    rows = flat[: len(flat) - len(rest)].reshape(-1, width * count)
    parts = [
        reduce(reduce(rows, axis=0).reshape(width, count), axis=0)
        for reduce in (np.minimum.reduce, np.maximum.reduce, np.add.reduce)
    ]
    if len(rest):
        parts[0] = np.minimum(parts[0], rest.min(axis=0))
        parts[1] = np.maximum(parts[1], rest.max(axis=0))
        parts[2] = parts[2] + rest.sum(axis=0)
    low, high, total = parts
    return FilterSummary(low, high, total / np.float32(positions), positions)


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
