"""The picture equals the array."""

import io

import numpy as np
import pytest
from PIL import Image

from skiplens.core import grid_image
from skiplens.core.colormaps import CLEAR_LEVEL, FLAG_LEVEL, LABEL_LEVEL, PaletteName, colours
from skiplens.core.grid_image import layout_grid


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


def test_a_grey_picture_equals_its_pixels() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    with Image.open(io.BytesIO(grid_image.encode_grey(pixels, 2))) as image:
        assert (np.asarray(image) == pixels.repeat(2, axis=0).repeat(2, axis=1)).all()
