"""Choosing digits: which, in what order, and page by page."""

from collections.abc import Sequence

import numpy as np
import pytest

from skiplens.errors import InvalidParameterError
from skiplens.mnist import Split
from skiplens.service.dataset.activation_index import (
    PER_PAGE,
    DigitFilter,
    Index,
    SortOrder,
    browse,
)
from skiplens.service.dataset.labelled_digits import LabelledDigits

# What each digit is meant to be, is read as, and how surely.
DIGITS = ((4, 4, 0.9), (4, 9, 0.6), (9, 9, 0.5), (4, 9, 0.8), (0, 0, 0.9), (9, 4, 0.7))


def made(digits: Sequence[tuple[int, int, float]]) -> tuple[LabelledDigits, Index]:
    probabilities = np.zeros((len(digits), 10), np.float32)
    for at, (_, answer, share) in enumerate(digits):
        probabilities[at, answer] = share
    labels = np.array([label for label, _, _ in digits], np.uint8)
    collection = LabelledDigits("dataset", Split(np.zeros((len(digits), 28, 28), np.uint8), labels))
    return collection, Index(
        probabilities, np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32)
    )


def found(choice: DigitFilter) -> list[int]:
    return list(browse(*made(DIGITS), choice, 1).indices)


@pytest.mark.parametrize(
    ("order", "indices"),
    [
        (SortOrder.MISTAKES, [3, 5, 1, 2, 0, 4]),
        (SortOrder.CONFIDENCE, [0, 4, 3, 5, 1, 2]),
        (SortOrder.DOUBT, [2, 1, 5, 3, 0, 4]),
        (SortOrder.INDEX, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_orders(order: SortOrder, indices: list[int]) -> None:
    assert found(DigitFilter(order=order)) == indices


def test_misread_digits_come_first_unless_told_otherwise() -> None:
    assert DigitFilter().order is SortOrder.MISTAKES


@pytest.mark.parametrize(
    ("choice", "indices"),
    [
        (DigitFilter(label=4), [3, 1, 0]),
        (DigitFilter(prediction=9), [3, 1, 2]),
        (DigitFilter(label=4, prediction=9), [3, 1]),
        (DigitFilter(wrong=True), [3, 5, 1]),
        (DigitFilter(wrong=False), [2, 0, 4]),
        (DigitFilter(label=9, wrong=False), [2]),
        (DigitFilter(label=0, wrong=True), []),
        (DigitFilter(label=0), [4]),
    ],
)
def test_choices(choice: DigitFilter, indices: list[int]) -> None:
    assert found(choice) == indices


def test_pages_follow_each_other_and_the_last_has_the_rest() -> None:
    collection, index = made([(1, 1, 0.5)] * (2 * PER_PAGE + 3))
    pages = [
        browse(collection, index, DigitFilter(order=SortOrder.INDEX), page) for page in (1, 2, 3)
    ]
    assert [at for page in pages for at in page.indices] == list(range(len(collection)))
    assert [len(page.indices) for page in pages] == [PER_PAGE, PER_PAGE, 3]
    assert {(page.total, page.pages) for page in pages} == {(2 * PER_PAGE + 3, 3)}


@pytest.mark.parametrize("page", [0, 2, 4_000_000])
def test_a_page_beyond_the_last_is_refused_with_what_there_is(page: int) -> None:
    with pytest.raises(InvalidParameterError, match=f"page must be from 1 to 1; got {page}"):
        browse(*made(DIGITS), DigitFilter(), page)


def test_no_digit_is_one_empty_page() -> None:
    listing = browse(*made(DIGITS), DigitFilter(label=7), 1)
    assert (listing.total, listing.pages, listing.indices) == (0, 1, ())
