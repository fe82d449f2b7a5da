"""Numerals of the indices."""

import pytest

from skiplens.core import grid_image


def test_all_numerals_differ() -> None:
    assert len({grid_image.draw_index(number).tobytes() for number in range(10)}) == 10


@pytest.mark.parametrize(("number", "width"), [(7, 3), (10, 7), (255, 11)])
def test_a_number_is_as_wide_as_its_numerals(number: int, width: int) -> None:
    assert grid_image.draw_index(number).shape == (5, width)
