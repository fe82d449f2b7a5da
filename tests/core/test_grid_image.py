"""Grid images: layout, drawing, bitmap font."""

import io
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skiplens.core import grid_image
from skiplens.core.colormaps import CLEAR_LEVEL, FLAG_LEVEL, LABEL_LEVEL, PaletteName, colours
from skiplens.core.grid_image import (
    largest_fitting_zoom,
    layout_grid,
    layout_rows,
    near_square,
    preferred_zoom,
)
from skiplens.errors import InvalidParameterError


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
    side=st.sampled_from([1, 3, 7, 14]),
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


def decode(png: bytes) -> np.ndarray:
    """The palette indices of a PNG."""
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == "P"
        return np.asarray(image)


@pytest.fixture
def levels() -> np.ndarray:
    """Five maps of 3x4 levels."""
    return np.random.default_rng(0).integers(0, 253, (5, 3, 4), np.uint8)


def test_every_value_is_a_square_of_hard_pixels_in_its_box(levels: np.ndarray) -> None:
    layout = layout_grid(5, 3, 4, columns=3, zoom=4, labels=True)
    drawn = grid_image.draw(levels, layout, range(5), [False] * 5)
    for map_, (x, y, width, height) in zip(levels, layout.boxes, strict=True):
        box = drawn[y : y + height, x : x + width]
        assert (box == np.kron(map_, np.ones((4, 4), np.uint8))).all()


def test_a_picture_holds_its_levels_exactly_and_has_the_same_bytes_each_time(
    levels: np.ndarray,
) -> None:
    layout = layout_grid(5, 3, 4, columns=5, zoom=2, labels=False)
    drawn = grid_image.draw(levels, layout, range(5), [False] * 5)
    palette = colours(PaletteName.DARK, diverging=True)
    png = grid_image.encode(drawn, palette)
    assert (decode(png) == drawn).all()
    assert grid_image.encode(drawn.copy(), palette) == png
    with Image.open(io.BytesIO(png)) as image:
        assert image.info["transparency"] == CLEAR_LEVEL
        rgb = np.asarray(image.convert("RGB"))
    assert (rgb == palette[drawn]).all()


def test_only_flagged_maps_are_framed_and_no_frame_touches_a_map(levels: np.ndarray) -> None:
    layout = layout_grid(5, 3, 4, columns=5, zoom=3, labels=False)
    plain = grid_image.draw(levels, layout, range(5), [False] * 5)
    framed = grid_image.draw(levels, layout, range(5), [False, True, False, False, False])
    changed = np.argwhere(plain != framed)
    assert (framed[tuple(changed.T)] == FLAG_LEVEL).all()
    x, y, width, height = layout.boxes[1]
    assert changed.min(axis=0).tolist() == [y - 1, x - 1]
    assert changed.max(axis=0).tolist() <= [y + height, x + width]
    assert (plain[y : y + height, x : x + width] == framed[y : y + height, x : x + width]).all()


def test_indices_are_written_above_maps_where_asked(levels: np.ndarray) -> None:
    layout = layout_grid(5, 3, 4, columns=5, zoom=3, labels=True)
    none = grid_image.draw(levels, layout, [None] * 5, [False] * 5)
    some = grid_image.draw(levels, layout, [None, 8, None, None, None], [False] * 5)
    assert not (none == LABEL_LEVEL).any()
    where = np.argwhere(some == LABEL_LEVEL)
    assert len(where) == 13  # the pixels of an eight
    x, y, _, _ = layout.boxes[1]
    assert where[:, 1].min() == x
    assert where[:, 0].max() < y


@pytest.mark.parametrize(
    ("columns", "zoom", "first", "shown"),
    [
        (4, 1, 7, [7, 8, 9, 10, 11, 12]),  # of two numerals, which each cell has room for
        (4, 1, 98, [98, 99, 100, 102]),
        (4, 4, 998, [998, 1000, 1002]),
        (4, 16, 998, [998, 999, 1000, 1001, 1002, 1003]),
        (1, 1, 98, [98, 99]),  # one of three is wider than the image
    ],
)
def test_an_index_without_room_is_left_out(
    columns: int, zoom: int, first: int, shown: list[int]
) -> None:
    maps = np.zeros((6, 1, 1), np.uint8)
    layout = layout_grid(6, 1, 1, columns=columns, zoom=zoom, labels=True)
    drawn = grid_image.draw(maps, layout, range(first, first + 6), [False] * 6)
    expected = np.zeros(drawn.shape, bool)
    for index in shown:
        x, y, _, _ = layout.boxes[index - first]
        ink = grid_image.draw_index(index)
        expected[y - 7 : y - 2, x : x + ink.shape[1]] |= ink
    assert ((drawn == LABEL_LEVEL) == expected).all()


def test_an_image_of_too_many_pixels_is_refused_before_its_maps_are_laid_out() -> None:
    for lay_out in (
        partial(layout_grid, 10**12, 1, 1, columns=10**6, zoom=1, labels=False),
        partial(layout_rows, 10**6, 10**6, 1, 1, zoom=1),
    ):
        with pytest.raises(InvalidParameterError, match="at most 16000000 are allowed"):
            lay_out()


def test_a_grey_picture_equals_its_pixels() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    with Image.open(io.BytesIO(grid_image.encode_grey(pixels, 2))) as image:
        assert (np.asarray(image) == pixels.repeat(2, axis=0).repeat(2, axis=1)).all()


def test_all_numerals_differ() -> None:
    assert len({grid_image.draw_index(number).tobytes() for number in range(10)}) == 10


@pytest.mark.parametrize(("number", "width"), [(7, 3), (10, 7), (255, 11)])
def test_a_number_is_as_wide_as_its_numerals(number: int, width: int) -> None:
    assert grid_image.draw_index(number).shape == (5, width)
