"""A block filter by filter, as small charts whose columns are those of its strip."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.core.figures import FilterFigures
from app.core.manifest import BlockInfo
from app.service.matrices import Matrix
from app.web.pages import symbols, wording
from app.web.pages.block_table import in_words
from app.web.pages.symbols import Symbols
from app.web.pages.view import View

LANE: Final = 56  # pixels from one chart to the next, as in the style sheet
ROOM: Final = 44.0  # of which bars may take
_OCTAVES: Final = 3  # ratios are drawn from 1/8 to 8
_LEAST: Final = 1.0  # pixels of a bar that is not nothing


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: its tone, and its box in pixels."""

    tone: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Lane:
    """A chart that runs under all columns.

    Attributes:
        title: what is drawn.
        series: the symbols that stand behind the title, with the tone of their bars.
        scale: what the ends of its height stand for.
        axis: where a bar begins, pixels from the top of all charts.
    """

    title: str
    series: tuple[tuple[str, str], ...]
    scale: str
    axis: float


@dataclass(frozen=True)
class FilterColumn:
    """One filter under its column of the strip.

    Attributes:
        x: left edge of the column, pixels.
        width: of the column.
        bars: of all charts.
        text: its figures in words.
        href: its page.
    """

    x: int
    width: int
    bars: tuple[Bar, ...]
    text: str
    href: str


@dataclass(frozen=True)
class FilterCharts:
    """The charts under a strip.

    Attributes:
        lanes: top to bottom.
        columns: one for each filter.
        width: the strip's, in pixels.
        height: of all charts.
    """

    lanes: tuple[Lane, ...]
    columns: tuple[FilterColumn, ...]
    width: int
    height: int


_Read = Callable[[FilterFigures], float | None]


@dataclass(frozen=True)
class _Kind:
    """What one lane draws: series of a symbol and a tone each, as shares of its room."""

    title: str
    scale: str
    series: tuple[tuple[str, str, _Read], ...]
    signed: bool = False


def filter_charts(
    found: Sequence[FilterFigures], block: BlockInfo, strip: Matrix, view: View
) -> FilterCharts:
    """The charts of a block's filters.

    Args:
        found: the figures of every filter.
        block: whose filters they are.
        strip: the picture that the charts stand under.
        view: for the links.
    """
    names = symbols.of_block(block)
    kinds = [kind for one in _kinds(found, names) if (kind := _drawn(one, found)).series]
    return FilterCharts(
        lanes=tuple(
            Lane(kind.title, tuple(one[:2] for one in kind.series), kind.scale, _axis(kind, at))
            for at, kind in enumerate(kinds)
        ),
        columns=tuple(
            FilterColumn(
                x,
                width,
                tuple(
                    bar for at, kind in enumerate(kinds) for bar in _bars(kind, one, at, x, width)
                ),
                in_words(one, names),
                view.filter(block.output, one.filter),
            )
            for one, (x, width) in zip(found, _columns(strip), strict=True)
        ),
        width=strip.geometry.width,
        height=LANE * len(kinds),
    )


def _kinds(found: Sequence[FilterFigures], names: Symbols) -> tuple[_Kind, ...]:
    norms = (norm for one in found for norm in (one.norm_x, one.norm_f) if norm)
    largest = max(norms, default=1.0)
    # Beside the lane there is room on a phone for two lines of ten letters.
    title, x, f = ("size of", names.x, names.f) if names is symbols.PLAIN else ("", *names.norms)
    return (
        _Kind(
            title,
            f"0 to {wording.number(largest)}",
            (
                (x, "identity", lambda one: _over(one.norm_x, largest)),
                (f, "residual", lambda one: _over(one.norm_f, largest)),
            ),
        ),
        _Kind(names.over, f"{wording.EIGHTH} to 8", (("", "", _octaves),), signed=True),
        _Kind(
            "cosine",
            f"{wording.MINUS}1 to 1",
            (("", "", lambda one: one.cosine),),
            signed=True,
        ),
        _Kind("cut by ReLU", "0 to 100 %", (("", "", lambda one: one.relu_cut),)),
    )


def _drawn(kind: _Kind, found: Sequence[FilterFigures]) -> _Kind:
    """The same with those series alone that some filter has."""
    series = tuple(one for one in kind.series if any(one[-1](two) is not None for two in found))
    return replace(kind, series=series)


def _over(norm: float | None, largest: float) -> float | None:
    return None if norm is None else norm / largest


def _octaves(one: FilterFigures) -> float | None:
    """How often the identity must be doubled to come to the residual, as a share of the room."""
    return one.ratio and max(-1.0, min(math.log2(one.ratio) / _OCTAVES, 1.0))


def _columns(strip: Matrix) -> Iterator[tuple[int, int]]:
    """Left edge and width of every column of a strip."""
    for column in range(strip.geometry.columns):
        box = next(box for row in strip.rows if (box := strip.box(row, column)) is not None)
        yield box[0], box[2]


def _axis(kind: _Kind, at: int) -> float:
    return LANE * at + (LANE - ROOM) / 2 + (ROOM / 2 if kind.signed else ROOM)


def _bars(kind: _Kind, one: FilterFigures, at: int, x: int, width: int) -> Iterator[Bar]:
    pitch = width / len(kind.series)
    room = ROOM / 2 if kind.signed else ROOM
    for place, (_, tone, read) in enumerate(kind.series):
        value = read(one)
        if value:
            height = max(abs(value) * room, _LEAST)
            yield Bar(
                tone=tone,
                x=round(x + place * pitch + pitch / 8, 2),
                y=round(_axis(kind, at) - (height if value > 0 else 0), 2),
                width=round(pitch * 3 / 4, 2),
                height=round(height, 2),
            )
