"""Compares figures of filters with those of another engine, or with NumPy's."""

import numpy as np

from skiplens.engine.base import FilterFigures


def check_figures(found: FilterFigures, wanted: FilterFigures) -> None:
    """They are equal, but for the order in which values are added."""
    np.testing.assert_allclose(found.low, wanted.low, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.high, wanted.high, rtol=1e-6, atol=1e-6)
    values, squares, nonzero = found.sums
    np.testing.assert_allclose(values, wanted.sums[0], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(squares, wanted.sums[1], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(nonzero, wanted.sums[2], atol=1e-3)
    assert found.maps.keys() == wanted.maps.keys()
    for name, maps in wanted.maps.items():
        np.testing.assert_allclose(found.maps[name], maps, atol=1e-6)
