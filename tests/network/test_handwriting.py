"""Drawn digits: laid out as MNIST's are, each by another hand, and reproducible."""

import numpy as np
import pytest

from skiplens.network.handwriting import FORMS, draw, write

LABELS = np.repeat(np.arange(10, dtype=np.uint8), 8)


def test_digits_are_drawn_as_large_and_as_central_as_those_of_mnist() -> None:
    drawn = draw(LABELS, np.random.default_rng(0))
    assert drawn.shape == (80, 28, 28, 1)
    assert drawn.dtype == np.float32
    assert drawn.min() == 0
    assert drawn.max() == 1
    for digit in drawn[..., 0]:
        rows, columns = np.nonzero(digit > 0.5)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert 18 <= max(height, width) <= 21
        y, x = np.average(np.mgrid[:28, :28].reshape(2, -1), axis=1, weights=digit.ravel())
        assert abs(y - 13.5) < 2.5
        assert abs(x - 13.5) < 2.5


def test_the_same_generator_draws_the_same_digits() -> None:
    first, again, other = (draw(LABELS, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_two_hands_write_alike() -> None:
    drawn = draw(np.full(30, 7, np.uint8), np.random.default_rng(0)).reshape(30, -1)
    assert len(np.unique(drawn, axis=0)) == 30
    assert drawn.sum(axis=1).max() > 1.6 * drawn.sum(axis=1).min()  # thick pens and thin ones


@pytest.mark.parametrize("label", range(10))
def test_every_form_stays_on_its_sheet(label: int) -> None:
    for strokes, weight in FORMS[label]:
        assert weight > 0
        digit = write(strokes, np.random.default_rng(3))
        assert digit.sum() > 20
        assert not digit[[0, -1]].any()
        assert not digit[:, [0, -1]].any()
