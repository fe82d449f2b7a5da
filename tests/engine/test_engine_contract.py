"""What every engine does."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np
import pytest

from skiplens.core.manifest import GraphInfo, LayerInfo, Manifest
from skiplens.engine import keras as keras_engine
from skiplens.engine import litert
from skiplens.engine.base import (
    Activations,
    Array,
    Engine,
    check_finite,
    figures_of,
    layers_to_check,
)
from skiplens.engine.keras import KerasEngine
from skiplens.engine.litert import LiteRTEngine, LiteRTGraph, run_once
from skiplens.engine.model_folder import open_folder
from skiplens.errors import BusyError, NonFiniteError
from skiplens.network.gradient_graph import reference_gradients
from skiplens.network.litert_graphs import compile_activations
from skiplens.network.tracing import instrument
from tests.conftest import MODELS
from tests.engine.figures import check_figures
from tests.engine.threads import PATIENCE, Held, Stages, all_at_once, started
from tests.network.tiny import SAVES_WITH_KERAS, Tensor, images, numpy, tiny_network

pytestmark = SAVES_WITH_KERAS

ON = np.ones(3, np.float32)
BRANCH_SCALES = [ON, np.zeros(3, np.float32), np.array([0.25, 1, 0.5], np.float32)]
MAKERS: dict[str, Callable[[Path, int], Engine]] = {
    "litert": lambda folder, waiting: LiteRTEngine(open_folder(folder), 2, waiting),
    "keras": lambda folder, waiting: KerasEngine(open_folder(folder), "CPU", waiting),
}


@pytest.fixture(scope="module", params=MAKERS)
def engine(request: pytest.FixtureRequest, tiny_folder: Path) -> Iterator[Engine]:
    opened = MAKERS[request.param](tiny_folder, 64)
    yield opened
    opened.close()


opened_up = cache(lambda: instrument(tiny_network()).model)
gradients_of_tape = cache(lambda: reference_gradients(tiny_network()))


def keras_activations(image: Array, branch_scales: Array) -> dict[str, Array]:
    outputs = opened_up()({"image": image, "branch_scales": branch_scales[None]}, training=False)
    return {name: numpy(value) for name, value in outputs.items()}


def keras_gradients(image: Array, branch_scales: Array, target: int) -> dict[str, Array]:
    one_hot = np.eye(10, dtype=np.float32)[[target]]
    inputs = {"image": image, "branch_scales": branch_scales[None], "target": one_hot}
    return gradients_of_tape()(inputs)


def test_it_says_what_it_is_and_runs(engine: Engine) -> None:
    assert isinstance(engine.manifest, Manifest)
    assert engine.name in {"litert", "keras"}
    assert engine.device == "CPU"
    assert engine.waiting == 0
    kernel = engine.weights["stem.conv/kernel"]
    assert kernel.shape == (3, 3, 1, 3)
    with pytest.raises(ValueError, match="read-only"):
        kernel[0] = 1


def test_activations_are_every_layers_in_its_shape(engine: Engine) -> None:
    found = engine.activations(images(), ON)
    assert {name: value.shape for name, value in found.items()} == {
        layer.name: layer.shape for layer in engine.manifest.layers
    }
    assert {value.dtype.name for value in found.values()} == {"float32"}
    assert found["head.probabilities"].sum() == pytest.approx(1)
    for layer in engine.manifest.layers:
        assert layer.signed or found[layer.name].min() >= 0


@pytest.mark.parametrize("branch_scales", BRANCH_SCALES, ids=str)
def test_activations_equal_keras(branch_scales: Array, engine: Engine) -> None:
    found, wanted = (
        engine.activations(images(), branch_scales),
        keras_activations(images(), branch_scales),
    )
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name].ravel(), value.ravel(), atol=1e-4, err_msg=name)


def test_figures_of_filters_are_those_of_the_activations(engine: Engine) -> None:
    kept = ["block1.sum", "head.logits", "block1.sum"]
    run = engine.filter_figures(kept)
    for branch_scales in BRANCH_SCALES:
        image = images()
        activations = engine.activations(image, branch_scales)
        check_figures(
            run(image, branch_scales), figures_of(activations, engine.manifest.layers, kept)
        )


@pytest.mark.parametrize("layer", ["block1.sum", "head.probabilities"])
def test_outputs_are_those_of_a_layer_in_each_forward_pass(layer: str, engine: Engine) -> None:
    given = np.concatenate([images(seed=at) for at in range(len(BRANCH_SCALES))])
    found = engine.outputs(given, np.stack(BRANCH_SCALES), layer)
    assert found.dtype == np.float32
    for output, image, branch_scales in zip(found, given, BRANCH_SCALES, strict=True):
        alone = engine.activations(image[None], branch_scales)[layer]
        np.testing.assert_allclose(output, alone, atol=1e-6)


@pytest.mark.parametrize("branch_scales", BRANCH_SCALES, ids=str)
@pytest.mark.parametrize("target", [0, 9])
def test_gradients_equal_keras(branch_scales: Array, target: int, engine: Engine) -> None:
    found, wanted = (
        engine.gradients(images(), branch_scales, target),
        keras_gradients(images(), branch_scales, target),
    )
    assert found.keys() == wanted.keys()
    shapes = {layer.name: layer.shape for layer in engine.manifest.layers}
    for name, value in wanted.items():
        tolerance = 1e-4 * max(np.abs(value).max(), 1e-6)
        np.testing.assert_allclose(found[name].ravel(), value.ravel(), atol=tolerance, rtol=0)
        assert found[name].shape == shapes.get(name, value.shape[1:])


def run(
    engine: Engine, method: str, image: Array, branch_scales: Array, target: int
) -> Activations:
    if method == "activations":
        return engine.activations(image, branch_scales)
    return engine.gradients(image, branch_scales, target)


@pytest.mark.parametrize("method", ["activations", "gradients"])
def test_results_belong_to_the_caller_and_arguments_stay_as_they_are(
    method: str, engine: Engine
) -> None:
    image, branch_scales = images(), ON.copy()
    first = run(engine, method, image, branch_scales, 1)
    kept = {name: value.copy() for name, value in first.items()}
    run(engine, method, images(seed=2), BRANCH_SCALES[1], 5)
    assert all(np.array_equal(first[name], kept[name]) for name in kept)
    for value in first.values():
        assert value.flags.writeable == (method == "gradients")
        value.flags.writeable = True  # fails on a view of memory that is not the caller's
        value[...] = np.nan
    again = run(engine, method, image, branch_scales, 1)
    assert all(np.array_equal(again[name], kept[name]) for name in kept)
    assert np.array_equal(image, images())
    assert np.array_equal(branch_scales, ON)


def test_a_reader_gets_every_layer_by_name(engine: Engine) -> None:
    wanted = engine.activations(images(seed=5), BRANCH_SCALES[2])

    def read(found: Activations, *, computed: bool) -> dict[str, Array]:
        del computed
        assert list(found) == list(wanted)
        return {name: found[name].copy() for name in found}

    for _ in range(2):
        found = engine.inspect(images(seed=5), BRANCH_SCALES[2], read)
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, atol=1e-6)


@pytest.mark.parametrize("method", ["activations", "gradients"])
def test_eight_threads_each_get_their_own_answer(method: str, engine: Engine) -> None:
    rng = np.random.default_rng(2)
    asked = [(images(seed=at), rng.random(3).astype(np.float32), at) for at in range(8)]
    calls = [partial(run, engine, method, *one) for one in asked]
    alone = [call() for call in calls]
    for _ in range(4):
        for found, wanted in zip(all_at_once(calls), alone, strict=True):
            for name, value in wanted.items():
                np.testing.assert_allclose(found[name], value, atol=1e-5)
    assert engine.waiting == 0


def test_nan_and_infinity_are_errors(engine: Engine) -> None:
    image = images()
    image[0, 14, 14, 0] = np.nan
    with pytest.raises(NonFiniteError, match=r"layer stem\.conv holds a value that is NaN"):
        engine.activations(image, ON)
    with pytest.raises(NonFiniteError):
        engine.gradients(image, ON, 0)
    engine.activations(images(), ON)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[str, Held]:
    """Holds whatever computes, in both engines."""
    helds = {"litert": Held(LiteRTGraph.run), "keras": Held(keras.Model.predict_on_batch)}

    def held_run(self: LiteRTGraph, inputs: dict[str, Array]) -> dict[str, Array]:
        found: dict[str, Array] = helds["litert"](self, inputs)
        return found

    def held_predict(self: Tensor, inputs: dict[str, Array]) -> dict[str, Array]:
        found: dict[str, Array] = helds["keras"](self, inputs)
        return found

    monkeypatch.setattr(LiteRTGraph, "run", held_run)
    monkeypatch.setattr(keras.Model, "predict_on_batch", held_predict)
    return helds


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("max_waiting", [0, 2])
def test_beyond_the_bound_callers_are_refused(
    name: str,
    max_waiting: int,
    tiny_folder: Path,
    held: dict[str, Held],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = Stages()
    engine = MAKERS[name](tiny_folder, max_waiting)
    refused = f"{max_waiting} computations are waiting already; at most {max_waiting} may wait"
    at_once = 2 if name == "litert" else 1
    calls = [started(lambda: engine.activations(images(), ON)) for _ in range(at_once)]
    for _ in calls:
        assert held[name].entered.acquire(timeout=PATIENCE)
    monkeypatch.setattr(litert, "timed", waits)
    monkeypatch.setattr(keras_engine, "timed", waits)
    calls += [started(lambda: engine.activations(images(), ON)) for _ in range(max_waiting)]
    for _ in range(max_waiting):
        assert waits.entered.acquire(timeout=PATIENCE)
    assert engine.waiting == max_waiting
    with pytest.raises(BusyError, match=refused):
        started(lambda: engine.activations(images(), ON)).result(PATIENCE)
    held[name].let_go()
    for call in calls:
        call.result(PATIENCE)
    engine.close()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e25])
@pytest.mark.parametrize("where", [(0, 0, 0), (3, 2, 1)])
def test_one_bad_value_anywhere_is_refused_by_name(wrong: float, where: tuple[int, ...]) -> None:
    good = np.ones((4, 3, 2), np.float32)
    bad = good.copy()
    bad[where] = wrong
    with pytest.raises(
        NonFiniteError, match=r"^layer block1\.sum holds a value that is NaN or inf"
    ):
        check_finite({"stem.conv": good, "block1.sum": bad})


def test_finite_values_pass() -> None:
    extremes = np.array([[0, -0.0, 1e-45, 3e18, -3e18]], np.float32)
    check_finite({"a": extremes, "b": np.zeros((0, 3), np.float32), "c": extremes[:, ::2]})


def test_few_layers_tell_of_all() -> None:
    network = open_folder(MODELS / "mnist-resnet").manifest
    told = {
        layer.role for layer in network.layers if layer.name not in layers_to_check(network.layers)
    }
    assert told == {"conv", "activation", "residual", "sum", "output"}
    assert not {"norm", "identity", "logits"} & told


def test_a_users_own_layer_of_a_parts_name_is_checked() -> None:
    own = LayerInfo("own", "Residual", "other", None, (1, 1, 1))
    assert layers_to_check([own]) == ("own",)


SPOILT = ("stem.conv", "block1.conv1", "block1.conv2", "block2.shortcut", "block3.gate.conv")
STAND_INS = {name: np.float32(0.123456 + at).tobytes() for at, name in enumerate(SPOILT)}


@cache
def with_stand_ins() -> tuple[GraphInfo, bytes, tuple[str, ...]]:
    """A graph with :data:`STAND_INS` in these layers' biases, and the layers to check of it."""
    opened = instrument(tiny_network())
    for layer in opened.model.layers:
        if layer.name in STAND_INS:
            first = np.frombuffer(STAND_INS[layer.name], np.float32)
            layer.bias.assign(np.array([*first, *layer.bias.numpy()[1:]], np.float32))
    graph = compile_activations(opened)
    info = GraphInfo("activations.tflite", graph.inputs, graph.outputs, 0.0)
    assert all(graph.content.count(one) == 1 for one in STAND_INS.values())
    return info, graph.content, layers_to_check(opened.layers)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_value_that_is_no_number_is_told_wherever_it_arises(spoilt: str, wrong: float) -> None:
    info, content, checked = with_stand_ins()
    content = content.replace(STAND_INS[spoilt], np.float32(wrong).tobytes())
    for scale in (0, 1):
        inputs = {"image": images(), "branch_scales": np.full((1, 3), scale, np.float32)}
        found = run_once(content, info, inputs)
        with pytest.raises(NonFiniteError, match="holds a value that is NaN"):
            check_finite(found, checked)
