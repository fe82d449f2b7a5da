"""The samples in front of a store."""

from pathlib import Path

import numpy as np

from skiplens.core.digit import Digit
from skiplens.samples import load_samples
from skiplens.service.digit_store import LayeredDigitStore, SQLiteDigitStore, StoredDigit


def test_samples_are_there_without_taking_room(tmp_path: Path) -> None:
    store = LayeredDigitStore(SQLiteDigitStore(tmp_path / "d", 3), load_samples())
    sample = load_samples()[0]
    found = store.get(sample.digit.id)
    assert (found.label, found.style) == (sample.label, sample.style)
    store.put(found)
    assert store.count() == 0
    nine = StoredDigit(Digit.of(np.full((28, 28), 9, np.uint8)), True, (1, 2, 3, 4), ())
    store.put(nine)
    assert (store.get(nine.digit.id).digit.pixels == 9).all()
    store.close()
