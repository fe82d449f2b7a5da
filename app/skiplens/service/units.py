"""One value of a feature map: its position and its arithmetic."""

import math
import re
from typing import Final

import numpy as np

from skiplens.core.manifest import INPUT, LayerInfo
from skiplens.core.unit_arithmetic import Position, Unit, UnitInputs, arithmetic, recurrent_layer
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError, UnknownUnitError
from skiplens.service.forward import ForwardPass

# A GRU may have other functions, or take the steps backwards, which its record does not tell.
_FAR: Final = 1e-3
_POSITION: Final = re.compile(r"(\d{1,5}),(\d{1,5})", re.ASCII)


def check_position(layer: LayerInfo, row: int, column: int) -> Position:
    """The position, if it lies within the layer's maps.

    Raises:
        UnknownUnitError: it does not.
    """
    height, width, _ = layer.shape
    if not (0 <= row < height and 0 <= column < width):
        raise UnknownUnitError(
            f"maps of layer {layer.name} have no row {row} and column {column}; "
            f"rows are 0 to {height - 1}, columns 0 to {width - 1}"
        )
    return row, column


def parse_position(layer: LayerInfo, at: str) -> Position:
    """The position of ``at=5,12``: row 5, column 12.

    Raises:
        InvalidParameterError: it is not a row and a column.
        UnknownUnitError: it does not lie within the layer's maps.
    """
    match = _POSITION.fullmatch(at)
    if match is None:
        raise InvalidParameterError("at must be a row and a column, such as 5,12")
    return check_position(layer, int(match[1]), int(match[2]))


def strongest_position(forward: ForwardPass, layer: LayerInfo, index: int) -> Position:
    """The position of the largest value of a filter's map; the first one in reading order."""
    flat = forward.maps(layer)[:, :, index]
    row, column = np.unravel_index(int(flat.argmax()), flat.shape)
    return int(row), int(column)


def explain(
    engine: Engine, forward: ForwardPass, layer: LayerInfo, index: int, position: Position
) -> Unit:
    """The arithmetic of a filter's value at a position."""
    maps = forward.activations
    inputs = [forward.image[0] if name == INPUT else maps[name] for name in layer.inputs]
    scale, recurrent = forward.layer_scale(layer), recurrent_layer(layer)
    states = maps.get(recurrent) if recurrent else None
    found = arithmetic(UnitInputs(layer, index, position, inputs, engine.weights, scale, states))
    value = float(forward.maps(layer)[(*position, index)])
    if recurrent and found and not math.isclose(found.result, value, abs_tol=_FAR, rel_tol=_FAR):
        found = None
    return Unit(layer, index, position, value, found)
