"""Histograms, and quantities of blocks on one axis."""

import numpy as np

from skiplens.web.pages.charts import HEIGHT, WIDTH, histogram, strip


def test_a_flat_map_has_no_histogram() -> None:
    assert histogram(np.full((4, 4), 2.0, np.float32)) is None


def test_columns_count_what_is_not_zero() -> None:
    values = np.array([[0, 0, 0, 1], [1, 1, 2, 4]], np.float32)
    found = histogram(values)
    assert found is not None
    assert (found.low, found.high, found.zero) == ("0", "4.00", None)
    assert found.zeros == (
        "37.50\u202f% of the values are exactly zero, 3 of 8; they are not shown"
    )
    assert found.tallest == "3 values"
    assert [column.height for column in found.columns] == [HEIGHT, 40.0, 40.0]
    assert found.columns[0].text.startswith("3 values from 1.00")


def test_zero_is_marked_where_values_are_signed() -> None:
    found = histogram(np.array([[-1.0, 3.0]], np.float32))
    assert found is not None
    assert found.zero == WIDTH / 4
    assert found.zeros is None


def test_a_strip_marks_the_current_block_and_its_mean() -> None:
    found = strip([("block1", 1.0), ("block2", 4.0)], "block1", 2.0, None, str)
    assert found.dots == ((25.0, "block1: 1.0", True), (100.0, "block2: 4.0", False))
    assert (found.mean, found.low, found.high) == (50.0, "0.0", "4.0")


def test_a_strip_of_possible_values_has_their_ends() -> None:
    found = strip([("block1", 0.5)], "block1", None, (-1, 1), str)
    assert (found.dots[0][0], found.mean, found.low, found.high) == (75.0, None, "-1", "1")


def test_a_strip_of_zeros_has_an_axis() -> None:
    assert strip([("block1", 0.0)], "block1", None, None, str).dots[0][0] == 0
