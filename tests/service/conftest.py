"""What every network that ships makes of one digit."""

from collections.abc import Mapping

import pytest

from skiplens.core.digit import Digit
from skiplens.engine.base import Engine
from skiplens.service.forward import EngineExaminer, Examination


@pytest.fixture(scope="session")
def examinations(engines: Mapping[str, Engine], digit: Digit) -> dict[str, Examination]:
    """The same seven in every network."""
    return {name: EngineExaminer().examine(one, digit, ()) for name, one in engines.items()}
