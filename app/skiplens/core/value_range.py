"""Display ranges: what shares one range of values, and quantising to 8-bit levels."""

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]
ValueRange = tuple[float, float]

TOP_LEVEL: Final = 252  # even, so that a range centred on zero has zero exactly at level 126


class Normalisation(StrEnum):
    """What shares one range.

    ``filter``: each map has its own. ``layer``: all maps of a layer. ``block``: x, F(x), sum and
    output of a block; a layer that is none of them is by itself. ``network``: all maps of the
    network that have space. ``symmetric``: all maps of a layer, centred on zero even where they
    are never negative.
    """

    FILTER = "filter"
    LAYER = "layer"
    BLOCK = "block"
    NETWORK = "network"
    SYMMETRIC = "symmetric"


def display_ranges(
    maps: Maps, normalisation: Normalisation, *, signed: bool, scope: ValueRange
) -> tuple[ValueRange, ...]:
    """The range of each filter.

    Args:
        maps: float32 ``(H, W, C)``.
        normalisation: what shares a range.
        signed: whether the values may be negative, and the ranges so centred on zero.
        scope: smallest and largest value of all that shares the range, these maps among it.

    Returns:
        ``(low, high)`` for each filter; ``low == high == 0`` where everything in it is zero.
    """
    count = int(maps.shape[-1])
    centred = signed or normalisation is Normalisation.SYMMETRIC
    if normalisation is Normalisation.FILTER:
        flat = maps.reshape(-1, count)
        lows, highs = flat.min(axis=0), flat.max(axis=0)
        return tuple(
            _around_zero(float(lows[at]), float(highs[at]), centred=centred or bool(lows[at] < 0))
            for at in range(count)
        )
    return (_around_zero(*scope, centred=centred),) * count


def _around_zero(low: float, high: float, *, centred: bool) -> ValueRange:
    """The same reach on both sides, so that maps on one scale have one colour for one value."""
    reach = max(abs(low), abs(high))
    return (-reach, reach) if centred else (0.0, reach)


def quantise(
    maps: Maps, chosen: tuple[ValueRange, ...], *, centred: bool = False
) -> NDArray[np.uint8]:
    """Maps as palette levels.

    Args:
        maps: float32 ``(H, W, C)``; values beyond their range take the level of its end.
        chosen: ``(low, high)`` for each filter, as from :func:`ranges`.
        centred: whether the palette has zero in its middle; it matters where a range is empty.

    Returns:
        uint8 ``(C, H, W)`` in 0..252: rounded, clipped, then cast. A filter whose range is empty is
        drawn flat at zero's level.
    """
    low, high = np.array(chosen, np.float64).T  # wide enough for the span of any float32 values
    span = high - low
    factor = np.divide(TOP_LEVEL, span, out=np.zeros_like(span), where=span > 0)
    nothing = np.where(span > 0, 0, TOP_LEVEL // 2 if centred else 0)
    levels = np.rint((maps - low) * factor) + nothing
    return np.ascontiguousarray(np.clip(levels, 0, TOP_LEVEL).astype(np.uint8).transpose(2, 0, 1))
