"""Display ranges: what shares one range of values, and quantising to 8-bit levels."""

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]
ValueRange = tuple[float, float]

TOP_LEVEL: Final = 252  # even, so that a range centred on zero has zero exactly at level 126


class Normalisation(StrEnum):
    """Which maps share one value range.

    ``filter``: each map has its own. ``layer``: all maps of a layer. ``block``: x, F(x), sum and
    output of a block; any other layer by itself. ``network``: all spatial maps of the network.
    ``symmetric``: all maps of a layer, centred on zero even if they are never negative.
    """

    FILTER = "filter"
    LAYER = "layer"
    BLOCK = "block"
    NETWORK = "network"
    SYMMETRIC = "symmetric"


def display_ranges(
    extremes: tuple[Maps, Maps], normalisation: Normalisation, *, signed: bool, scope: ValueRange
) -> tuple[ValueRange, ...]:
    """The display range of each filter.

    Args:
        extremes: smallest and largest value of each filter's map, float32 ``(C,)`` each.
        normalisation: which maps share a range.
        signed: whether values may be negative; ranges are then centred on zero.
        scope: smallest and largest value of all maps that share the range, these included.

    Returns:
        ``(low, high)`` for each filter; ``low == high == 0`` if all its values are zero.
    """
    centred = signed or normalisation is Normalisation.SYMMETRIC
    if normalisation is Normalisation.FILTER:
        return tuple(
            around_zero(float(low), float(high), centred=centred or bool(low < 0))
            for low, high in zip(*extremes, strict=True)
        )
    return (around_zero(*scope, centred=centred),) * len(extremes[0])


def around_zero(low: float, high: float, *, centred: bool) -> ValueRange:
    """A range from or around zero, so that a value has one colour in all maps that share it."""
    largest = max(abs(low), abs(high))
    return (-largest, largest) if centred else (0.0, largest)


def quantise(
    maps: Maps, chosen: tuple[ValueRange, ...], *, centred: bool = False
) -> NDArray[np.uint8]:
    """Maps as palette levels.

    Args:
        maps: float32 ``(H, W, C)``; values outside their range are clipped to it.
        chosen: ``(low, high)`` for each filter, as from :func:`display_ranges`.
        centred: whether the palette has zero in its middle; matters for empty ranges.

    Returns:
        uint8 ``(C, H, W)`` in 0..252. A filter with an empty range has the level of zero.
    """
    # Wide enough for the span of any float32 values, and two rows even without a map.
    low, high = np.array(chosen, np.float64).reshape(-1, 2).T
    span = high - low
    factor = np.divide(TOP_LEVEL, span, out=np.zeros_like(span), where=span > 0)
    offset = np.where(span > 0, 0, TOP_LEVEL // 2 if centred else 0)
    by_filter = np.ascontiguousarray(maps.transpose(2, 0, 1))
    levels: NDArray[np.float64] = by_filter - low[:, None, None]
    levels *= factor[:, None, None]
    np.rint(levels, out=levels)
    levels += offset[:, None, None]
    np.clip(levels, 0, TOP_LEVEL, out=levels)
    return levels.astype(np.uint8)
