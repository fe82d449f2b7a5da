"""The LiteRT engine, its graphs and its pool."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from skiplens.core.input_image import Digit
from skiplens.core.manifest import GraphInfo
from skiplens.engine import litert
from skiplens.engine import litert as module
from skiplens.engine.base import Engine, figures_of
from skiplens.engine.keras import KerasEngine
from skiplens.engine.litert import (
    IdleInterpreters,
    InterpreterPool,
    LiteRTEngine,
    LiteRTGraph,
    Outputs,
    run_once,
)
from skiplens.engine.model_folder import open_folder
from skiplens.errors import BusyError, ModelError, NonFiniteError, OutOfResourcesError
from tests.engine.figures import check_figures
from tests.engine.threads import PATIENCE, Stages, all_at_once, started
from tests.network.tiny import SAVES_WITH_KERAS, Array, images, numpy, tiny_network

pytestmark = SAVES_WITH_KERAS

ON = np.ones(3, np.float32)


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Put another file in place, manifest included."""
    (folder / name).write_bytes(content)
    path = folder / "manifest.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["files"][name] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(record), encoding="utf-8")


def test_of_too_many_idle_interpreters_the_oldest_gives_up_its_arrays(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[LiteRTGraph] = []
    opening = LiteRTGraph._open  # noqa: SLF001

    def counted(graph: LiteRTGraph) -> Interpreter:
        opened.append(graph)
        return opening(graph)

    monkeypatch.setattr(LiteRTGraph, "_open", counted)
    engine = LiteRTEngine(open_folder(tiny_folder), 1, 0, IdleInterpreters(1))
    before = engine.activations(images(), ON)
    engine.gradients(images(), ON, 1)
    after = [engine.activations(images(), ON) for _ in range(2)]
    activations, gradients = opened[:2]
    assert opened == [activations, gradients, activations]
    for found in after:
        assert all(np.array_equal(found[name], before[name]) for name in before)


def test_graphs_are_opened_at_their_first_use_and_an_interpreter_serves_again(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    allocated: list[str] = []

    class Counted(LiteRTGraph):
        def __init__(self, content: bytes, info: GraphInfo) -> None:
            super().__init__(content, info)
            made.append(info.file)
            interpreter = self._interpreter
            assert interpreter is not None
            allocate = interpreter.allocate_tensors

            def counted() -> None:
                allocated.append(info.file)
                allocate()

            monkeypatch.setattr(interpreter, "allocate_tensors", counted)

    monkeypatch.setattr(litert, "LiteRTGraph", Counted)
    engine = LiteRTEngine(open_folder(tiny_folder), 3, 0)
    assert not made
    for _ in range(2):
        engine.activations(images(), ON)
    assert made == allocated == ["activations.tflite"]
    engine.gradients(images(), ON, 0)
    assert made == allocated == ["activations.tflite", "gradients.tflite"]
    engine.close()


def test_a_graph_that_is_not_the_manifests_is_told(spoilt: Path) -> None:
    rewrite(spoilt, "gradients.tflite", (spoilt / "activations.tflite").read_bytes())
    engine = LiteRTEngine(open_folder(spoilt), 1, 0)
    with pytest.raises(
        ModelError, match=r"gradients\.tflite takes branch_scales, image and returns 30 arr"
    ):
        engine.gradients(images(), ON, 0)
    engine.activations(images(), ON)


def test_weights_that_are_no_numbers_are_an_error_in_both_engines(spoilt: Path) -> None:
    network = tiny_network()
    bias = network.get_layer("stem.conv").bias
    before, after = numpy(bias), np.array([0, np.nan, 0], np.float32)
    for name in ("activations.tflite", "gradients.tflite"):
        content = (spoilt / name).read_bytes()
        assert content.count(before.tobytes()) == 1
        rewrite(spoilt, name, content.replace(before.tobytes(), after.tobytes()))
    bias.assign(after)
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


INPUTS: dict[str, Array] = {"image": images(), "branch_scales": np.ones((1, 3), np.float32)}


@pytest.fixture
def info(tiny_folder: Path) -> GraphInfo:
    return open_folder(tiny_folder).manifest.graphs["activations"]


@pytest.fixture
def content(tiny_folder: Path) -> bytes:
    return (tiny_folder / "activations.tflite").read_bytes()


def test_outputs_come_by_name_whatever_else_is_handed_in(content: bytes, info: GraphInfo) -> None:
    found = LiteRTGraph(content, info).run({**INPUTS, "target": np.zeros((1, 10), np.float32)})
    assert tuple(found) == info.outputs
    assert found["stem.conv"].shape == (1, 7, 7, 3)
    assert found["head.probabilities"].sum() == pytest.approx(1)


def test_figures_of_filters_are_those_of_the_activations_of_every_network(
    engines: Mapping[str, Engine], digit: Digit
) -> None:
    image = digit.as_input()
    for engine in engines.values():
        layers = engine.manifest.layers
        on = np.ones(len(engine.manifest.disableable_blocks), np.float32)
        kept = [layers[0].name, layers[-1].name]
        wanted = figures_of(engine.activations(image, on), layers, kept)
        check_figures(engine.filter_figures(kept)(image, on), wanted)


def test_a_lack_of_memory_is_told_and_the_next_run_begins_anew(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = LiteRTEngine(open_folder(tiny_folder), 1, 0).activations(images(), ON)
    opened: list[Interpreter] = []

    def fail() -> None:
        raise RuntimeError("failed to create XNNPACK subgraph")

    def first_fails(**options: object) -> Interpreter:
        opened.append(Interpreter(**options))
        monkeypatch.setattr(opened[0], "invoke", fail)
        return opened[-1]

    monkeypatch.setattr(litert, "Interpreter", first_fails)
    engine = LiteRTEngine(open_folder(tiny_folder), 1, 0)
    with pytest.raises(OutOfResourcesError, match="tiny cannot be run, for lack of memory"):
        engine.activations(images(), ON)
    again = engine.activations(images(), ON)
    assert all(np.array_equal(again[name], expected[name]) for name in expected)


def test_an_input_that_the_graph_still_has_is_not_computed_again(
    content: bytes, info: GraphInfo
) -> None:
    graph = LiteRTGraph(content, info)
    other = {**INPUTS, "image": images(seed=9)}

    def read(found: Outputs, computed: bool) -> tuple[Array, bool]:
        assert tuple(found) == info.outputs
        return found["stem.conv"].copy(), computed

    def is_computed(inputs: dict[str, Array]) -> bool:
        value, computed = graph.inspect(inputs, read)
        assert np.array_equal(value, run_once(content, info, inputs)["stem.conv"])
        return computed

    assert [is_computed(one) for one in (INPUTS, INPUTS, other, INPUTS)] == [
        True,
        False,
        True,
        True,
    ]
    graph.run(other)
    assert is_computed(INPUTS)


def test_a_reader_that_fails_leaves_the_graph_usable(content: bytes, info: GraphInfo) -> None:
    graph = LiteRTGraph(content, info)

    def read(found: Outputs, computed: bool) -> None:
        assert computed
        kept = found["stem.conv"]
        raise NonFiniteError(f"layer of {kept.shape}")

    with pytest.raises(NonFiniteError) as caught:
        graph.inspect(INPUTS, read)
    assert caught.value.__traceback__ is not None
    graph.run({**INPUTS, "image": images(seed=9)})


@pytest.mark.parametrize("junk", [b"", b"junk" * 100])
def test_what_is_no_graph_is_told(junk: bytes, info: GraphInfo) -> None:
    with pytest.raises(ModelError, match=r"^activations\.tflite is not a LiteRT graph: "):
        LiteRTGraph(junk, info)


def test_another_graph_is_told(content: bytes, info: GraphInfo) -> None:
    with pytest.raises(
        ModelError, match=r"takes branch_scales, image and returns 30 arrays; .* and 29$"
    ):
        LiteRTGraph(content, replace(info, outputs=info.outputs[:-1]))
    with pytest.raises(ModelError, match=r"its manifest says branch_scales, image, target and 30$"):
        LiteRTGraph(content, replace(info, inputs=(*info.inputs, "target")))


class Counted:
    """Something that must never be used by two at a time."""

    made = 0

    def __init__(self) -> None:
        Counted.made += 1
        self.users = 0

    def use(self) -> int:
        self.users += 1
        users = self.users
        sum(range(100_000))  # long enough for the others to come in between
        self.users -= 1
        return users


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Stages:
    stages = Stages()
    monkeypatch.setattr(module, "timed", stages)
    return stages


def test_one_is_made_when_all_others_are_in_use() -> None:
    before = Counted.made
    pool = InterpreterPool(Counted, 3, 0)
    for _ in range(2):
        with pool.acquire(), pool.acquire():
            assert Counted.made == before + 2
    with pool.acquire(), pool.acquire(), pool.acquire():
        assert Counted.made == before + 3
        with pytest.raises(BusyError):
            started(pool.acquire().__enter__).result(PATIENCE)


def test_what_cannot_be_made_is_tried_again() -> None:
    failures = [ModelError("damaged")]

    def make() -> object:
        if failures:
            raise failures.pop()
        return object()

    pool = InterpreterPool(make, 1, 0)
    with pytest.raises(ModelError, match="damaged"), pool.acquire():
        pass
    with pool.acquire():
        pass


def test_the_preferred_one_goes_before_the_last() -> None:
    pool = InterpreterPool(object, 3, 0)
    with pool.acquire() as last, pool.acquire() as first:
        pass
    with pool.acquire(lambda item: item is first) as found:
        assert found is first
    with pool.acquire() as found:
        assert found is first
    with pool.acquire(lambda item: item is last) as found:
        assert found is last


def test_the_one_returned_last_goes_first() -> None:
    pool = InterpreterPool(object, 3, 0)
    with pool.acquire() as first, pool.acquire():
        pass
    with pool.acquire() as again:
        assert again is first


def test_no_two_callers_ever_share() -> None:
    pool = InterpreterPool(Counted, 2, 64)

    def use() -> int:
        with pool.acquire() as thing:
            return thing.use()

    assert all_at_once([use] * 16) == [1] * 16
    assert pool.waiting == 0
    with pool.acquire() as one, pool.acquire() as other:
        assert one is not other


def test_who_waits_gets_what_is_returned(stages: Stages) -> None:
    pool = InterpreterPool(object, 1, 1)

    def take() -> object:
        with pool.acquire() as thing:
            return thing

    with pool.acquire() as only:
        waiter = started(take)
        assert stages.entered.acquire(timeout=PATIENCE)
        assert pool.waiting == 1
        assert not waiter.done()
    assert waiter.result(PATIENCE) is only
    assert pool.waiting == 0


def test_what_failed_is_returned_all_the_same() -> None:
    pool = InterpreterPool(object, 1, 0)
    with pytest.raises(ZeroDivisionError), pool.acquire():
        raise ZeroDivisionError
    with pool.acquire():
        pass
