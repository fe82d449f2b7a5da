"""Linear CKA against its definitions."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.core.similarity import centred_gram, linear_cka

Features = NDArray[np.float64]
EXAMPLES = 60


def features(count: int, seed: int) -> Features:
    """Correlated features with means of their own."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(EXAMPLES, count)) @ rng.normal(size=(count, count))
    return np.asarray(mixed + rng.normal(0, 5, count))


def cka(x: Features, y: Features) -> float:
    return linear_cka(centred_gram(x), centred_gram(y))


def hsic(k: Features, other: Features) -> float:
    """The empirical Hilbert-Schmidt independence criterion, tr(KHLH) / (n - 1)^2."""
    n = len(k)
    h = np.eye(n) - np.full((n, n), 1 / n)
    return float(np.trace(k @ h @ other @ h)) / (n - 1) ** 2


@pytest.mark.parametrize(("wide", "narrow"), [(7, 3), (200, 5), (90, 90)])
def test_it_is_the_normalised_hsic_of_the_uncentred_gram_matrices(wide: int, narrow: int) -> None:
    x, y = features(wide, 1), features(narrow, 2)
    gram_x, gram_y = x @ x.T, y @ y.T
    expected = hsic(gram_x, gram_y) / (hsic(gram_x, gram_x) * hsic(gram_y, gram_y)) ** 0.5
    assert cka(x, y) == pytest.approx(expected, rel=1e-9)
    assert 0 < cka(x, y) < 1


def test_it_is_the_paper_s_form_in_features() -> None:
    x, y = features(7, 1), features(3, 2)
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    norm = np.linalg.norm
    assert cka(x, y) == pytest.approx(norm(b.T @ a) ** 2 / (norm(a.T @ a) * norm(b.T @ b)))


def test_a_layer_is_as_similar_as_can_be_to_itself() -> None:
    assert cka(features(7, 1), features(7, 1)) == pytest.approx(1)


def test_rotation_order_scale_and_offset_change_nothing() -> None:
    x, y = features(9, 1), features(6, 2)
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(9, 9)))
    expected = cka(x, y)
    for same in (x @ rotation, x[:, ::-1], -3.5 * x, x + np.arange(9)):
        assert cka(same, y) == pytest.approx(expected)
        assert cka(same, x) == pytest.approx(1)


def test_other_linear_maps_do() -> None:
    x = features(9, 1)
    assert cka(x * np.arange(1, 10) ** 2, x) < 0.99


def test_it_is_symmetric_and_every_value_of_an_example_is_a_feature() -> None:
    x, y = features(12, 1), features(5, 2)
    assert cka(x, y) == pytest.approx(cka(y, x))
    assert cka(x.reshape(EXAMPLES, 2, 3, 2), y) == pytest.approx(cka(x, y))


def test_float32_maps_lose_no_digit_that_is_shown() -> None:
    x, y = features(300, 1), features(200, 2)
    assert cka(x.astype(np.float32), y.astype(np.float32)) == pytest.approx(cka(x, y), abs=1e-5)


def test_a_layer_that_never_changes_is_similar_to_none() -> None:
    assert cka(np.ones((EXAMPLES, 4)), features(3, 1)) == 0
