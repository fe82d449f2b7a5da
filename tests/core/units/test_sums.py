"""Sums worked out by hand."""

import numpy as np
import pytest

from skiplens.core.unit_explanation import Convolution, Dense, Pooling

PATCH = np.array([[[1, 2], [3, 4]]], np.float32)  # one row, two columns, two maps
KERNEL = np.array([[[10, 1], [-1, 0.5]]], np.float32)


def convolution(bias: float | None = None, function: str | None = None) -> Convolution:
    inside = np.ones((1, 2), np.bool_)
    return Convolution(PATCH, inside, KERNEL, bias, (0, 0), (1, 1), 0, function)


def test_a_convolution_is_products_added_up_map_by_map() -> None:
    found = convolution()
    assert found.products.tolist() == [[[10, 2], [-3, 2]]]
    assert found.sums.tolist() == [7, 4]
    assert found.total == found.result == 11


def test_the_bias_comes_before_the_function() -> None:
    assert convolution(bias=-12).total == -1
    assert convolution(bias=-12, function="relu").result == 0
    assert convolution(function="relu").result == 11


def test_products_are_wider_than_what_they_are_made_of() -> None:
    large = np.full((1, 1, 2), 1e30, np.float32)
    found = Convolution(large, np.ones((1, 1), np.bool_), large, None, (0, 0), (1, 1), 0, None)
    assert found.total == pytest.approx(2e60)


def test_a_weighted_sum() -> None:
    values, weights = (np.array(one, np.float32) for one in ([1, 2, 3], [4, -5, 0.5]))
    found = Dense(values, weights, 0.25, None)
    assert found.products.tolist() == [4, -10, 1.5]
    assert found.result == -4.25
    assert Dense(values, weights, None, "relu").result == 0


def test_pooling() -> None:
    window = np.array([[-1, 4], [2, 1]], np.float32)
    assert Pooling("max", window, (0, 0)).result == 4
    assert Pooling("mean", window, (0, 0)).result == 1.5
