"""The section of a filter's page that explains one value of its map."""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from fastapi import Depends, Query

from app.core.manifest import LayerInfo
from app.core.units.steps import Application, BatchNorm, Merge, Softmax
from app.core.units.sums import Convolution, Pooling, WeightedSum
from app.core.units.working import Arithmetic, Unit
from app.service.units import explain, place_named, strongest_place
from app.web.pages import wording
from app.web.pages.subject import Subject
from app.web.pages.units import lines, tables
from app.web.pages.units.convolution import ConvolutionView, convolution_view
from app.web.pages.units.lines import DIGITS, Line
from app.web.pages.units.sources import Sources
from app.web.pages.units.tables import NumberTable, WindowView

_CHECK_DIGITS: Final = 6


@dataclass(frozen=True)
class Wish:
    """What a reader asks to see.

    Attributes:
        at: a place, ``5,12``; the map's largest value by default.
        channel: which of the maps that a convolution is given is written out.
    """

    at: Annotated[str | None, Query(max_length=16)] = None
    channel: Annotated[int | None, Query(ge=0, le=99_999)] = None


WishDep = Annotated[Wish, Depends()]


@dataclass(frozen=True)
class Step:
    """A place beside this one; without an address it would be beyond the edge."""

    sign: str
    text: str
    href: str | None


@dataclass(frozen=True)
class Picker:
    """Ways to another place.

    Attributes:
        rows: how many there are.
        columns: how many there are.
        steps: left, up, down and right.
        largest: the place of the map's largest value.
        smallest: the place of its smallest.
    """

    rows: int
    columns: int
    steps: tuple[Step, ...]
    largest: str
    smallest: str


@dataclass(frozen=True)
class Working:
    """How the value comes about; what does not apply to its layer is left out."""

    convolution: ConvolutionView | None = None
    window: WindowView | None = None
    table: NumberTable | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class UnitSection:
    """One value explained.

    Attributes:
        row: from the top.
        column: from the left.
        value: at that place, to four digits.
        picker: ways to another place; nothing where the map has but one.
        working: how it comes about; nothing of a kind of layer that is not known.
        kind: of the layer.
        sum: what the arithmetic comes to, to six digits.
        exact: the map's value, to six digits.
    """

    row: int
    column: int
    value: str
    picker: Picker | None
    working: Working | None
    kind: str
    sum: str
    exact: str


def unit_section(subject: Subject, layer: LayerInfo, index: int, wish: Wish) -> UnitSection:
    """One value of a filter's map explained.

    Raises:
        InvalidParameterError: the wish names no place.
        UnknownUnitError: the map has no such place.
        UnknownFilterError: the convolution is not given the map that is wished for.
    """
    examination = subject.examination
    if wish.at is None:
        place = strongest_place(examination, layer, index)
    else:
        place = place_named(layer, wish.at)
    unit = explain(subject.engine, examination, layer, index, place)
    found = unit.arithmetic
    return UnitSection(
        row=place[0],
        column=place[1],
        value=wording.number(unit.value, DIGITS),
        picker=_picker(subject, unit) if layer.spatial else None,
        working=None if found is None else _working(subject, unit, found, wish),
        kind=layer.kind,
        sum="" if found is None else wording.number(found.result, _CHECK_DIGITS),
        exact=wording.number(unit.value, _CHECK_DIGITS),
    )


def _working(subject: Subject, unit: Unit, found: Arithmetic, wish: Wish) -> Working:
    sources = Sources(unit, subject.engine.manifest, subject.view)
    match found:
        case Convolution():
            view = convolution_view(found, sources, subject.examination, wish.channel)
            return Working(convolution=view)
        case BatchNorm():
            return Working(lines=lines.of_norm(found, sources))
        case Application():
            return Working(lines=lines.of_application(found, sources))
        case Merge():
            return Working(lines=lines.of_merge(found, sources))
        case _:
            return _of_many(subject, found, sources)


def _of_many(subject: Subject, found: WeightedSum | Softmax | Pooling, sources: Sources) -> Working:
    match found:
        case WeightedSum():
            table, steps = tables.of_weighted_sum(found, sources)
            return Working(table=table, lines=steps)
        case Softmax():
            table, steps = tables.of_softmax(found, sources, subject.engine.manifest.classes)
            return Working(table=table, lines=steps)
        case Pooling():
            window, steps = tables.of_pooling(found, sources, subject.examination)
            return Working(window=window, lines=steps)


def _picker(subject: Subject, unit: Unit) -> Picker:
    layer, index = unit.layer, unit.filter
    height, width, _ = layer.shape
    flat = subject.examination.maps(layer)[:, :, index]
    row, column = unit.place

    def page(row: int, column: int) -> str:
        return subject.view.filter(layer.name, index, at=f"{row},{column}") + "#unit"

    def step(sign: str, text: str, down: int, across: int) -> Step:
        there = (row + down, column + across)
        inside = 0 <= there[0] < height and 0 <= there[1] < width
        return Step(sign, text, page(*there) if inside else None)

    def extreme(at: np.intp) -> str:
        found = np.unravel_index(at, flat.shape)
        return page(int(found[0]), int(found[1]))

    return Picker(
        rows=height,
        columns=width,
        steps=(
            step("\N{LEFTWARDS ARROW}", "one to the left", 0, -1),
            step("\N{UPWARDS ARROW}", "one up", -1, 0),
            step("\N{DOWNWARDS ARROW}", "one down", 1, 0),
            step("\N{RIGHTWARDS ARROW}", "one to the right", 0, 1),
        ),
        largest=extreme(flat.argmax()),
        smallest=extreme(flat.argmin()),
    )
