"""Labelled digits: their order, ids and hash."""

import hashlib

from skiplens.mnist import Split
from skiplens.samples import load_samples
from skiplens.service.dataset import LabelledDigits
from tests.idx import flat_digits


def of(*values: int) -> LabelledDigits:
    return LabelledDigits("dataset", flat_digits(*values))


def test_the_samples_keep_their_order_labels_and_ids() -> None:
    samples = load_samples()
    collection = LabelledDigits.of_samples(samples)
    assert len(collection) == len(samples)
    assert collection.ids == tuple(one.digit.id for one in samples)
    assert [collection.label(at) for at in range(len(samples))] == [one.label for one in samples]


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
