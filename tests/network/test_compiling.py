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
from skiplens.network.compiling import compile_network
from skiplens.network.litert_graphs import RunGraph
from skiplens.network.tracing import instrument
from tests.network.tiny import (
    SAVES_WITH_KERAS,
    Array,
    Tensor,
    numpy,
    tiny_network,
    without_gradients,
)

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


def test_activations_that_do_not_agree_are_not_written(saved: Path) -> None:
    run = run_wrongly("activations.tflite", "block1.sum", 1e-3)
    differs = r"activations\.tflite differs from Keras at block1\.sum"
    with without_gradients(), pytest.raises(CompileError, match=differs):
        compile_network(saved, run)
    assert files(saved) == {"network.keras"}


def test_gradients_that_do_not_agree_are_left_out_and_that_is_said(saved: Path) -> None:
    run = run_wrongly("gradients.tflite", "block1.x:identity", np.nan)
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


class AlwaysDropped(layers.Dropout):  # type: ignore[misc]  # keras ships no types
    """Monte Carlo dropout."""

    def call(self, x: Tensor) -> Tensor:
        return super().call(x, training=True)


def test_a_random_layer_is_refused_by_name(tmp_path: Path) -> None:
    image = keras.Input((8, 8, 1))
    x = AlwaysDropped(0.5, name="dropped")(layers.Conv2D(4, 3)(image))
    model = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    with pytest.raises(CompileError, match="layer dropped is random even when not training"):
        compiling._check_values(model, instrument(model))  # noqa: SLF001


def test_a_trace_that_computes_something_else_than_the_network_is_refused(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tiny_network()
    other.get_layer("stem.conv").kernel.assign_add(0.1 * other.get_layer("stem.conv").kernel)
    traced = instrument(other)
    monkeypatch.setattr(compiling, "instrument", lambda network, **_: traced)
    with pytest.raises(CompileError, match="gives other values than its layers, called one by one"):
        compile_network(saved, run_once)
    assert files(saved) == {"network.keras"}


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
