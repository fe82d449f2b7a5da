"""The flow is for the class that was asked for; its numbers are held to in tests/contracts."""

import pytest

from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError
from skiplens.service.analysis import gradient_by_path
from skiplens.service.forward import ForwardPass


def test_flow_takes_the_predicted_class_unless_told(
    engine: Engine, forward_passes: dict[str, ForwardPass]
) -> None:
    forward = forward_passes["mnist-resnet"]
    assert gradient_by_path(engine, forward).target == 7
    assert gradient_by_path(engine, forward, 2).target == 2
    with pytest.raises(InvalidParameterError, match="target must be 0 to 9; got '10'"):
        gradient_by_path(engine, forward, 10)
