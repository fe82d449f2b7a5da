"""What the maps of a layer amount to, filter by filter."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]


@dataclass(frozen=True)
class FilterStatistics:
    """One filter's activation map in numbers.

    Attributes:
        index: of the filter.
        min: smallest value.
        max: largest value.
        mean: mean over all positions.
        std: population standard deviation over all positions.
        zero_share: share of positions that are exactly zero, 0..1.
        dead: every position is exactly zero.
        constant: more than one position, all of the same value.
    """

    index: int
    min: float
    max: float
    mean: float
    std: float
    zero_share: float
    dead: bool
    constant: bool


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
