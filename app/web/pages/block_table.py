"""A block filter by filter, in numbers, in the strip's order or sorted by one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.core.figures import FilterFigures
from app.core.manifest import BlockInfo
from app.web.pages import symbols, wording
from app.web.pages.symbols import Symbols
from app.web.pages.view import View

Order = Literal["filter", "norm_x", "norm_f", "norm_sum", "ratio", "cosine", "relu_cut"]
BY_INDEX: Final[Order] = "filter"


@dataclass(frozen=True)
class Heading:
    """A column, and the page with the filters sorted by it."""

    text: str
    tone: str
    href: str
    chosen: bool


@dataclass(frozen=True)
class FilterRow:
    """One filter; a cell is empty where the figure is undefined."""

    index: int
    href: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class FilterTable:
    """Every filter of a block in numbers.

    Attributes:
        headings: of the filter and of every figure that is defined.
        rows: one for each filter.
        chosen: whether another order than the strip's was asked for.
    """

    headings: tuple[Heading, ...]
    rows: tuple[FilterRow, ...]
    chosen: bool


_Read = Callable[[FilterFigures], float | None]


@dataclass(frozen=True)
class _Figure:
    text: str
    tone: str
    read: _Read
    write: Callable[[float], str]


def _figures(names: Symbols) -> dict[Order, _Figure]:
    return {
        "norm_x": _Figure(names.norm_x, "identity", lambda one: one.norm_x, wording.number),
        "norm_f": _Figure(names.norm_f, "residual", lambda one: one.norm_f, wording.number),
        "norm_sum": _Figure("|sum|", "", lambda one: one.norm_sum, wording.number),
        "ratio": _Figure(names.ratio, "", lambda one: one.ratio, wording.number),
        "cosine": _Figure("cosine", "", lambda one: one.cosine, wording.cosine),
        "relu_cut": _Figure("ReLU cuts", "", lambda one: one.relu_cut, wording.percent),
    }


def filter_table(
    found: Sequence[FilterFigures], block: BlockInfo, order: Order, view: View
) -> FilterTable:
    """The table of a block's filters.

    Args:
        found: the figures of every filter.
        block: whose filters they are.
        order: which figure sorts them, largest first; undefined ones come last.
        view: for the links.
    """

    def address(name: Order) -> str:
        kept = None if name == BY_INDEX else name
        return view.block(block.name, order=kept) + "#filters"

    shown = {
        name: figure
        for name, figure in _figures(symbols.of_block(block)).items()
        if any(figure.read(one) is not None for one in found)
    }
    return FilterTable(
        headings=(
            Heading("filter", "", address(BY_INDEX), order == BY_INDEX),
            *(
                Heading(figure.text, figure.tone, address(name), order == name)
                for name, figure in shown.items()
            ),
        ),
        rows=tuple(
            FilterRow(
                one.filter,
                view.filter(block.output, one.filter),
                tuple(_cell(figure, one) for figure in shown.values()),
            )
            for one in (_sorted(found, shown[order].read) if order in shown else found)
        ),
        chosen=order != BY_INDEX,
    )


def _cell(figure: _Figure, one: FilterFigures) -> str:
    value = figure.read(one)
    return "" if value is None else figure.write(value)


def _sorted(found: Sequence[FilterFigures], read: _Read) -> list[FilterFigures]:
    values = {one.filter: read(one) for one in found}
    known = [one for one in found if values[one.filter] is not None]
    missing = [one for one in found if values[one.filter] is None]
    return sorted(known, key=lambda one: -(values[one.filter] or 0.0)) + missing


def in_words(one: FilterFigures, names: Symbols) -> str:
    """A filter's figures in a phrase; what is undefined is left out."""
    parts = [
        (names.x, one.norm_x, wording.number),
        (names.f, one.norm_f, wording.number),
        (names.over, one.ratio, wording.number),
        ("cosine", one.cosine, wording.cosine),
    ]
    said = [f"{name} {write(value)}" for name, value, write in parts if value is not None]
    return f"filter {one.filter}: {', '.join(said)}, ReLU cuts {wording.percent(one.relu_cut)}"
