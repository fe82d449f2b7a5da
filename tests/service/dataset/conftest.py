"""A small data set to index."""

import pytest

from skiplens.service.dataset.labelled_digits import Collection
from tests.idx import shifted_samples


@pytest.fixture(scope="session")
def shifted() -> Collection:
    """240 digits: the samples, shifted."""
    return Collection("dataset", shifted_samples())
