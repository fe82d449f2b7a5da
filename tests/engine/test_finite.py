"""The one check that what enters is finite."""

import numpy as np
import pytest

from app.engine.finite import check_finite
from app.errors import NonFiniteError


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e25])
@pytest.mark.parametrize("where", [(0, 0, 0), (3, 2, 1)])
def test_one_bad_value_anywhere_is_refused_by_name(wrong: float, where: tuple[int, ...]) -> None:
    good = np.ones((4, 3, 2), np.float32)
    bad = good.copy()
    bad[where] = wrong
    with pytest.raises(
        NonFiniteError, match=r"^layer block1\.sum holds a value that is NaN or inf"
    ):
        check_finite({"stem.conv": good, "block1.sum": bad})


def test_finite_values_pass() -> None:
    extremes = np.array([[0, -0.0, 1e-45, 3e18, -3e18]], np.float32)
    check_finite({"a": extremes, "b": np.zeros((0, 3), np.float32), "c": extremes[:, ::2]})
