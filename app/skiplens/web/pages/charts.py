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
        f"{zeros:,} of {values.size:,}; they are not drawn"
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
    """A value on a line: where, and what it says."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Line:
    """One quantity of one network over depth.

    Attributes:
        tone: ``identity``, ``residual``, or ``total`` for both paths together.
        beside: whether it is the other network's.
        points: as SVG takes them; a value of zero, which has no logarithm, is left out.
        dots: of the same.
    """

    tone: str
    beside: bool
    points: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class GradientChart:
    """The flow over depth, on a logarithmic scale.

    Attributes:
        lines: of the network, then of the one beside it.
        ticks: distance from the top and value of each power of ten.
        names: distance from the left and name of each block.
        alt: what is drawn.
    """

    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]
    names: tuple[tuple[float, str], ...]
    alt: str


_Read = Callable[[BlockGradient], float | None]
_TONES: Final[tuple[tuple[str, _Read], ...]] = (
    ("total", lambda one: one.total),
    ("identity", lambda one: one.identity),
    ("residual", lambda one: None if one.identity is None else one.residual),
)


def gradient_chart(
    title: str, flow: GradientByPath, beside: tuple[str, GradientByPath] | None
) -> GradientChart | None:
    """The chart of a network's flow, and of another's; nothing where all of it is zero."""
    flows = [(title, flow, False), *([(*beside, True)] if beside else [])]
    values = [value for _, one, _ in flows for value in _values(one)]
    if not values:
        return None
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    scale = _Scale(low, max(high, low + 1), max(len(one.blocks) for _, one, _ in flows))
    deepest = max((one for _, one, _ in flows), key=lambda one: len(one.blocks))
    return GradientChart(
        lines=tuple(
            line for name, one, other in flows for line in _lines(name, one, scale, beside=other)
        ),
        ticks=tuple((scale.y(10.0**power), _power(power)) for power in scale.powers()),
        names=tuple((scale.x(at), one.block) for at, one in enumerate(deepest.blocks)),
        alt="Size of the gradient at each block's input, from the first block to the last, in "
        + fmt.join_and([name for name, _, _ in flows]),
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


def _values(flow: GradientByPath) -> Iterator[float]:
    for one in flow.blocks:
        for _, read in _TONES:
            if value := read(one):
                yield value


def _lines(title: str, flow: GradientByPath, scale: _Scale, *, beside: bool) -> Iterator[Line]:
    words = {"total": "in all", "identity": "through the identity", "residual": "through F"}
    for tone, read in _TONES:
        dots = tuple(
            Dot(
                scale.x(at),
                scale.y(value),
                f"{title}, {one.block}: {fmt.number(value)} {words[tone]}",
            )
            for at, one in enumerate(flow.blocks)
            if (value := read(one))
        )
        if dots:
            yield Line(tone, beside, " ".join(f"{dot.x},{dot.y}" for dot in dots), dots)


def in_words(flows: Sequence[tuple[str, GradientByPath]]) -> str:
    """What becomes of the gradient on its way from the last block's input to the first's."""
    said = [
        f"in {title} it {_change(flow.blocks[0].total / flow.blocks[-1].total)}"
        for title, flow in flows
        if flow.blocks[-1].total
    ]
    if not said:
        return "Nothing changes the answer by any small step, so there is no gradient."
    return (
        "On its way back from the last block's input to the first's, the gradient changes: "
        f"{', '.join(said)}."
    )


def _change(ratio: float) -> str:
    if ratio >= 1:
        return f"grows to {fmt.number(ratio)} times its size"
    return f"shrinks to {fmt.number(ratio)} of its size"
