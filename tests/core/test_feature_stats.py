"""Statistics of feature maps."""

import numpy as np
import pytest

from skiplens.core.feature_stats import describe, extent, summarise


def test_statistics_equal_numpys() -> None:
    maps = np.random.default_rng(1).normal(size=(5, 6, 3)).astype(np.float32)
    maps[:2, :, 1] = 0
    for at, found in enumerate(describe(maps)):
        one = maps[..., at].astype(np.float64)
        assert (found.min, found.max) == (one.min(), one.max())
        assert found.mean == pytest.approx(one.mean())
        assert found.std == pytest.approx(one.std())
        assert found.zero_share == pytest.approx((one == 0).mean())
        assert not found.dead
        assert not found.constant


def test_dead_and_constant_maps_are_told_apart() -> None:
    maps = np.zeros((2, 2, 3), np.float32)
    maps[..., 1] = 0.5
    maps[0, 0, 2] = 1
    assert [(one.dead, one.constant) for one in describe(maps)] == [
        (True, True),
        (False, True),
        (False, False),
    ]


def test_a_map_of_one_value_is_not_called_constant() -> None:
    assert not describe(np.full((1, 1, 1), 3.0, np.float32))[0].constant


@pytest.mark.parametrize("shape", [(1, 1, 3000), (1, 7, 1), (113, 5, 3), (56, 56, 64), (2, 2, 2)])
def test_a_summary_tells_what_statistics_do(shape: tuple[int, int, int]) -> None:
    maps = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    maps[..., 0] = 0
    summary, statistics = summarise(maps), describe(maps)
    assert summary.low.tolist() == [one.min for one in statistics]
    assert summary.high.tolist() == [one.max for one in statistics]
    np.testing.assert_allclose(summary.mean, [one.mean for one in statistics], atol=1e-6)
    assert summary.dead.tolist() == [one.dead for one in statistics]
    assert summary.constant.tolist() == [one.constant for one in statistics]
    assert summary.extent == extent(maps)
