"""Charts: bars, histograms, gradients by path."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.service.analysis import BlockGradient, GradientByPath
from skiplens.web.pages import format as fmt

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


GRADIENT_HEIGHT: Final = 340  # pixels; the width is that of the page, in percent
_ABOVE: Final = 8.0
_BELOW: Final = 28.0  # room for the names of the blocks
_LEAST_WRITTEN_OUT: Final = -3  # powers of ten below it are written with an e
_MOST_TICKS: Final = 7
_MOST_NAMES: Final = 12  # of more blocks than that only some numbers have room on a phone


@dataclass(frozen=True)
class Dot:
    """A value on a line, with a tooltip; ``x`` in percent of the width, ``y`` in pixels."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class ChartLine:
    """One quantity of one network over depth; zeros, which have no logarithm, are left out."""

    tone: str
    """``identity``, ``residual``, or ``total`` for both paths together."""
    beside: bool
    """Whether it is of the network that is compared."""
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class GradientChart:
    """Gradients over depth, on a logarithmic scale; ticks and names with their positions."""

    lines: tuple[ChartLine, ...]
    ticks: tuple[tuple[float, str], ...]
    names: tuple[tuple[float, str], ...]
    alt: str


_Read = Callable[[BlockGradient], float | None]
_TOTAL: Final[tuple[str, str, _Read]] = ("total", "total", lambda block: block.total)
_SERIES: Final[tuple[tuple[str, str, _Read], ...]] = (
    _TOTAL,
    ("identity", "through the identity", lambda block: block.identity),
    ("residual", "through F", lambda block: None if block.identity is None else block.residual),
)


def gradient_chart(
    title: str, gradients: GradientByPath, beside: tuple[str, GradientByPath] | None
) -> GradientChart | None:
    """The chart of a network, and the total of another one; ``None`` if every gradient is zero."""
    drawn = [(title, gradients, series, False) for series in _SERIES]
    if beside:
        drawn.append((*beside, _TOTAL, True))
    values = [
        value
        for _, network, (_, _, read), _ in drawn
        for block in network.blocks
        if (value := read(block))
    ]
    if not values:
        return None
    networks = [gradients, *([beside[1]] if beside else [])]
    deepest = max((network.blocks for network in networks), key=len)
    scale = _Scale(_ticks(min(values), max(values)), len(deepest))
    lines = (_line(*one, scale) for one in drawn)
    return GradientChart(
        lines=tuple(line for line in lines if line.dots),
        ticks=tuple((scale.y(tick), _tick_text(tick)) for tick in scale.ticks),
        names=tuple((scale.x(at), name) for at, name in _names(deepest)),
        alt="Norm of the gradient at each block's input, from the first block to the last, in "
        + fmt.join_and([title, *([beside[0]] if beside else [])]),
    )


def _ticks(low: float, high: float) -> tuple[float, ...]:
    """1, 2 and 5 times powers of ten around all values; over many decades, powers only."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = range(first, max(last, first + 1) + 1)
    fine = [float(f"{step}e{power}") for power in powers for step in (1, 2, 5)]
    below = max((tick for tick in fine if tick <= low), default=fine[0])
    above = min((tick for tick in fine if tick >= high), default=fine[-1])
    ticks = tuple(tick for tick in fine if below <= tick <= above)
    if 1 < len(ticks) <= _MOST_TICKS:
        return ticks
    step = -(-len(powers) // _MOST_TICKS)
    shown = range(first, powers[-1] + step, step)
    return tuple(float(f"1e{power}") for power in shown)


@dataclass(frozen=True)
class _Scale:
    ticks: tuple[float, ...]
    blocks: int

    def x(self, at: int) -> float:
        return round(100 * (at + 0.5) / self.blocks, 2)

    def y(self, value: float) -> float:
        low, high = (math.log10(tick) for tick in (self.ticks[0], self.ticks[-1]))
        share = (math.log10(value) - low) / (high - low)
        return round(_ABOVE + (GRADIENT_HEIGHT - _BELOW - _ABOVE) * (1 - share), 2)


def _tick_text(tick: float) -> str:
    return f"{tick:,g}" if tick >= 10.0**_LEAST_WRITTEN_OUT else fmt.number(tick, digits=2)


def _names(blocks: Sequence[BlockGradient]) -> tuple[tuple[int, str], ...]:
    """Names of blocks by their place, or some of their numbers where there are many."""
    names = [block.block for block in blocks]
    if len(names) <= _MOST_NAMES:
        return tuple(enumerate(names))
    step = -(-len(names) // _MOST_NAMES)
    return tuple((at, names[at].removeprefix("block")) for at in range(0, len(names), step))


def _line(
    title: str,
    gradients: GradientByPath,
    series: tuple[str, str, _Read],
    beside: bool,  # a field of the line
    scale: _Scale,
) -> ChartLine:
    tone, path, read = series
    dots = (
        Dot(scale.x(at), scale.y(value), f"{title}, {block.block}: {fmt.number(value)} {path}")
        for at, block in enumerate(gradients.blocks)
        if (value := read(block))
    )
    return ChartLine(tone, beside, tuple(dots))


def describe_gradients(networks: Sequence[tuple[str, GradientByPath]]) -> str:
    """How the gradient changes from the last block's input back to the first's."""
    changes = [
        f"in {title} it {_change(gradients.blocks[0].total / gradients.blocks[-1].total)}"
        for title, gradients in networks
        if gradients.blocks[-1].total
    ]
    if not changes:
        return "Every gradient is zero: no small change of these values changes the logit."
    return (
        "From the last block's input back to the first's, the gradient changes: "
        f"{', '.join(changes)}."
    )


def _change(ratio: float) -> str:
    if ratio >= 1:
        return f"grows to {fmt.number(ratio)} times its size"
    return f"shrinks to {fmt.number(ratio)} of its size"


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
