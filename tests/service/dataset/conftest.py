"""A small data set to index."""

import pytest

from skiplens.service.dataset import LabelledDigits
from tests.idx import shifted_samples


@pytest.fixture(scope="session")
def shifted() -> LabelledDigits:
    """240 digits: the samples, shifted."""
    return LabelledDigits("dataset", shifted_samples())
