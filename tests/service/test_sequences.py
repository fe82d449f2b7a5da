"""A network that reads rows: its pictures, what it says after each row, and its gradient by row."""

import io
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.colormaps import PaletteName
from skiplens.core.feature_stats import Sort
from skiplens.core.input_image import SIDE, Digit
from skiplens.core.value_range import TOP_LEVEL, Normalisation
from skiplens.engine.base import Engine
from skiplens.service.early_exits_and_votes import exits_by_row
from skiplens.service.feature_map_table import block_table
from skiplens.service.forward import ForwardPass, run_network
from skiplens.service.gradients import gradient_by_path, gradient_by_step
from skiplens.service.map_grids import Grid, GridOptions, layer_grid
from skiplens.service.registry import find_block, find_layer
from tests.conftest import switched_off

NETWORK, LAYER = "mnist-rows", "block1.sum"


@pytest.fixture(scope="module")
def reader(engines: Mapping[str, Engine]) -> Engine:
    """The network that reads rows."""
    return engines[NETWORK]


@pytest.fixture(scope="module")
def forward(reader: Engine, digit: Digit) -> ForwardPass:
    """The forward pass of a seven."""
    return run_network(reader, digit, AS_TRAINED)


def grid_of(forward: ForwardPass, options: GridOptions = GridOptions()) -> Grid:  # noqa: B008
    layer = find_layer(forward.manifest, LAYER)
    return layer_grid(forward, layer, tuple(range(layer.filters)), options)


def test_time_runs_down_and_units_stand_side_by_side(forward: ForwardPass) -> None:
    grid = grid_of(forward, GridOptions(Normalisation.LAYER, zoom=3, labels=False))
    with Image.open(io.BytesIO(grid.png())) as image:
        picture = np.asarray(image)[2:-2, 2:-2]
    low, high = grid.range
    maps = forward.activations[LAYER]
    assert maps.shape == (1, SIDE, 64)
    found = low + picture * (high - low) / TOP_LEVEL
    expected = np.kron(maps[0], np.ones((3, 3)))
    assert np.abs(found - expected).max() <= (high - low) / TOP_LEVEL * 0.5001 + 1e-6


def test_units_are_sorted_with_the_index_of_every_eighth(forward: ForwardPass) -> None:
    grid = grid_of(forward, GridOptions(sort=Sort.MAXIMUM))
    largest = [float(forward.activations[LAYER][..., cell.filter].max()) for cell in grid.cells]
    assert largest == sorted(largest, reverse=True)
    assert grid.layout.columns == len(grid.cells) == 64
    labels = grid.levels()[2:7]
    columns = {cell.box[0] for cell in grid.cells[::8]}
    inked = set(np.flatnonzero((labels != labels[0, 0]).any(axis=0)))
    assert min(inked) >= min(columns)
    assert max(inked) < max(columns) + 8


def test_the_rows_of_a_block_share_one_range_and_the_sum_stands_once(forward: ForwardPass) -> None:
    table = block_table(forward, find_block(forward.manifest, "block1"), PaletteName.DARK)
    assert [row.role for row in table.rows] == ["x", "F(x)", "sum"]
    assert len({row.range for row in table.rows}) == 1
    assert table.maps[0].shape == (SIDE, 1, 64)
    left, right = table.layout.boxes[0], table.layout.boxes[1]
    assert right[0] - left[0] == left[2] == table.layout.zoom


def test_after_the_last_row_it_says_what_it_says_of_the_digit(
    reader: Engine, forward: ForwardPass
) -> None:
    found = exits_by_row(reader, forward)
    assert [found[0].after, found[-1].after] == ["row 0", "row 27"]
    np.testing.assert_allclose(found[-1].probabilities, forward.probabilities, rtol=1e-5)
    blank = reader.activations(np.zeros((1, SIDE, SIDE, 1), np.float32), np.ones(2, np.float32))
    first = blank[forward.manifest.layers[-1].name].reshape(-1)
    np.testing.assert_allclose(found[0].probabilities, first, rtol=1e-5)


def test_networks_of_maps_say_nothing_row_by_row(engine: Engine, digit: Digit) -> None:
    forward = run_network(engine, digit, AS_TRAINED)
    assert exits_by_row(engine, forward) == ()
    assert gradient_by_step(engine, forward, 7) is None


def test_gradients_by_row_are_parts_of_the_whole(reader: Engine, forward: ForwardPass) -> None:
    steps, whole = gradient_by_step(reader, forward, 7), gradient_by_path(reader, forward, 7)
    assert steps is not None
    assert len(steps.blocks) == SIDE
    squares = sum(step.total**2 for step in steps.blocks)
    assert squares**0.5 == pytest.approx(whole.blocks[0].total, rel=1e-5)


def test_without_its_branch_a_block_passes_its_input_on(reader: Engine, digit: Digit) -> None:
    off = run_network(reader, digit, switched_off("block1"))
    maps = off.activations
    np.testing.assert_array_equal(maps["block1.sum"], maps["stem.output"])
    steps = gradient_by_step(reader, off, 7)
    assert steps is not None
    assert {step.residual for step in steps.blocks} == {0.0}


def test_gates_lie_between_0_and_1(forward: ForwardPass) -> None:
    for gate in ("update", "reset"):
        values = forward.activations[f"block1.states.{gate}"]
        assert values.min() >= 0
        assert values.max() <= 1
        assert values.std() > 0
