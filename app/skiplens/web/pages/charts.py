"""Charts: histograms, values on one axis, lines over two."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.web.pages import fmt

WIDTH: Final = 480
HEIGHT: Final = 120
_BINS: Final = 32


@dataclass(frozen=True)
class Bar:
    """A bar in pixels, with its colour and a tooltip."""

    x: float
    y: float
    width: float
    height: float
    tone: str = ""
    text: str = ""


@dataclass(frozen=True)
class Histogram:
    """How often each value occurs, in bins that are not empty."""

    columns: tuple[Bar, ...]
    low: str
    high: str
    zero: float | None
    """Where zero is, in pixels from the left; ``None`` at an end."""
    tallest: str
    zeros: str | None
    """How many values are exactly zero. They would dwarf the rest, and are not in the columns."""


def histogram(values: NDArray[np.float32]) -> Histogram | None:
    """The histogram of a map or of several; ``None`` if all values are equal."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    if float(values.min()) == float(values.max()):
        return None
    shown = values[values != 0]
    zeros = values.size - shown.size
    counts, edges = np.histogram(shown, bins=_BINS, range=(low, high))
    tallest = int(counts.max())
    width = WIDTH / _BINS
    columns = tuple(
        Bar(
            x=round(at * width, 2),
            y=round(HEIGHT * (1 - count / tallest), 2),
            width=round(width - 1, 2),
            height=round(HEIGHT * count / tallest, 2),
            text=f"{fmt.pluralise(count, 'value')} from {fmt.number(edges[at])} "
            f"to {fmt.number(edges[at + 1])}",
        )
        for at, count in enumerate(counts.tolist())
        if count
    )
    return Histogram(
        columns=columns,
        low=fmt.number(low),
        high=fmt.number(high),
        zero=round(WIDTH * -low / (high - low), 2) if low < 0 < high else None,
        tallest=fmt.pluralise(tallest, "value"),
        zeros=f"{fmt.percent(zeros / values.size)} of the values are exactly zero, "
        f"{zeros:,} of {values.size:,}; they are not shown"
        if zeros
        else None,
    )


@dataclass(frozen=True)
class Strip:
    """One quantity of every block on one axis; positions in percent of its length."""

    dots: tuple[tuple[float, str, bool], ...]
    """Position, tooltip, and whether it is the current block."""
    mean: float | None
    """Mean of the current block over the test set."""
    low: str
    high: str


def strip(
    values: Sequence[tuple[str, float]],
    current: str,
    mean: float | None,
    ends: tuple[float, float] | None,
    write: Callable[[float], str],
) -> Strip:
    """The strip of a quantity.

    Args:
        values: of every block, by name.
        current: name of the block that is marked.
        mean: of that block over the test set, if it was measured.
        ends: of the axis; by default from 0 to the largest value.
        write: a value as text.
    """
    known = [value for _, value in values] + ([] if mean is None else [mean])
    low, high = ends or (0.0, max(known, default=0.0) or 1.0)

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    return Strip(
        tuple((place(v), f"{name}: {write(v)}", name == current) for name, v in values),
        None if mean is None else place(mean),
        write(low),
        write(high),
    )


@dataclass(frozen=True)
class Axis:
    """An axis from ``low`` to ``high``; ticks are values and their texts."""

    label: str
    ticks: tuple[tuple[float, str], ...]
    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value stands, in percent of the axis; values beyond its ends stand at them."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, at = (math.log10(number) for number in (low, high, at))
        return round(100 * (at - low) / (high - low), 2)


@dataclass(frozen=True)
class Point:
    """A point of a line, with a tooltip, and the range that it is uncertain by, if any."""

    x: float
    y: float
    text: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """A line to draw.

    Attributes:
        name: what it is of, for the key; without one it is not in the key.
        tone: ``identity``, ``chain`` or ``residual``, or another class of the style sheet.
        points: in the order of x.
        line: whether the points are connected.
        dots: whether each point is marked.
        key: of the value that replaces the path while one draws.
    """

    name: str
    tone: str
    points: tuple[Point, ...]
    line: bool = True
    dots: bool = True
    key: str = ""


@dataclass(frozen=True)
class Mark:
    """A value of x to point out."""

    x: float
    text: str


@dataclass(frozen=True)
class Dot:
    """A value on a line, with a tooltip; positions in percent."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class DrawnSeries:
    """A line in a box of 100 by 100, its range as an area, and its dots in percent."""

    name: str
    tone: str
    path: str
    area: str
    dots: tuple[Dot, ...]
    key: str


@dataclass(frozen=True)
class LineChart:
    """Lines over two axes, whose ticks have positions in percent."""

    lines: tuple[DrawnSeries, ...]
    x: Axis
    y: Axis
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    marks: tuple[tuple[float, Mark], ...]
    alt: str


def series_path(x: Axis, y: Axis, points: Sequence[tuple[float, float]]) -> str:
    """The ``d`` of a line through points, in a box of 100 by 100."""
    return "".join(
        f"{'L' if at else 'M'}{x.place(across):g} {100 - y.place(up):g}"
        for at, (across, up) in enumerate(points)
    )


def line_chart(
    series: Sequence[Series], *, x: Axis, y: Axis, alt: str, marks: Sequence[Mark] = ()
) -> LineChart:
    """The chart; ``alt`` says what it shows."""
    return LineChart(
        lines=tuple(_drawn(one, x, y) for one in series),
        x=x,
        y=y,
        x_ticks=tuple((x.place(value), text) for value, text in x.ticks),
        y_ticks=tuple((round(100 - y.place(value), 2), text) for value, text in y.ticks),
        marks=tuple((x.place(mark.x), mark) for mark in marks),
        alt=alt,
    )


def _drawn(series: Series, x: Axis, y: Axis) -> DrawnSeries:
    points = series.points
    upper = [(point.x, point.high) for point in points if point.high is not None]
    lower = [(point.x, point.low) for point in reversed(points) if point.low is not None]
    return DrawnSeries(
        name=series.name,
        tone=series.tone,
        path=series_path(x, y, [(point.x, point.y) for point in points]) if series.line else "",
        area=f"{series_path(x, y, [*upper, *lower])}Z" if upper else "",
        dots=tuple(
            Dot(x.place(point.x), round(100 - y.place(point.y), 2), point.text) for point in points
        )
        if series.dots
        else (),
        key=series.key,
    )


def share_axis(label: str, low: float = 0.0, high: float = 1.0, steps: int = 5) -> Axis:
    """An axis of shares, in percent."""
    ticks = np.linspace(low, high, steps + 1).tolist()
    return Axis(label, tuple((tick, f"{100 * tick:.3g}{fmt.NARROW}%") for tick in ticks), low, high)


def count_axis(label: str, low: int, high: int, step: int) -> Axis:
    """An axis of whole numbers."""
    ticks = range(low, high + 1, step)
    return Axis(label, tuple((tick, f"{tick:,}") for tick in ticks), low, high)
