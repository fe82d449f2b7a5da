"""One value explained: the arithmetic comes to what the networks computed, everywhere."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.input_image import Digit
from skiplens.core.manifest import LayerInfo
from skiplens.core.unit_arithmetic import GRUState
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError, UnknownUnitError
from skiplens.service.forward import run_network
from skiplens.service.registry import find_layer
from skiplens.service.units import check_position, explain, parse_position, strongest_position
from tests.conftest import switched_off

POSITIONS = 12
TOLERANCE = 1e-4
LAYER = LayerInfo("conv", "Conv2D", "conv", None, (5, 9, 2))


UNEXPLAINED = {"Reshape"}


@pytest.mark.parametrize("scaled", ["nothing", "some off", "all off", "all"])
def test_the_arithmetic_comes_to_the_value(
    engines: Mapping[str, Engine], digit: Digit, scaled: str
) -> None:
    """In every layer of every network that ships, at random positions and the four corners.

    What is small because large terms cancel is held against the map's reach, at a hundredth of
    the tolerance.
    """
    rng = np.random.default_rng(0)
    for engine in engines.values():
        switches = engine.manifest.disableable_blocks
        scales = {
            "nothing": AS_TRAINED,
            "some off": switched_off(*switches[::2]),
            "all off": switched_off(*switches),
            "all": Scales(tuple((block, 0.5 - at) for at, block in enumerate(switches))),
        }[scaled]
        forward = run_network(engine, digit, scales)
        for layer in engine.manifest.layers:
            height, width, count = layer.shape
            reach = float(np.abs(forward.maps(layer)).max())
            corners = [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1)]
            positions = [tuple(map(int, rng.integers((height, width)))) for _ in range(POSITIONS)]
            for row, column in corners + positions:
                index = int(rng.integers(count))
                unit = explain(engine, forward, layer, index, (row, column))
                assert unit.value == forward.maps(layer)[row, column, index]
                if layer.kind in UNEXPLAINED:
                    assert unit.arithmetic is None
                    continue
                assert unit.arithmetic is not None, layer.name
                gap = abs(unit.arithmetic.result - unit.value)
                bound = max(TOLERANCE * abs(unit.value), TOLERANCE / 100 * reach)
                assert gap <= bound, (engine.manifest.id, layer.name, index, row, column)


def test_a_state_that_the_weights_do_not_lead_to_is_not_explained(
    engines: Mapping[str, Engine], digit: Digit
) -> None:
    """As of a GRU with other functions."""
    reader = engines["mnist-rows"]
    forward = run_network(reader, digit, AS_TRAINED)
    layer = find_layer(reader.manifest, "block1.states")
    assert isinstance(explain(reader, forward, layer, 40, (0, 14)).arithmetic, GRUState)
    other = SimpleNamespace(weights={name: 2 * one for name, one in reader.weights.items()})
    assert explain(cast(Engine, other), forward, layer, 40, (0, 14)).arithmetic is None


def test_the_strongest_place_is_the_first_of_the_largest(engine: Engine, digit: Digit) -> None:
    forward = run_network(engine, digit, AS_TRAINED)
    layer = next(one for one in engine.manifest.layers if one.name == "block1.output")
    row, column = strongest_position(forward, layer, 3)
    flat = forward.maps(layer)[:, :, 3]
    assert flat[row, column] == flat.max() > 0
    assert (row, column) == min(zip(*np.nonzero(flat == flat.max()), strict=True))


def test_places_are_named_by_row_and_column() -> None:
    assert parse_position(LAYER, "4,8") == check_position(LAYER, 4, 8) == (4, 8)


ARABIC = "\N{ARABIC-INDIC DIGIT ONE},\N{ARABIC-INDIC DIGIT TWO}"
NO_POSITIONS = ("", "4", "4,", "a,b", "-1,0", "4, 8", "1,2,3", "4;8", "9" * 9, ARABIC)


@pytest.mark.parametrize("at", NO_POSITIONS)
def test_what_is_no_place_is_refused_without_repeating_it(at: str) -> None:
    with pytest.raises(InvalidParameterError, match=r"at must be a row and a column, such as 5,12"):
        parse_position(LAYER, at)


@pytest.mark.parametrize("at", ["5,0", "0,9", "99999,99999"])
def test_a_place_beyond_the_edge_is_unknown(at: str) -> None:
    with pytest.raises(UnknownUnitError, match=r"rows are 0 to 4, columns 0 to 8"):
        parse_position(LAYER, at)
