"""Charts: bars, histograms, gradients by path."""

import math
from collections.abc import Callable, Iterator, Sequence
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


GRADIENT_WIDTH: Final = 640
GRADIENT_HEIGHT: Final = 260
_LEFT: Final = 56.0  # room for the numbers of the scale
_BELOW: Final = 28.0  # and for the names of the blocks
_LEAST_WRITTEN_OUT: Final = -3  # powers of ten below it are written with an e


@dataclass(frozen=True)
class Dot:
    """A value on a line, with a tooltip."""

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
    points: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class GradientChart:
    """Gradients over depth, on a logarithmic scale; ticks and names with their positions."""

    lines: tuple[ChartLine, ...]
    ticks: tuple[tuple[float, str], ...]
    names: tuple[tuple[float, str], ...]
    alt: str


_Read = Callable[[BlockGradient], float | None]
_SERIES: Final[tuple[tuple[str, str, _Read], ...]] = (
    ("total", "total", lambda block: block.total),
    ("identity", "through the identity", lambda block: block.identity),
    ("residual", "through F", lambda block: None if block.identity is None else block.residual),
)


def gradient_chart(
    title: str, gradients: GradientByPath, beside: tuple[str, GradientByPath] | None
) -> GradientChart | None:
    """The chart of a network and of another one; ``None`` if every gradient is zero."""
    networks = [(title, gradients, False), *([(*beside, True)] if beside else [])]
    values = [
        value
        for _, network, _ in networks
        for block in network.blocks
        for *_, read in _SERIES
        if (value := read(block))
    ]
    if not values:
        return None
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    deepest = max((network for _, network, _ in networks), key=lambda found: len(found.blocks))
    scale = _Scale(low, max(high, low + 1), len(deepest.blocks))
    return GradientChart(
        lines=tuple(
            line
            for name, network, other in networks
            for line in _lines(name, network, scale, beside=other)
        ),
        ticks=tuple((scale.y(10.0**power), _power(power)) for power in scale.powers()),
        names=tuple((scale.x(at), block.block) for at, block in enumerate(deepest.blocks)),
        alt="Norm of the gradient at each block's input, from the first block to the last, in "
        + fmt.join_and([name for name, _, _ in networks]),
    )


@dataclass(frozen=True)
class _Scale:
    low: int
    high: int
    blocks: int

    def x(self, at: int) -> float:
        return round(_LEFT + (GRADIENT_WIDTH - _LEFT) * (at + 0.5) / self.blocks, 2)

    def y(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(8 + (GRADIENT_HEIGHT - _BELOW - 8) * (1 - share), 2)

    def powers(self) -> range:
        """Powers of ten to write, at most about six."""
        return range(self.low, self.high + 1, -(-(self.high - self.low) // 6))


def _power(power: int) -> str:
    return f"{10.0**power:,g}" if power >= _LEAST_WRITTEN_OUT else fmt.number(10.0**power)


def _lines(
    title: str, gradients: GradientByPath, scale: _Scale, *, beside: bool
) -> Iterator[ChartLine]:
    for tone, path, read in _SERIES:
        dots = tuple(
            Dot(scale.x(at), scale.y(value), f"{title}, {block.block}: {fmt.number(value)} {path}")
            for at, block in enumerate(gradients.blocks)
            if (value := read(block))
        )
        if dots:
            yield ChartLine(tone, beside, " ".join(f"{dot.x},{dot.y}" for dot in dots), dots)


def describe_gradients(networks: Sequence[tuple[str, GradientByPath]]) -> str:
    """How the gradient changes from the last block's input back to the first's."""
    changes = [
        f"in {title} it {_change(gradients.blocks[0].total / gradients.blocks[-1].total)}"
        for title, gradients in networks
        if gradients.blocks[-1].total
    ]
    if not changes:
        return "Every gradient is zero: no small change of these values changes the prediction."
    return (
        "From the last block's input back to the first's, the gradient changes: "
        f"{', '.join(changes)}."
    )


def _change(ratio: float) -> str:
    if ratio >= 1:
        return f"grows to {fmt.number(ratio)} times its size"
    return f"shrinks to {fmt.number(ratio)} of its size"
