"""A labelled set of digits: the samples, or MNIST's test set."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from skiplens.core.digit import SIDE, Digit
from skiplens.core.preprocessing import ink_box
from skiplens.mnist import Split
from skiplens.samples import Sample
from skiplens.service.digit_store import DigitStore, StoredDigit

Kind = Literal["samples", "dataset"]


@dataclass(frozen=True, eq=False)
class LabelledDigits:
    """Labelled digits; the place of each, from 0, is its index.

    Attributes:
        kind: ``samples`` that ship, or the ``dataset`` that the server was given.
        split: images and labels.
    """

    kind: Kind
    split: Split

    @classmethod
    def of_samples(cls, samples: Sequence[Sample]) -> "LabelledDigits":
        """The samples, in their order."""
        images = [sample.digit.pixels for sample in samples]
        stacked = np.stack(images) if images else np.zeros((0, SIDE, SIDE), np.uint8)
        return cls("samples", Split(stacked, np.array([one.label for one in samples], np.uint8)))

    def __len__(self) -> int:
        """How many digits there are."""
        return len(self.split)

    def digit(self, place: int) -> Digit:
        """The digit at a place."""
        return Digit.of(self.split.images[place])

    def label(self, place: int) -> int:
        """What it is meant to be, 0..9."""
        return int(self.split.labels[place])

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The id of each digit."""
        return tuple(self.digit(place).id for place in range(len(self)))

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each id; of digits that are there twice, the first."""
        return {digit: len(self) - 1 - at for at, digit in enumerate(reversed(self.ids))}

    @cached_property
    def sha256(self) -> str:
        """Of every image and label, in hexadecimal."""
        digest = hashlib.sha256(self.split.images.tobytes())
        digest.update(self.split.labels.tobytes())
        return digest.hexdigest()


class WithCollection:
    """Puts the digits of a collection in front of another store; they need no room in it."""

    def __init__(self, store: DigitStore, collection: LabelledDigits) -> None:
        self._store = store
        self._collection = collection

    def get(self, digit: str) -> StoredDigit:
        """The collection's digit of that id, else what the other store keeps."""
        place = self._collection.places.get(digit)
        if place is None:
            return self._store.get(digit)
        found = self._collection.digit(place)
        label = self._collection.label(place)
        return StoredDigit(found, False, ink_box(found.pixels), (), label, place=place)

    def put(self, stored: StoredDigit) -> StoredDigit:
        """Keep a digit, unless it is one of the collection."""
        place = self._collection.places.get(stored.digit.id)
        if place is None:
            return self._store.put(stored)
        return replace(stored, label=self._collection.label(place), place=place)

    def count(self) -> int:
        """How many digits the other store keeps."""
        return self._store.count()

    def close(self) -> None:
        """Close the other store."""
        self._store.close()
