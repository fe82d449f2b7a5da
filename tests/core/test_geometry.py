"""Where the maps of a grid lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skiplens.core.grid_image import (
    largest_fitting_zoom,
    layout_grid,
    layout_rows,
    near_square,
    preferred_zoom,
)


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (8, 4), (10, 5), (16, 4), (26, 6), (32, 8), (64, 8)]
)
def test_grids_are_near_square_and_fill_their_rows_where_they_can(count: int, columns: int) -> None:
    assert near_square(count) == columns


@pytest.mark.parametrize(("side", "zoom"), [(28, 2), (14, 4), (7, 8), (1, 16), (400, 1)])
def test_maps_are_drawn_about_as_large_whatever_their_shape(side: int, zoom: int) -> None:
    assert preferred_zoom(side, side) == zoom


@pytest.mark.parametrize(
    ("count", "side", "zoom"),
    [(16, 28, 3), (8, 28, 3), (26, 28, 2), (32, 14, 3), (64, 7, 6), (1, 28, 4), (64, 1, 16)],
)
def test_grids_are_about_as_wide_whatever_the_shape_of_their_maps(
    count: int, side: int, zoom: int
) -> None:
    columns = near_square(count)
    assert largest_fitting_zoom(columns, side, side) == zoom
    layout = layout_grid(count, side, side, columns=columns, zoom=zoom, labels=False)
    assert layout.width <= 356
    assert largest_fitting_zoom(400, side, side) == 1


@given(
    count=st.integers(1, 130),
    columns=st.integers(1, 140),
    zoom=st.integers(1, 16),
    side=st.sampled_from([1, 3, 7, 28]),
    labels=st.booleans(),
)
def test_boxes_lie_inside_apart_and_in_row_major_order(
    count: int, columns: int, zoom: int, side: int, labels: bool
) -> None:
    grid = layout_grid(count, side, side, columns=columns, zoom=zoom, labels=labels)
    taken = set()
    for x, y, width, height in grid.boxes:
        assert (width, height) == (side * zoom, side * zoom)
        assert x >= 1
        assert y >= 1
        assert x + width < grid.width
        assert y + height < grid.height
        taken.add((y, x))
    assert len(taken) == count
    assert list(grid.boxes) == sorted(grid.boxes, key=lambda box: (box[1], box[0]))


def test_rows_of_a_matrix_line_up_under_each_other() -> None:
    matrix = layout_rows(3, 8, 7, 7, zoom=2)
    columns = [box[0] for box in matrix.boxes[:8]]
    assert [box[0] for box in matrix.boxes] == columns * 3
    assert matrix.boxes[-1][1] + 14 < matrix.height
