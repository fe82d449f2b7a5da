"""The Keras engine alone: it loads what its manifest names, in batches, and fails in a sentence."""

import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from skiplens.engine import keras as keras_engine
from skiplens.engine.keras import KerasEngine
from skiplens.engine.model_folder import open_folder
from skiplens.errors import ModelError
from skiplens.network import tracing
from tests.engine.threads import PATIENCE, Held, Stages, started
from tests.network.tiny import SAVES_WITH_KERAS, Array, Tensor, images

pytestmark = SAVES_WITH_KERAS


def test_the_network_is_held_against_the_manifest_before_it_is_loaded(
    spoilt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []
    monkeypatch.setattr(tracing, "load_instrumented", loaded.append)
    (spoilt / "network.keras").write_bytes(b"another network")
    with pytest.raises(ModelError, match=r"network\.keras does not match its manifest"):
        KerasEngine(open_folder(spoilt), "CPU", 4)
    assert loaded == []


def test_what_keras_cannot_load_is_told(spoilt: Path) -> None:
    content = b"no network at all"
    (spoilt / "network.keras").write_bytes(content)
    path = spoilt / "manifest.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["files"]["network.keras"] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ModelError, match=r"^Keras cannot load .*network\.keras: ") as caught:
        KerasEngine(open_folder(spoilt), "CPU", 4)
    assert "\n" not in str(caught.value)


def test_requests_that_wait_run_as_one_batch(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, waits = Held(keras.Model.predict_on_batch), Stages()

    def predict(self: Tensor, inputs: dict[str, Array]) -> dict[str, Array]:
        found: dict[str, Array] = held(self, inputs)
        return found

    monkeypatch.setattr(keras.Model, "predict_on_batch", predict)
    engine = KerasEngine(open_folder(tiny_folder), "H200", 8)
    calls = [started(lambda: engine.activations(images(), np.ones(3, np.float32)))]
    assert held.entered.acquire(timeout=PATIENCE)
    monkeypatch.setattr(keras_engine, "timed", waits)
    off = np.zeros(3, np.float32)
    calls += [started(lambda: engine.activations(images(), off)) for _ in range(3)]
    for _ in range(3):
        assert waits.entered.acquire(timeout=PATIENCE)
    held.let_go()
    first, *others = [call.result(PATIENCE)["block1.residual"] for call in calls]
    assert first.any()
    assert not any(residual.any() for residual in others)
    assert [len(call[1]["image"]) for call in held.calls] == [1, 4]
    assert engine.device == "H200"
    engine.close()
