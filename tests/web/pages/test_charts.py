"""The histogram: every value is counted once, and zeros do not dwarf the rest."""

import numpy as np

from skiplens.web.pages.charts import HEIGHT, WIDTH, histogram


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
