"""Gradients by path and along a line; contracts check the numbers."""

from collections.abc import Mapping

import numpy as np
import pytest

from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError
from skiplens.samples import load_samples
from skiplens.service.forward import ForwardPass, branch_scales, run_network
from skiplens.service.gradients import gradient_by_path, shares_by_path_length, slopes_between


def test_gradients_are_of_the_predicted_class_unless_told(
    engine: Engine, forward_passes: dict[str, ForwardPass]
) -> None:
    forward = forward_passes["mnist-resnet"]
    assert gradient_by_path(engine, forward).target == 7
    assert gradient_by_path(engine, forward, 2).target == 2
    with pytest.raises(InvalidParameterError, match="target must be 0 to 9; got '10'"):
        gradient_by_path(engine, forward, 10)


def test_slopes_are_the_differences_of_the_logit_along_the_line(engine: Engine) -> None:
    start, end = (sample.digit for sample in load_samples()[:2])
    found = slopes_between(engine, AS_TRAINED, start, end, 3, 4)
    on = branch_scales(engine.manifest, AS_TRAINED)

    def logit(place: float) -> float:
        image = (1 - place) * start.as_input() + place * end.as_input()
        return float(engine.activations(image.astype(np.float32), on)["head.logits"][0, 0, 3])

    logits = [logit(at / 4) for at in range(5)]
    np.testing.assert_allclose(found, 4 * np.diff(logits), atol=1e-3)


def test_only_streams_of_convolutions_have_path_lengths(
    forward_passes: dict[str, ForwardPass], engines: Mapping[str, Engine]
) -> None:
    for name in ("mnist-stream", "mnist-resnet", "mnist-classic", "mnist-highway", "mnist-plain"):
        shares = shares_by_path_length(engines[name], forward_passes[name])
        assert (shares is not None) is (name == "mnist-stream")


def test_no_gradient_takes_a_branch_that_is_off(engines: Mapping[str, Engine]) -> None:
    engine, digit = engines["mnist-stream"], load_samples()[0].digit
    off = Scales(tuple((name, 0.0) for name in engine.manifest.disableable_blocks[1:]))
    shares = shares_by_path_length(engine, run_network(engine, digit, off))
    assert shares is not None
    assert shares[:2].all()
    assert not shares[2:].any()
