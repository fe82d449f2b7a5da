import io

import numpy as np
import pytest
from PIL import Image

from skiplens.core import grid_image
from skiplens.core.colormaps import LABEL_LEVEL, PaletteName
from skiplens.service.images import KERNEL_ZOOM as ZOOM
from skiplens.service.images import LabelledKernelGrid

COUNT, CHANNELS = 12, 3


@pytest.fixture
def kernel() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(1).normal(size=(3, 3, CHANNELS, COUNT)).astype(np.float32)


@pytest.fixture
def drawn(kernel: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> LabelledKernelGrid:
    return LabelledKernelGrid.of(kernel, PaletteName.DARK)


def levels(drawn: LabelledKernelGrid) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.array(Image.open(io.BytesIO(drawn.png())))


def test_the_picture_is_as_large_as_it_says(drawn: LabelledKernelGrid) -> None:
    assert levels(drawn).shape == (drawn.geometry.height, drawn.geometry.width)


def test_a_row_is_a_filter_and_a_column_what_it_is_given(
    drawn: LabelledKernelGrid, kernel: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    picture = levels(drawn)
    reach = np.abs(kernel).max()
    for row, column in ((0, 0), (4, 2), (11, 1)):
        x, y, width, height = drawn.geometry.boxes[row * CHANNELS + column]
        shown = picture[y : y + height : ZOOM, x : x + width : ZOOM]
        expected = np.rint((kernel[:, :, column, row] / reach + 1) * 126)
        assert np.abs(shown - expected).max() <= 1


@pytest.mark.parametrize("row", [0, 9, 11])
def test_each_filter_has_its_index_beside_its_row(drawn: LabelledKernelGrid, row: int) -> None:
    x, y, _, height = drawn.geometry.boxes[row * CHANNELS]
    ink = grid_image.draw_index(row)
    beside = levels(drawn)[y : y + height, : x - 2] == LABEL_LEVEL
    assert beside.sum() == ink.sum()
    rows, columns = beside.nonzero()
    assert (
        (beside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]).sum() == ink.sum()
    )


def test_columns_have_their_index_above_the_first_row(drawn: LabelledKernelGrid) -> None:
    _, top, *_ = drawn.geometry.boxes[0]
    above = levels(drawn)[:top] == LABEL_LEVEL
    assert above.sum() == sum(grid_image.draw_index(column).sum() for column in range(CHANNELS))


def test_kernels_of_one_weight_still_have_room_for_their_index() -> None:
    kernel = np.ones((1, 1, 2, 120), np.float32)
    picture = levels(LabelledKernelGrid.of(kernel, PaletteName.GREY))
    assert (picture == LABEL_LEVEL).any()
