"""Steps worked out by hand."""

import math

import numpy as np
import pytest

from skiplens.core.unit_explanation import ActivationStep, BatchNorm, Merge, Softmax


def test_a_batch_norm() -> None:
    assert BatchNorm(7, mean=1, variance=3.75, epsilon=0.25, gamma=2, beta=-1).result == 5


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (ActivationStep(-2, "relu", None), 0),
        (ActivationStep(2, "relu", None), 2),
        (ActivationStep(-2, None, 1.0), -2),
        (ActivationStep(-2, None, 0.0), 0),
        (ActivationStep(math.log(3), "sigmoid", 1.0), 0.75),
        (ActivationStep(-10_000, "sigmoid", None), 0),
        (ActivationStep(1, "tanh", None), math.tanh(1)),
    ],
)
def test_functions_and_switches(found: ActivationStep, result: float) -> None:
    assert found.result == pytest.approx(result)


@pytest.mark.parametrize(
    ("operation", "terms", "result"),
    [
        ("add", (2, -5), -3),
        ("add", (1, 2, 3), 6),
        ("multiply", (2, -5), -10),
        ("average", (2, -5), -1.5),
        ("maximum", (2, -5), 2),
        ("highway", (8, 4, 0.25), 7),
    ],
)
def test_merges(operation: str, terms: tuple[float, ...], result: float) -> None:
    assert Merge(operation, terms).result == result


def test_a_softmax_neither_overflows_nor_depends_on_the_largest() -> None:
    scores = np.log(np.array([1, 2, 5], np.float32))
    assert Softmax(scores, 1).result == pytest.approx(0.25)
    assert Softmax(scores + 1000, 1).result == pytest.approx(0.25, rel=1e-4)
    assert Softmax(scores, 2).exponentials.tolist() == pytest.approx([0.2, 0.4, 1])
