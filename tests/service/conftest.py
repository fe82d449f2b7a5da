"""What every network that ships makes of one digit."""

from collections.abc import Mapping

import pytest

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.service.forward import ForwardPass, run_network


@pytest.fixture(scope="session")
def forward_passes(engines: Mapping[str, Engine], digit: Digit) -> dict[str, ForwardPass]:
    """The same seven in every network."""
    return {name: run_network(one, digit, AS_TRAINED) for name, one in engines.items()}
