"""Compiling, and verification against Keras."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.core.manifest import GraphInfo, Manifest
from skiplens.engine.litert import run_once
from skiplens.engine.model_folder import open_folder
from skiplens.errors import CompileError
from skiplens.mnist import Split
from skiplens.network import compiling
from skiplens.network.compiling import (
    Arrays,
    RunGraph,
    Tolerance,
    compile_network,
    trials,
    verify,
)
from skiplens.network.litert_graphs import Graph, gradient_names, reference_gradients
from skiplens.network.tracing import InstrumentedModel, instrument
from tests.network.tiny import SAVES_WITH_KERAS, Array, numpy, tiny_network

pytestmark = SAVES_WITH_KERAS


@pytest.fixture
def folder(tiny_folder: Path) -> Path:
    """A compiled network that tests leave as it is."""
    return tiny_folder


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder that holds a network and nothing else."""
    folder = tmp_path / "saved"
    folder.mkdir()
    tiny_network().save(folder / "network.keras")
    return folder


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_folder_opens_and_its_manifest_says_what_is_in_it(folder: Path) -> None:
    network = keras.models.load_model(folder / "network.keras")
    manifest = open_folder(folder).manifest
    assert (manifest.id, manifest.title) == ("tiny", "tiny")
    assert manifest.input_shape == (28, 28, 1)
    assert manifest.classes == tuple("0123456789")
    assert manifest.parameters == network.count_params()
    assert sum(layer.parameters for layer in manifest.layers) == manifest.parameters
    assert manifest.disableable_blocks == ("block1", "block2", "block3")
    assert (manifest.test_accuracy, manifest.evaluation, manifest.training) == (None, None, None)
    assert set(manifest.graphs) == {"activations", "gradients"}
    assert all(0 < graph.deviation < 1e-5 for graph in manifest.graphs.values())
    contents = files(folder) - {"manifest.json"}
    assert contents == set(manifest.files)
    for name in contents:
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert manifest.files[name] == found


def test_the_manifest_survives_being_written(saved: Path) -> None:
    record = {"recipe": {"network": "tiny", "phases": [1, 2]}, "commit": "abc", "history": []}
    (saved / "training.json").write_text(json.dumps(record), encoding="utf-8")
    rng = np.random.default_rng(0)
    test = Split(rng.integers(0, 256, (20, 28, 28), np.uint8), rng.integers(0, 10, 20, np.uint8))
    steps: list[tuple[int, int]] = []
    written = compile_network(
        saved, run_once, lambda: test, lambda done, of: steps.append((done, of))
    )
    assert open_folder(saved).manifest == written
    assert written.training == record
    assert written.test_accuracy
    assert written.test_accuracy.digits == 20
    assert written.evaluation
    assert len(written.evaluation.ablations) == steps[-1][0] == steps[-1][1] == 3 + 3


def test_weights_are_those_of_keras(folder: Path) -> None:
    network = keras.models.load_model(folder / "network.keras")
    weights = open_folder(folder).weights
    assert sum(weight.size for weight in weights.values()) == network.count_params()
    kernel = network.get_layer("stem.conv").kernel
    assert np.array_equal(weights["stem.conv/kernel"], numpy(kernel))
    branch = network.get_layer("block2").layer
    mean = branch.get_layer("block2.norm1").moving_mean
    assert np.array_equal(weights["block2.norm1/moving_mean"], numpy(mean))
    gate = network.get_layer("block3").merge.layer
    assert np.array_equal(weights["block3.gate.conv/bias"], numpy(gate.bias))


def run_wrongly(graph: str, output: str, wrong: float) -> RunGraph:
    """Runs graphs, and changes one value of an output of one of them."""

    def run(content: bytes, info: GraphInfo, inputs: Mapping[str, Array]) -> dict[str, Array]:
        found = run_once(content, info, inputs)
        if info.file == graph:
            found[output].flat[0] += wrong * np.abs(found[output]).max()
        return found

    return run


@pytest.mark.parametrize("wrong", [np.nan, 1e-3])
def test_activations_that_do_not_agree_are_not_written(wrong: float, saved: Path) -> None:
    run = run_wrongly("activations.tflite", "block1.sum", wrong)
    with pytest.raises(
        CompileError, match=r"activations\.tflite differs from Keras at block1\.sum"
    ):
        compile_network(saved, run)
    assert files(saved) == {"network.keras"}


@pytest.mark.parametrize("wrong", [np.nan, 0.1])
def test_gradients_that_do_not_agree_are_left_out_and_that_is_said(
    wrong: float, saved: Path
) -> None:
    run = run_wrongly("gradients.tflite", "block1.x:identity", wrong)
    compile_network(saved, run)
    manifest = open_folder(saved).manifest
    assert set(manifest.graphs) == {"activations"}
    assert manifest.no_gradients
    assert "gradients.tflite differs from Keras at block1.x:identity" in manifest.no_gradients
    assert "gradients.tflite" not in files(saved)


def test_a_training_record_that_is_no_json_is_told_before_anything_is_written(saved: Path) -> None:
    (saved / "training.json").write_text("{", encoding="utf-8")
    with pytest.raises(CompileError, match=r"training\.json is not JSON"):
        compile_network(saved, run_once)
    assert files(saved) == {"network.keras", "training.json"}


def test_a_missing_network_is_told(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"network\.keras is not a Keras network that can be"):
        compile_network(tmp_path, run_once)
    assert not files(tmp_path)


def test_titles_come_by_id(folder: Path) -> None:
    manifest: Manifest = open_folder(folder).manifest
    assert manifest.summary == "A network compiled by its user."


def test_channels_that_come_first_are_refused(tmp_path: Path) -> None:
    inner = keras.Sequential([layers.MaxPooling2D(data_format="channels_first")], name="inner")
    parts = [layers.Permute((3, 1, 2)), inner, layers.Flatten(), layers.Dense(10)]
    keras.Sequential([keras.Input((28, 28, 1)), *parts]).save(tmp_path / "network.keras")
    with pytest.raises(CompileError, match="'inner' has its channels first"):
        compile_network(tmp_path, run_once)
    assert files(tmp_path) == {"network.keras"}


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


def test_where_rounding_adds_up_rewritten_layers_are_compared_in_double_precision(
    traced: InstrumentedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tiny_network()
    monkeypatch.setattr(compiling, "BY_LARGEST", Tolerance(compiling.BY_LARGEST.size, -1.0))
    names = gradient_names(instrument(network, paths=True))
    graph = Graph(b"", ("image", "branch_scales", "target"), names)
    expected = reference_gradients(network)
    compiling.check_flips(network, traced, graph, expected, 0.01)
    monkeypatch.setattr(compiling, "IN_DOUBLE", Tolerance(compiling.BY_LARGEST.size, -1.0))
    with pytest.raises(CompileError, match=r"gradients\.tflite differs from Keras"):
        compiling.check_flips(network, traced, graph, expected, 0.01)
    compiling.check_flips(network, traced, graph, expected, 0.0005)


def test_a_wider_tolerance_is_found_only_where_the_first_is_exceeded(
    traced: InstrumentedModel,
) -> None:
    asked: list[str] = []

    def beyond() -> float:
        asked.append("")
        return 0.5

    measure = compiling.BY_LARGEST._replace(beyond=beyond)

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


def test_rounding_alone_moves_gradients_a_little(traced: InstrumentedModel) -> None:
    network = tiny_network()
    names = gradient_names(instrument(network, paths=True))
    graph = Graph(b"", ("image", "branch_scales", "target"), names)
    noise = compiling.rounding_noise(network, traced, graph, reference_gradients(network))
    assert 0 < noise < 1e-4
