"""Graphs of activations held against Keras, and what verification says of a graph."""

import numpy as np
import pytest

from skiplens.core.manifest import GraphInfo
from skiplens.engine.litert import run_once
from skiplens.errors import CompileError
from skiplens.network.litert_graphs import BY_LARGEST, Arrays, compile_activations, trials, verify
from skiplens.network.tracing import InstrumentedModel, instrument
from tests.network.tiny import Array, images, numpy, tiny_network

BRANCH_SCALES = np.array([[1, 1, 1], [0, 0, 0], [0.3, 0.8, 0.6], [1, 0, 1]], np.float32)


@pytest.fixture(scope="module")
def traced() -> InstrumentedModel:
    return instrument(tiny_network())


@pytest.mark.parametrize("branch_scales", BRANCH_SCALES, ids=str)
def test_activations_equal_keras(branch_scales: Array, traced: InstrumentedModel) -> None:
    graph = compile_activations(traced)
    assert graph.outputs == tuple(layer.name for layer in traced.layers)
    assert set(graph.inputs) == {"image", "branch_scales"}
    inputs = {"image": images(), "branch_scales": branch_scales[None]}
    info = GraphInfo("x.tflite", graph.inputs, graph.outputs, 0.0)
    found = run_once(graph.content, info, inputs)
    wanted = traced.model(inputs, training=False)
    for name, value in found.items():
        np.testing.assert_allclose(value, numpy(wanted[name]), atol=1e-4, err_msg=name)


INFO = GraphInfo("graph.tflite", ("image",), ("large", "small"), 0.0)


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


def test_a_wider_tolerance_is_found_only_where_the_first_is_exceeded(
    traced: InstrumentedModel,
) -> None:
    asked: list[str] = []

    def beyond() -> float:
        asked.append("")
        return 0.5

    measure = BY_LARGEST._replace(beyond=beyond)

    def run(content: bytes, info: GraphInfo, inputs: Arrays) -> dict[str, Array]:
        return {name: value * np.float32(factor) for name, value in reference(inputs).items()}

    factor = 1.0
    assert verify(b"", INFO, run, reference, traced, measure) == 0
    assert not asked
    factor = 1.25
    assert verify(b"", INFO, run, reference, traced, measure) == pytest.approx(0.25)
    assert len(asked) == 1
    factor = 1.75
    with pytest.raises(CompileError, match=r"at most 0\.5 is allowed"):
        verify(b"", INFO, run, reference, traced, measure)
