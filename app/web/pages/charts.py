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
        columns: one for each bin that is not empty.
        low: value at the left end, as text.
        high: value at the right end, as text.
        zero: where zero lies, pixels from the left; nothing at an end.
        tallest: how many values the tallest column stands for.
        zeros: how many values are exactly zero, in words. They would dwarf the rest, and are not
            in the columns.
    """

    columns: tuple[Column, ...]
    low: str
    high: str
    zero: float | None
    tallest: str
    zeros: str | None


def histogram(values: NDArray[np.float32]) -> Histogram | None:
    """The histogram of a map or of several, float32; nothing where all values are alike."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    if float(values.min()) == float(values.max()):
        return None
    shown = values[values != 0]
    zeros = values.size - shown.size
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
    return Histogram(
        columns=columns,
        low=wording.number(low),
        high=wording.number(high),
        zero=round(WIDTH * -low / (high - low), 2) if low < 0 < high else None,
        tallest=wording.plural(tallest, "value"),
        zeros=f"{wording.percent(zeros / values.size)} of the values are exactly zero, "
        f"{zeros:,} of {values.size:,}; they are not drawn"
        if zeros
        else None,
    )
