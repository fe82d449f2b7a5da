from collections.abc import Mapping

import numpy as np
import pytest

from app.engine.protocol import Engine
from app.service.examination import Examination
from app.service.readout import readouts


def test_the_last_readout_is_the_answer(
    engines: Mapping[str, Engine], examinations: dict[str, Examination]
) -> None:
    for name, engine in engines.items():
        found = readouts(examinations[name], engine.weights)
        assert found[-1].after == engine.manifest.blocks[-1].output
        assert np.abs(found[-1].probabilities - examinations[name].probabilities).max() < 1e-5
        for one in found:
            assert one.probabilities.sum() == pytest.approx(1, abs=1e-5)
