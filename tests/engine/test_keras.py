"""The Keras engine and its batches."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import cast

import keras
import numpy as np
import pytest

from skiplens.engine import keras as keras_engine
from skiplens.engine import keras as module
from skiplens.engine import litert
from skiplens.engine.keras import Batcher, KerasEngine
from skiplens.engine.model_folder import open_folder
from skiplens.errors import BusyError, ModelError
from skiplens.network import tracing
from tests.engine.threads import PATIENCE, Held, Stages, started
from tests.network.tiny import SAVES_WITH_KERAS, Array, Tensor, images

pytestmark = SAVES_WITH_KERAS


def test_the_network_is_held_against_the_manifest_before_it_is_loaded(
    spoilt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []
    monkeypatch.setattr(tracing, "load_network", loaded.append)
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


def test_without_litert_it_shows_activations_and_says_that_gradients_are_missing(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = np.ones(3, np.float32)
    whole = KerasEngine(open_folder(tiny_folder), "CPU", 4)
    monkeypatch.setattr(litert, "MISSING", "No module named 'ai_edge_litert'")
    engine = KerasEngine(open_folder(tiny_folder), "CPU", 4)
    assert whole.manifest.no_gradients is None
    assert engine.manifest.no_gradients == "this machine has no LiteRT"
    assert list(engine.manifest.graphs) == ["activations"]
    found, wanted = engine.activations(images(), on), whole.activations(images(), on)
    np.testing.assert_array_equal(found["block1.sum"], wanted["block1.sum"])
    assert engine.waiting == 0
    with pytest.raises(ModelError, match="no LiteRT, which runs this graph"):
        engine.gradients(images(), on, 3)
    whole.close()
    engine.close()


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


def double(inputs: dict[str, Array]) -> dict[str, Array]:
    return {"double": inputs["x"] * 2, "rows": np.repeat(inputs["x"], 3, axis=1)}


def request(value: float) -> dict[str, Array]:
    return {"x": np.array([[value]], np.float32)}


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Stages:
    stages = Stages()
    monkeypatch.setattr(module, "timed", stages)
    return stages


@pytest.fixture
def held() -> Held:
    return Held(double)


@pytest.fixture
def open_batcher(held: Held) -> Iterator[Callable[[int], Batcher]]:
    """Makes batchers that run ``held``; they are let go and closed at the end."""
    opened: list[Batcher] = []

    def make(max_waiting: int) -> Batcher:
        opened.append(Batcher(held, max_waiting))
        return opened[-1]

    yield make
    held.let_go()
    for batcher in opened:
        batcher.close()


def sizes(held: Held) -> list[int]:
    return [len(call[0]["x"]) for call in held.calls]


def test_one_request_is_answered_without_its_batch_axis(
    held: Held, open_batcher: Callable[[int], Batcher]
) -> None:
    held.let_go()
    found = open_batcher(8).submit(request(3.0))
    assert {name: value.tolist() for name, value in found.items()} == {
        "double": [6.0],
        "rows": [3.0, 3.0, 3.0],
    }


def test_what_arrives_meanwhile_becomes_one_batch_of_a_power_of_two(
    held: Held, stages: Stages, open_batcher: Callable[[int], Batcher]
) -> None:
    batcher = open_batcher(8)
    futures = [started(lambda: batcher.submit(request(0.0)))]
    assert held.entered.acquire(timeout=PATIENCE)
    futures += [started(partial(batcher.submit, request(value))) for value in (1, 2, 3)]
    for _ in futures:
        assert stages.entered.acquire(timeout=PATIENCE)
    assert batcher.waiting == 3
    held.let_go()
    found = [future.result(PATIENCE)["double"].tolist() for future in futures]
    assert found == [[0.0], [2.0], [4.0], [6.0]]
    assert sizes(held) == [1, 4]
    assert batcher.waiting == 0


def test_no_batch_is_larger_than_the_largest(
    held: Held,
    stages: Stages,
    open_batcher: Callable[[int], Batcher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_BATCH", 2)
    batcher = open_batcher(8)
    futures = [started(lambda: batcher.submit(request(0.0)))]
    assert held.entered.acquire(timeout=PATIENCE)
    futures += [started(lambda: batcher.submit(request(1.0))) for _ in range(5)]
    for _ in futures:
        assert stages.entered.acquire(timeout=PATIENCE)
    held.let_go()
    for future in futures:
        future.result(PATIENCE)
    assert sizes(held) == [1, 2, 2, 1]


def test_answers_are_the_callers_own(held: Held, open_batcher: Callable[[int], Batcher]) -> None:
    held.let_go()
    batcher = open_batcher(8)
    first = batcher.submit(request(1.0))
    first["double"][:] = 99
    assert batcher.submit(request(1.0))["double"].tolist() == [2.0]
    assert first["double"].base is None


class Uncopied:
    """An output for whose copy memory lacks."""

    def __getitem__(self, row: int) -> Array:
        raise MemoryError("no room")


@pytest.mark.parametrize("error", [ValueError, MemoryError])
def test_an_error_is_its_batchs_alone(error: type[Exception]) -> None:
    def run(inputs: dict[str, Array]) -> Mapping[str, Array]:
        if inputs["x"][0, 0] >= 0:
            return double(inputs)
        if error is MemoryError:
            return {"double": cast("Array", Uncopied())}
        raise error("negative")

    batcher = Batcher(run, 8)
    with pytest.raises(error):
        started(lambda: batcher.submit(request(-1.0))).result(PATIENCE)
    assert batcher.submit(request(1.0))["double"].tolist() == [2.0]
    batcher.close()


def test_closing_finishes_what_waits_and_takes_no_more(
    held: Held, stages: Stages, open_batcher: Callable[[int], Batcher]
) -> None:
    batcher = open_batcher(8)
    futures = [started(lambda: batcher.submit(request(0.0)))]
    assert held.entered.acquire(timeout=PATIENCE)
    futures += [started(lambda: batcher.submit(request(1.0))) for _ in range(2)]
    for _ in futures:
        assert stages.entered.acquire(timeout=PATIENCE)
    closing = started(batcher.close)
    held.let_go()
    closing.result(PATIENCE)
    assert [future.result(PATIENCE)["double"].tolist() for future in futures] == [[0], [2], [2]]
    with pytest.raises(BusyError, match="is closing and accepts no more"):
        started(lambda: batcher.submit(request(1.0))).result(PATIENCE)
    batcher.close()
