"""The section of the filter page about one value: where it is, and how it is computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from fastapi import Depends, Query

from skiplens.core.manifest import LayerInfo
from skiplens.core.unit_arithmetic import Unit
from skiplens.service.units import explain, parse_position, strongest_position
from skiplens.web.pages import fmt
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.unit_steps import DIGITS, UnitExplanation, explanation
from skiplens.web.parameters import query_of

_CHECK_DIGITS: Final = 6


@dataclass(frozen=True)
class UnitQuery:
    """The value to explain, ``5,12`` or by default the largest, and the channel to show."""

    at: Annotated[str | None, Query(max_length=16)] = None
    channel: Annotated[int | None, Query(ge=0, le=99_999)] = None


UnitQueryDep = Annotated[UnitQuery, Depends(query_of(UnitQuery))]


@dataclass(frozen=True)
class Neighbour:
    """A position next to this one; without an address, it is outside the map."""

    sign: str
    text: str
    href: str | None


@dataclass(frozen=True)
class PositionPicker:
    """Links to other positions on the map."""

    rows: int
    columns: int
    steps: tuple[Neighbour, ...]
    largest: str
    smallest: str


@dataclass(frozen=True)
class UnitSection:
    """The explanation of one value."""

    row: int
    column: int
    value: str
    picker: PositionPicker | None
    """``None`` if the map has one position."""
    explanation: UnitExplanation | None
    """``None`` for an unknown kind of layer."""
    sum: str
    """Result of the arithmetic, to six digits, as is the exact value."""
    exact: str


def unit_section(
    context: PageContext, layer: LayerInfo, index: int, query: UnitQuery
) -> UnitSection:
    """The explanation of one value of a filter's map.

    Raises:
        InvalidParameterError: the query names no position.
        UnknownUnitError: the map has no such position.
        UnknownFilterError: the convolution has no such input map.
    """
    forward = context.forward
    if query.at is None:
        position = strongest_position(forward, layer, index)
    else:
        position = parse_position(layer, query.at)
    unit = explain(context.engine, forward, layer, index, position)
    found = unit.arithmetic
    return UnitSection(
        row=position[0],
        column=position[1],
        value=fmt.number(unit.value, DIGITS),
        picker=_picker(context, unit) if layer.spatial else None,
        explanation=explanation(context, unit, query.channel),
        sum="" if found is None else fmt.number(found.result, _CHECK_DIGITS),
        exact=fmt.number(unit.value, _CHECK_DIGITS),
    )


_IN_TIME: Final = (
    ("\N{UPWARDS ARROW}", "step earlier", 0, -1),
    ("\N{DOWNWARDS ARROW}", "step later", 0, 1),
)
_ON_MAP: Final = (
    ("\N{LEFTWARDS ARROW}", "to the left", 0, -1),
    ("\N{UPWARDS ARROW}", "up", -1, 0),
    ("\N{DOWNWARDS ARROW}", "down", 1, 0),
    ("\N{RIGHTWARDS ARROW}", "to the right", 0, 1),
)


def neighbours(
    layer: LayerInfo, position: tuple[int, int], page: Callable[[int, int], str], stride: int = 1
) -> tuple[Neighbour, ...]:
    """The positions around one, or before and after it in a sequence, ``stride`` away."""
    height, width, _ = layer.shape

    def neighbour(sign: str, text: str, down: int, across: int) -> Neighbour:
        row, column = position[0] + down * stride, position[1] + across * stride
        inside = 0 <= row < height and 0 <= column < width
        named = f"one {text}" if stride == 1 else text
        return Neighbour(sign, named, page(row, column) if inside else None)

    return tuple(neighbour(*way) for way in (_IN_TIME if layer.is_sequence else _ON_MAP))


def _picker(context: PageContext, unit: Unit) -> PositionPicker:
    layer, index = unit.layer, unit.filter
    height, width, _ = layer.shape
    flat = context.forward.maps(layer)[:, :, index]

    def page(row: int, column: int) -> str:
        return context.links.filter(layer.name, index, at=f"{row},{column}") + "#unit"

    def extreme(at: np.intp) -> str:
        found = np.unravel_index(at, flat.shape)
        return page(int(found[0]), int(found[1]))

    return PositionPicker(
        rows=height,
        columns=width,
        steps=neighbours(layer, unit.position, page),
        largest=extreme(flat.argmax()),
        smallest=extreme(flat.argmin()),
    )
