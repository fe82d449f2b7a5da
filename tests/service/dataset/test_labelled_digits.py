"""Labelled digits, and their place in front of a store."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from skiplens.core.digit import Digit
from skiplens.errors import UnknownDigitError
from skiplens.mnist import Split
from skiplens.samples import load_samples
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.service.digit_store import LayeredDigitStore, SQLiteDigitStore, StoredDigit


def of(*values: int) -> LabelledDigits:
    """Digits of one tone each, labelled 0, 1, 2 ..."""
    images = np.stack([np.full((28, 28), value, np.uint8) for value in values])
    return LabelledDigits("dataset", Split(images, np.arange(len(values), dtype=np.uint8)))


def test_the_samples_keep_their_order_labels_and_ids() -> None:
    samples = load_samples()
    collection = LabelledDigits.of_samples(samples)
    assert len(collection) == len(samples)
    assert collection.ids == tuple(one.digit.id for one in samples)
    assert [collection.label(at) for at in range(len(samples))] == [one.label for one in samples]
    assert len(LabelledDigits.of_samples(())) == 0


def test_a_digit_has_the_id_of_its_784_bytes() -> None:
    collection = of(1, 200)
    assert collection.ids[1] == hashlib.sha256(bytes([200]) * 784).hexdigest()[:16]
    assert collection.digit(1).id == collection.ids[1]


def test_a_digit_that_is_there_twice_is_found_at_its_first_index() -> None:
    collection = of(9, 5, 9)
    assert collection.index_by_id[collection.ids[2]] == 0
    assert collection.index_by_id[collection.ids[1]] == 1


def test_the_hash_changes_with_every_pixel_and_label() -> None:
    first = of(1, 2)
    other = LabelledDigits("dataset", Split(first.split.images, first.split.labels[::-1].copy()))
    assert len({first.sha256, of(1, 3).sha256, other.sha256}) == 3
    assert first.sha256 == of(1, 2).sha256


def test_a_store_answers_for_the_collection_and_keeps_none_of_it(tmp_path: Path) -> None:
    inner = SQLiteDigitStore(tmp_path / "digits", 10)
    store = LayeredDigitStore(inner, (), of(7, 8))
    eight = Digit.of(np.full((28, 28), 8, np.uint8))
    found = store.get(eight.id)
    assert (found.label, found.dataset_index, found.style) == (1, 1, None)
    assert found.box == (0, 0, 28, 28)
    put = store.put(StoredDigit(eight, True, (0, 0, 1, 1), ()))
    assert (put.label, put.dataset_index, put.box) == (1, 1, (0, 0, 1, 1))
    assert store.count() == 0
    nine = Digit.of(np.full((28, 28), 9, np.uint8))
    store.put(StoredDigit(nine, True, (0, 0, 1, 1), ()))
    assert store.count() == 1
    assert store.get(nine.id).dataset_index is None
    with pytest.raises(UnknownDigitError):
        store.get("0" * 16)
    store.close()


def test_a_digit_without_ink_is_a_digit_all_the_same(tmp_path: Path) -> None:
    collection = of(0)
    store = LayeredDigitStore(SQLiteDigitStore(tmp_path / "digits", 10), (), collection)
    assert store.get(collection.ids[0]).box == (0, 0, 0, 0)
    store.close()
