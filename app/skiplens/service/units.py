"""One value of a map explained: which place is meant, and how its value comes about."""

import re
from typing import Final

import numpy as np

from skiplens.core.manifest import INPUT, LayerInfo
from skiplens.core.unit_explanation import Position, Unit, explain_unit
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError, UnknownUnitError
from skiplens.service.forward import ForwardPass

_PLACE: Final = re.compile(r"(\d{1,5}),(\d{1,5})", re.ASCII)


def place_of(layer: LayerInfo, row: int, column: int) -> Position:
    """A place that the layer's maps have.

    Raises:
        UnknownUnitError: it lies beyond their edge.
    """
    height, width, _ = layer.shape
    if not (0 <= row < height and 0 <= column < width):
        raise UnknownUnitError(
            f"maps of layer {layer.name} have no row {row} and column {column}; "
            f"rows are 0 to {height - 1}, columns 0 to {width - 1}"
        )
    return row, column


def place_named(layer: LayerInfo, at: str) -> Position:
    """The place that ``at=5,12`` names: row 5, column 12.

    Raises:
        InvalidParameterError: it is no row and column.
        UnknownUnitError: the maps have no such place.
    """
    match = _PLACE.fullmatch(at)
    if match is None:
        raise InvalidParameterError("at must be a row and a column, such as 5,12")
    return place_of(layer, int(match[1]), int(match[2]))


def strongest_place(forward: ForwardPass, layer: LayerInfo, index: int) -> Position:
    """Where a filter's map has its largest value; the first of several in reading order."""
    flat = forward.maps(layer)[:, :, index]
    row, column = np.unravel_index(int(flat.argmax()), flat.shape)
    return int(row), int(column)


def explain(
    engine: Engine, forward: ForwardPass, layer: LayerInfo, index: int, place: Position
) -> Unit:
    """How the value of a filter at a place comes about."""
    return explain_unit(
        layer,
        index,
        place,
        {**forward.activations, INPUT: forward.digit.as_input()[0]},
        engine.weights,
        branch_scale=forward.layer_scale(layer),
    )
