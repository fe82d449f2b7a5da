"""Principal components by NumPy."""

import numpy as np
import pytest

from skiplens.core.principal_components import principal_plane


@pytest.fixture
def features() -> np.ndarray:
    rng = np.random.default_rng(7)
    spread = np.array([5, 1, 3, 0.5], np.float32)
    turned, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    return np.asarray((rng.normal(size=(300, 4)) * spread) @ turned + 2, np.float32)


def test_axes_are_the_eigenvectors_of_the_two_largest_variances(features: np.ndarray) -> None:
    plane = principal_plane(features)
    variances, vectors = np.linalg.eigh(np.cov(features.T))
    for axis, vector in zip(plane.axes, vectors.T[::-1], strict=False):
        assert abs(axis @ vector) == pytest.approx(1, abs=1e-4)
    points = plane.points(features)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(points.var(axis=0, ddof=1), variances[::-1][:2], rtol=1e-3)
    assert plane.explained == pytest.approx(variances[-2:].sum() / variances.sum(), rel=1e-4)


def test_axes_are_turned_round_to_where_the_digits_were(features: np.ndarray) -> None:
    plane = principal_plane(features)
    before = plane.points(features) * (-1, 1)
    turned = plane.facing(features, before)
    np.testing.assert_allclose(turned.points(features), before, rtol=1e-4, atol=1e-4)
    assert turned.explained == plane.explained


def test_equal_features_have_no_variance() -> None:
    plane = principal_plane(np.ones((5, 3), np.float32))
    assert plane.explained == 0
    assert (plane.points(np.ones((5, 3), np.float32)) == 0).all()
