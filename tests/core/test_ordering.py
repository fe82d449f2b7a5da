"""Orders of filters."""

from dataclasses import replace

import numpy as np
import pytest

from skiplens.core.feature_stats import Sort, describe, ordered

#                   filter 0      1       2      3
MAPS = np.array([[[1, 0, 4, 0], [3, 0, -4, 2]]], np.float32)
STATISTICS = describe(MAPS)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (Sort.INDEX, (0, 1, 2, 3)),
        (Sort.MEAN, (0, 3, 1, 2)),
        (Sort.MAXIMUM, (2, 0, 3, 1)),
        (Sort.ZEROS, (0, 2, 3, 1)),
    ],
)
def test_busy_filters_come_first(sort: Sort, order: tuple[int, ...]) -> None:
    assert ordered(STATISTICS, range(4), sort) == order


def test_some_filters_keep_to_themselves_and_ties_to_the_order_given() -> None:
    assert ordered(STATISTICS, (3, 1, 0), Sort.INDEX) == (3, 1, 0)
    assert ordered(STATISTICS, (3, 1, 0), Sort.ZEROS) == (0, 3, 1)
    alike = [replace(one, mean=0.0) for one in STATISTICS]
    assert ordered(alike, (2, 0, 3, 1), Sort.MEAN) == (2, 0, 3, 1)
