"""What was measured over the test digits."""

import pytest

from skiplens.core.manifest import Accuracy


@pytest.mark.parametrize(
    ("correct", "digits", "interval"),
    [
        (81, 263, (0.2553, 0.3662)),  # as in Newcombe 1998, table I, method 3
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        (29, 29, (0.8830, 1.0)),
    ],
)
def test_the_interval_is_wilsons(correct: int, digits: int, interval: tuple[float, float]) -> None:
    found = Accuracy.of(correct, digits)
    assert (found.correct, found.digits, found.value) == (correct, digits, correct / digits)
    assert found.interval == pytest.approx(interval, abs=5e-5)
    assert found.interval[0] <= found.value <= found.interval[1] + 1e-12
