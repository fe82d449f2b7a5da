"""What is kept of many digits, held against sorting and counting by hand."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.engine.base import Engine
from skiplens.service.dataset.activation_index import (
    TOP_K,
    Index,
    TopActivation,
    TopK,
    max_per_filter,
)
from skiplens.service.registry import find_layer

RNG = np.random.default_rng(4)


def ranked(values: NDArray[np.float32], size: int) -> TopK:
    """The ranking of digits (rows) that come ``size`` at a time."""
    ranking = TopK(values.shape[1])
    for first in range(0, len(values), size):
        ranking.add(first, values[first : first + size])
    return ranking


@pytest.mark.parametrize("size", [1, 7, 30, 200])
def test_the_strongest_are_those_of_a_full_sort_however_they_come(size: int) -> None:
    values = RNG.integers(-5, 6, (90, 11)).astype(np.float32)  # many are equal
    ranking = ranked(values, size)
    for at in range(values.shape[1]):
        order = sorted(range(len(values)), key=lambda digit: (-values[digit, at], digit))[:TOP_K]
        assert ranking.digits[at].tolist() == order
        assert ranking.values[at].tolist() == values[order, at].tolist()


def test_fewer_digits_than_are_kept_are_all_kept() -> None:
    ranking = ranked(np.array([[1], [3], [2]], np.float32), 2)
    assert ranking.digits.tolist() == [[1, 2, 0]]


def test_maxima_are_of_each_filter_in_forward_order(engine: Engine) -> None:
    manifest = engine.manifest
    activations: Mapping[str, NDArray[np.float32]] = {
        layer.name: RNG.normal(size=layer.shape).astype(np.float32) for layer in manifest.layers
    }
    found = max_per_filter(manifest, activations)
    by_hand = [
        activations[layer.name][:, :, index].max()
        for layer in manifest.layers
        for index in range(layer.filters)
    ]
    assert found.tolist() == by_hand


@pytest.fixture
def index(engine: Engine) -> Index:
    """Four digits: two answers are right."""
    answers = np.eye(10, dtype=np.float32)[[3, 3, 8, 0]] * np.float32(0.75)
    filters = sum(layer.filters for layer in engine.manifest.layers)
    values = np.tile(np.array([2.0, 1.0, 0.0, -1.0], np.float32), (filters, 1))
    values[:, 0] += np.arange(filters)
    return Index(answers, np.tile(np.array([3, 1, 0, 2], np.int32), (filters, 1)), values)


def test_answers_are_counted_by_label_and_class(index: Index) -> None:
    counts = index.confusion(np.array([3, 5, 8, 9], np.uint8))
    assert counts.shape == (10, 10)
    assert counts.sum() == 4
    assert (counts[3, 3], counts[5, 3], counts[8, 8], counts[9, 0]) == (1, 1, 1, 1)
    assert index.confidences.tolist() == [0.75] * 4


def test_a_filters_row_is_found_and_ends_above_zero(engine: Engine, index: Index) -> None:
    manifest = engine.manifest
    first, second = manifest.layers[:2]
    assert index.top_activations(manifest, first, 0) == (
        TopActivation(3, 2.0),
        TopActivation(1, 1.0),
    )
    assert index.top_activations(manifest, first, 5)[0].value == 7.0
    assert index.top_activations(manifest, second, 1)[0].value == 2.0 + first.filters + 1
    last = find_layer(manifest, "head.probabilities")
    row = sum(layer.filters for layer in manifest.layers) - 1
    assert index.top_activations(manifest, last, 9)[0].value == 2.0 + row
