"""Holding graphs against Keras: what is tried, how deviation is measured, what is refused."""

import numpy as np
import pytest

from skiplens.core.manifest import GraphInfo
from skiplens.errors import CompileError
from skiplens.network.compiling import Arrays, trials, verify
from skiplens.network.tracing import InstrumentedModel, instrument
from tests.network.tiny import Array, tiny_network

INFO = GraphInfo("graph.tflite", ("image",), ("large", "small"), 0.0)


@pytest.fixture(scope="module")
def traced() -> InstrumentedModel:
    return instrument(tiny_network())


def reference(inputs: Arrays) -> dict[str, Array]:
    image = inputs["image"]
    return {"large": image * 100, "small": image * np.float32(0.01)}


def deviating(**by: float) -> float:
    """What verifying says of a graph whose outputs are off by that much at one place."""

    def run(content: bytes, info: GraphInfo, inputs: Arrays) -> dict[str, Array]:
        assert set(inputs) == {"image"}
        found = reference(inputs)
        for name, difference in by.items():
            found[name].flat[5] += difference
        return found

    return verify(b"", INFO, run, reference, instrument(tiny_network()))


def test_trials_are_the_same_every_time_and_open_shut_and_mix_the_gates(
    traced: InstrumentedModel,
) -> None:
    first, second = trials(traced), trials(traced)
    for one, same in zip(first, second, strict=True):
        assert all(np.array_equal(one[name], same[name]) for name in one)
    branch_scales = [trial["branch_scales"] for trial in first]
    assert branch_scales[0].min() == 1
    assert branch_scales[1].max() == 0
    assert 0 < branch_scales[2].min() < branch_scales[2].max() < 1
    images = np.stack([trial["image"] for trial in first])
    assert (images.min(), images.max()) == (0, 1)
    assert images.dtype == np.float32
    assert {int(trial["target"].argmax()) for trial in first} == set(range(6))


def test_deviation_is_relative_to_each_output() -> None:
    assert deviating() == 0
    assert deviating(large=1e-3) == pytest.approx(1e-5, rel=0.05)
    assert deviating(small=1e-7) == pytest.approx(1e-5, rel=0.05)


@pytest.mark.parametrize(
    "by", [{"large": 0.02}, {"small": 2e-6}, {"small": np.nan}, {"large": -np.inf}], ids=str
)
def test_too_much_of_it_is_refused_by_name(by: dict[str, float]) -> None:
    with pytest.raises(
        CompileError, match=rf"graph\.tflite differs from Keras at {next(iter(by))}"
    ):
        deviating(**by)


@pytest.mark.parametrize("kept", [{}, {"large": np.zeros((1, 28, 28, 1), np.float32)}], ids=len)
def test_an_output_that_is_missing_is_refused(
    kept: dict[str, Array], traced: InstrumentedModel
) -> None:
    with pytest.raises(CompileError, match="differs from Keras at"):
        verify(b"", INFO, lambda content, info, inputs: kept, reference, traced)


def test_an_output_of_another_shape_is_refused_even_if_it_would_broadcast(
    traced: InstrumentedModel,
) -> None:
    def run(content: bytes, info: GraphInfo, inputs: Arrays) -> dict[str, Array]:
        return {name: value[0] for name, value in reference(inputs).items()}

    with pytest.raises(CompileError, match="differs from Keras at large by inf"):
        verify(b"", INFO, run, reference, traced)
