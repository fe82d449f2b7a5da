"""Values made of many numbers in a row: a dense layer, a softmax, a pooling."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.units.steps import Softmax
from app.core.units.sums import Pooling, WeightedSum
from app.service.examination import Examination
from app.web.pages import wording
from app.web.pages.swatches import Swatches, swatches
from app.web.pages.units.lines import DIGITS, Line, Term, term
from app.web.pages.units.lookout import Lookout, lookout
from app.web.pages.units.sources import Sources

MOST_LISTED: Final = 10
_MOST_WRITTEN: Final = 64


@dataclass(frozen=True)
class Row:
    """A row of numbers.

    Attributes:
        name: of what they belong to.
        href: the page that explains it, if it has one.
        cells: the numbers.
        chosen: whether it is the one asked for.
    """

    name: str
    href: str | None
    cells: tuple[str, ...]
    chosen: bool = False


@dataclass(frozen=True)
class NumberTable:
    """Numbers, and what is left out.

    Attributes:
        words: what is done with them.
        headings: of the name and of each cell.
        rows: the rows.
        rest: what the rows left out come to together, in words.
    """

    words: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    rest: str | None


@dataclass(frozen=True)
class WindowView:
    """A pooling's window.

    Attributes:
        lookout: where it is on the map.
        numbers: its values, where they are few enough to be written out.
        text: what they are.
    """

    lookout: Lookout
    numbers: Swatches | None
    text: str


def of_weighted_sum(found: WeightedSum, sources: Sources) -> tuple[NumberTable, tuple[Line, ...]]:
    """A dense layer's ten largest products, and the sum."""
    products = found.products
    order = np.argsort(-np.abs(products), kind="stable")
    listed, others = order[:MOST_LISTED], order[MOST_LISTED:]
    shape = (1, 1, len(products)) if (layer := sources.layer()) is None else layer.shape
    columns = (found.values, found.weights, products)
    written = [wording.aligned(column[listed].tolist(), DIGITS) for column in columns]
    rows = []
    for at, *cells in zip(listed.tolist(), *written, strict=True):
        row, column, channel = (int(one) for one in np.unravel_index(at, shape))
        spot = f" at {row},{column}" if shape[0] * shape[1] > 1 else ""
        name, href = f"{sources.name()}:{channel}{spot}", sources.href(channel, row, column)
        rows.append(Row(name, href, tuple(cells)))
    rest = float(products[others].sum())
    tokens: list[Term | str] = [term(float(products[listed].sum()), f"largest {len(listed)}")]
    if len(others):
        tokens += ["+", term(rest, f"other {len(others)}")]
    if found.bias is not None:
        tokens += ["+", term(found.bias, "bias")]
    table = NumberTable(
        words=f"Each of the {len(products):,} values of {sources.name()} is multiplied by a weight "
        "of its own; these products are the largest.",
        headings=("value of", "value", "weight", "product"),
        rows=tuple(rows),
        rest=f"{len(others):,} more, together {wording.number(rest, DIGITS)}"
        if len(others)
        else None,
    )
    line = Line("All products and the bias are added.", (*tokens, "=", term(found.total, "value")))
    return table, (line,)


def of_softmax(
    found: Softmax, sources: Sources, classes: tuple[str, ...]
) -> tuple[NumberTable, tuple[Line, ...]]:
    """Every score, its exponential, and its share."""
    exponentials, total = found.exponentials, float(found.exponentials.sum())
    names = (
        classes if len(classes) == len(found.scores) else tuple(map(str, range(len(found.scores))))
    )
    row, column = sources.unit.place
    rows = tuple(
        Row(
            name=label,
            href=sources.href(at, row, column),
            cells=(
                wording.number(float(found.scores[at]), DIGITS),
                wording.number(float(exponentials[at]), DIGITS),
                wording.percent(float(exponentials[at]) / total),
            ),
            chosen=at == found.index,
        )
        for at, label in enumerate(names)
    )
    largest = wording.number(float(found.scores.max()), DIGITS)
    table = NumberTable(
        words=f"Each score, less the largest of them, {largest}, becomes a power of e: all are "
        "above zero then, and the largest is 1.",
        headings=("class", "score", "power of e", "share"),
        rows=rows,
        rest=None,
    )
    tokens = (
        term(float(exponentials[found.index]), f"of class {names[found.index]}"),
        *("\N{DIVISION SIGN}", term(total, "of all together"), "="),
        term(found.result, "value"),
    )
    return table, (Line("Divided by their sum they add up to 1.", tokens),)


def of_pooling(
    found: Pooling, sources: Sources, examination: Examination
) -> tuple[WindowView, tuple[Line, ...]]:
    """A window, and its largest value or its mean."""
    height, width = found.window.shape
    seen = lookout(examination, sources, sources.unit.filter, found.corner, (height, width))
    few = found.window.size <= _MOST_WRITTEN
    view = WindowView(
        lookout=seen,
        numbers=swatches(found.window, seen.scale, seen.palette, pinned=seen.pinned)
        if few
        else None,
        text=f"{height} {wording.TIMES} {width} values: {seen.text}",
    )
    result = term(found.result, "value")
    if found.operation == "max":
        words = f"Of {found.window.size} values the largest goes on."
        return view, (Line(words, (f"the largest of {found.window.size} =", result)),)
    total = term(float(found.window.sum(dtype=float)), f"sum of {found.window.size} values")
    tokens = (total, "\N{DIVISION SIGN}", Term(str(found.window.size), "values"), "=", result)
    return view, (Line("Their mean goes on: one number for the whole of it.", tokens),)
