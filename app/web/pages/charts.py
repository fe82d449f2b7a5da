"""Small charts, worked out here and drawn as SVG by the templates."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.web.pages import wording

WIDTH: Final = 480
HEIGHT: Final = 120
_BINS: Final = 32


@dataclass(frozen=True)
class Column:
    """One bin: its box in the chart, and what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True)
class Histogram:
    """How often each value occurs.

    Attributes:
        columns: one for each bin.
        low: value at the left end, as text.
        high: value at the right end, as text.
        zero: where zero lies, pixels from the left; nothing where it lies outside.
        zeros: how many values are exactly zero, in words; they are left out of the columns where
            they would dwarf the rest.
    """

    columns: tuple[Column, ...]
    low: str
    high: str
    zero: float | None
    zeros: str | None


def histogram(values: NDArray[np.float32], *, signed: bool) -> Histogram | None:
    """The histogram of a map; nothing where all its values are alike.

    Args:
        values: float32 ``(H, W)``.
        signed: whether values below zero can occur; if not, zeros are counted apart, because
            they are what the activation cut.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return None
    shown = values if signed else values[values > 0]
    low = low if signed else 0.0
    counts, edges = np.histogram(shown, bins=_BINS, range=(low, high))
    tallest = int(counts.max())
    width = WIDTH / _BINS
    columns = tuple(
        Column(
            x=round(at * width, 2),
            y=round(HEIGHT * (1 - count / tallest), 2),
            width=round(width - 1, 2),
            height=round(HEIGHT * count / tallest, 2),
            text=f"{wording.plural(count, 'value')} from {wording.number(edges[at])} "
            f"to {wording.number(edges[at + 1])}",
        )
        for at, count in enumerate(counts.tolist())
        if count
    )
    zeros = int((values == 0).sum())
    return Histogram(
        columns=columns,
        low=wording.number(low),
        high=wording.number(high),
        zero=round(WIDTH * -low / (high - low), 2) if low < 0 < high else None,
        zeros=None
        if signed or not zeros
        else f"{zeros:,} of {values.size:,} values are zero and not drawn",
    )
