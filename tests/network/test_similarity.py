"""Similarity of the layers of compiled networks, on tiny ones."""

from pathlib import Path

import numpy as np
import pytest

from skiplens.core.manifest import Manifest
from skiplens.engine.litert import run_once
from skiplens.engine.model_folder import open_folder
from skiplens.errors import CompileError
from skiplens.mnist import Split
from skiplens.network import similarity
from skiplens.network.compiling import compile_network
from skiplens.network.similarity import measure_similarities, representation
from skiplens.network.tracing import instrument, load_network
from tests.network.tiny import (
    SAVES_WITH_KERAS,
    Array,
    compile_tiny,
    images,
    numpy,
    randomise,
    tiny_network,
    without_gradients,
)

pytestmark = SAVES_WITH_KERAS

LAYERS = ("stem.output", "block1.output", "block2.output", "block3.output", "head.logits")


@pytest.fixture(scope="module")
def digits_to_test() -> Split:
    pixels = np.round(images(40)[..., 0] * 255).astype(np.uint8)
    return Split(pixels, np.zeros(40, np.uint8))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, digits_to_test: Split) -> Path:
    """Two compiled networks, the second measured when compiled, and one without a Keras file."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "graphs-only").mkdir()
    (folder / "graphs-only" / "manifest.json").write_text("{}", encoding="utf-8")
    (folder / "second").mkdir()
    randomise(tiny_network(), seed=5).save(folder / "second" / "network.keras")
    with without_gradients():
        compile_tiny(folder / "first")
        compile_network(folder / "second", run_once, lambda: digits_to_test)
    return folder


def manifest(models: Path, name: str) -> Manifest:
    return open_folder(models / name).manifest


def activations(folder: Path, digits: Split) -> dict[str, Array]:
    traced = instrument(load_network(folder / "network.keras"))
    scales = np.ones((len(digits), 3), np.float32)
    inputs = {"image": digits.inputs(), "branch_scales": scales}
    return {name: numpy(value) for name, value in traced.model(inputs, training=False).items()}


def cka_of_features(x: Array, y: Array) -> float:
    """Equation 3 of Kornblith et al. 2019, in feature space."""
    a, b = (maps.reshape(len(maps), -1).astype(np.float64) for maps in (x, y))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    norms = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    return float(np.linalg.norm(b.T @ a) ** 2 / norms)


def test_compiling_compares_a_network_with_the_others_of_its_folder(
    models: Path, digits_to_test: Split
) -> None:
    assert manifest(models, "first").similarity == ()
    (found,) = manifest(models, "second").similarity
    assert (found.network, found.digits) == ("first", 40)
    assert found.sha256 == manifest(models, "first").files["network.keras"]
    assert (found.layers, found.other_layers) == (LAYERS, LAYERS)
    own, other = (activations(models / name, digits_to_test) for name in ("second", "first"))
    for row, name in zip(found.cka, LAYERS, strict=True):
        expected = [cka_of_features(own[name], other[column]) for column in LAYERS]
        assert row == pytest.approx(expected, abs=1e-4)


def test_all_networks_are_measured_again(models: Path, digits_to_test: Split) -> None:
    before = manifest(models, "second")
    steps: list[tuple[int, int]] = []
    measured = measure_similarities(models, digits_to_test, lambda *step: steps.append(step))
    assert steps == [(1, 2), (2, 2)]
    assert manifest(models, "second") == before
    assert measured == {name: manifest(models, name).similarity for name in ("first", "second")}
    (found,) = manifest(models, "first").similarity
    assert np.array(found.cka).T.tolist() == np.array(before.similarity[0].cka).tolist()


def test_more_digits_than_needed_are_thinned_out_evenly(
    models: Path, digits_to_test: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similarity, "SIMILARITY_DIGITS", 8)
    few = representation(models / "first", digits_to_test, batch_size=3)
    every_fifth = Split(digits_to_test.images[::5], digits_to_test.labels[::5])
    same = representation(models / "first", every_fifth, batch_size=8)
    for name, gram in few.grams.items():
        assert gram.shape == (8, 8)
        assert np.allclose(gram, same.grams[name], rtol=1e-4, atol=1e-4)


def test_a_network_that_was_changed_is_not_measured(
    models: Path, digits_to_test: Split, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    changed.mkdir()
    for name in ("manifest.json", "network.keras"):
        (changed / name).write_bytes((models / "first" / name).read_bytes())
    with (changed / "network.keras").open("ab") as file:
        file.write(b"0")
    with pytest.raises(CompileError, match="changed has changed since it was compiled"):
        measure_similarities(tmp_path, digits_to_test)
