"""The LiteRT engine alone: a pool for each graph, and what a broken network comes to."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from skiplens.core.manifest import GraphInfo
from skiplens.engine import litert
from skiplens.engine.keras import KerasEngine
from skiplens.engine.litert import LiteRTEngine, LiteRTGraph
from skiplens.engine.model_folder import open_folder
from skiplens.errors import ModelError, NonFiniteError
from skiplens.network.graphs import compile_activations, compile_gradients
from skiplens.network.tracing import instrument
from tests.network.tiny import SAVES_WITH_KERAS, images, tiny_network

pytestmark = SAVES_WITH_KERAS

ON = np.ones(3, np.float32)


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Put another file in place, manifest included."""
    (folder / name).write_bytes(content)
    path = folder / "manifest.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["files"][name] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(record), encoding="utf-8")


def test_each_graph_has_as_many_interpreters_as_asked_for(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    class Counted(LiteRTGraph):
        def __init__(self, content: bytes, info: GraphInfo) -> None:
            super().__init__(content, info)
            made.append(info.file)

    monkeypatch.setattr(litert, "LiteRTGraph", Counted)
    engine = LiteRTEngine(open_folder(tiny_folder), 3, 0)
    assert made == ["activations.tflite"] * 3 + ["gradients.tflite"] * 3
    engine.activations(images(), ON)
    engine.gradients(images(), ON, 0)
    engine.close()
    assert len(made) == 6


def test_a_graph_that_is_not_the_manifests_is_told(spoilt: Path) -> None:
    rewrite(spoilt, "gradients.tflite", (spoilt / "activations.tflite").read_bytes())
    with pytest.raises(
        ModelError, match=r"gradients\.tflite takes gates, image and returns 30 arr"
    ):
        LiteRTEngine(open_folder(spoilt), 1, 0)


def test_weights_that_are_no_numbers_are_an_error_in_both_engines(spoilt: Path) -> None:
    network = tiny_network()
    network.get_layer("stem.conv").bias.assign(np.array([0, np.nan, 0], np.float32))
    rewrite(spoilt, "activations.tflite", compile_activations(instrument(network)).content)
    rewrite(spoilt, "gradients.tflite", compile_gradients(network).content)
    network.save(spoilt / "network.keras")
    rewrite(spoilt, "network.keras", (spoilt / "network.keras").read_bytes())
    engines = (
        LiteRTEngine(open_folder(spoilt), 1, 0),
        KerasEngine(open_folder(spoilt), "CPU", 1),
    )
    for engine in engines:
        with pytest.raises(NonFiniteError, match=r"layer stem\.conv holds a value that is NaN"):
            engine.activations(images(), ON)
        with pytest.raises(NonFiniteError):
            engine.gradients(images(), ON, 0)
        engine.close()
