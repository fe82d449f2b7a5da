"""The labelled digits: the samples, or MNIST's test set."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from skiplens.core.input_image import Digit
from skiplens.mnist import Split
from skiplens.samples import Sample

CollectionKind = Literal["samples", "dataset"]


@dataclass(frozen=True, eq=False)
class LabelledDigits:
    """Digits and their labels, by index from 0.

    Attributes:
        kind: the shipped ``samples``, or the ``dataset`` of the server.
        split: images and labels.
    """

    kind: CollectionKind
    split: Split

    @classmethod
    def of_samples(cls, samples: Sequence[Sample]) -> "LabelledDigits":
        """The samples, at least one, in their order."""
        images = np.stack([sample.digit.pixels for sample in samples])
        labels = np.array([sample.label for sample in samples], np.uint8)
        return cls("samples", Split(images, labels))

    def __len__(self) -> int:
        """Number of digits."""
        return len(self.split)

    def digit(self, index: int) -> Digit:
        """The digit at an index."""
        return Digit.of(self.split.images[index])

    def label(self, index: int) -> int:
        """Its true class, 0..9."""
        return int(self.split.labels[index])

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The id of each digit."""
        return tuple(self.digit(index).id for index in range(len(self)))

    @cached_property
    def index_by_id(self) -> Mapping[str, int]:
        """The index of each id; the first for a digit that occurs twice."""
        return {digit: len(self) - 1 - index for index, digit in enumerate(reversed(self.ids))}

    @cached_property
    def sha256(self) -> str:
        """Hash of all images and labels, hexadecimal."""
        digest = hashlib.sha256(self.split.images.tobytes())
        digest.update(self.split.labels.tobytes())
        return digest.hexdigest()
