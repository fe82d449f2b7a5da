"""Where digits are kept: the samples that ship, and behind them a store of what people brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.core.digit import Digit
from app.core.preparation import ink_box
from app.samples import Sample

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class StoredDigit:
    """A digit and how it came about.

    Attributes:
        digit: what networks are given.
        inverted: whether the source was dark on light.
        box: ``(x, y, width, height)`` of the ink in the source, pixels.
        warnings: sentences about what may be wrong with it.
        label: what it is meant to be; known of samples and of the data set's digits only.
        style: how it is written; known of samples only.
        place: its index in the data set, from 0; ``None`` where it is not of it.
    """

    digit: Digit
    inverted: bool
    box: Box
    warnings: tuple[str, ...]
    label: int | None = None
    style: str | None = None
    place: int | None = None


class DigitStore(Protocol):
    """Keeps digits by their id."""

    def get(self, digit: str) -> StoredDigit:
        """The digit of that id.

        Raises:
            UnknownDigitError: it is not kept.
        """

    def put(self, stored: StoredDigit) -> StoredDigit:
        """Keep a digit; one that is kept already stays as it is.

        Returns:
            The digit as it was brought, with the label and place that it is known by.

        Raises:
            StoreError: it cannot be kept just now.
        """

    def count(self) -> int:
        """How many digits are kept."""

    def close(self) -> None:
        """Close what is open."""


class WithSamples:
    """Puts the samples that ship in front of another store; they need no room in it."""

    def __init__(self, store: DigitStore, samples: Sequence[Sample]) -> None:
        self._store = store
        self.samples: Mapping[str, StoredDigit] = {
            sample.digit.id: StoredDigit(
                sample.digit, False, ink_box(sample.digit.pixels), (), sample.label, sample.style
            )
            for sample in samples
        }

    def get(self, digit: str) -> StoredDigit:
        """The sample of that id, else what the other store keeps."""
        return self.samples.get(digit) or self._store.get(digit)

    def put(self, stored: StoredDigit) -> StoredDigit:
        """Keep a digit, unless it is a sample."""
        sample = self.samples.get(stored.digit.id)
        if sample is None:
            return self._store.put(stored)
        return replace(stored, label=sample.label, style=sample.style)

    def count(self) -> int:
        """How many digits the other store keeps."""
        return self._store.count()

    def close(self) -> None:
        """Close the other store."""
        self._store.close()
