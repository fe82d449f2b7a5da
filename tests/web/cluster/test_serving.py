"""The API's own tests against Ray Serve: two replicas that answer, two that run the network, and a
PostgreSQL database. Then replicas are killed.
"""

import asyncio
import inspect
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from types import ModuleType
from typing import Any, Self, cast

import anyio
import httpx2
import numpy as np
import pytest
from starlette.types import Message, Receive, Scope, Send

from skiplens.core.input_image import Digit
from skiplens.core.limits import InterpreterLimits
from skiplens.engine import select
from skiplens.engine.base import Engine
from skiplens.engine.model_folder import open_folder
from skiplens.web.http.headers import REQUEST_ID_HEADER
from tests.conftest import MODELS, PATIENCE, wait_until
from tests.postgresql import Postgresql
from tests.web.api import (
    test_activations,
    test_blocks,
    test_comparisons,
    test_digits,
    test_experiments,
    test_forward_pass,
    test_invalid_requests,
    test_live,
    test_networks,
    test_openapi,
    test_units,
    test_uploads,
)
from tests.web.cluster.ray_serve import SCALED, SECONDS, RayServe, ray_serve

if find_spec("ray") is None:
    pytest.skip("Ray is not installed (make cluster)", allow_module_level=True)

MODULES = (
    *(test_activations, test_blocks, test_comparisons, test_digits, test_experiments),
    *(test_forward_pass, test_invalid_requests, test_live, test_networks, test_openapi),
    *(test_units, test_uploads),
)


def api_tests(module: ModuleType) -> dict[str, Callable[..., None]]:
    """The tests that ask an app by the fixture ``api``, which is another one here, and that neither
    change anything within it nor compare its counts, as those are of the replica that answers.
    """
    tests = {name: test for name, test in vars(module).items() if name.startswith("test_")}
    takes = {name: inspect.signature(test).parameters for name, test in tests.items()}
    return {
        f"{name}_of_{module.__name__.rpartition('.test_')[2]}": test
        for name, test in tests.items()
        if "api" in takes[name]
        and "monkeypatch" not in takes[name]
        and "_computed" not in inspect.getsource(test)
    }


for each in MODULES:
    globals().update(api_tests(each))


@pytest.fixture(scope="module")
def serving(postgresql: Postgresql) -> Iterator[RayServe]:
    with ray_serve(postgresql.database()) as server:
        yield server


class Client(httpx2.Client):
    """A client that skips a test of what cannot be sent over HTTP."""

    def send(self, *given: Any, **options: Any) -> httpx2.Response:  # noqa: ANN401  # as its parent's
        try:
            return super().send(*given, **options)
        except httpx2.LocalProtocolError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="module")
def api(serving: RayServe) -> Iterator[Client]:
    """A client of Ray Serve, in place of the one that runs the app."""
    with Client(base_url=serving.url, timeout=PATIENCE, follow_redirects=True) as client:
        yield client


def test_there_are_two_replicas_that_answer_and_two_of_the_network(serving: RayServe) -> None:
    assert len(serving.replicas("web")) == 2
    assert len(serving.replicas("mnist-resnet")) == 2
    assert len(serving.replicas("mnist-rows")) == 1


class Replicas:
    """The handle of a replica in this process.

    Attributes:
        asked: for which layers, call by call.
    """

    def __init__(self, replica: Any) -> None:  # noqa: ANN401  # its room is imported later
        self._replica = replica
        self.asked: list[tuple[str, ...]] = []

    @property
    def compute(self) -> Self:
        return self

    async def remote(self, method: str, *given: Any) -> object:  # noqa: ANN401  # as the method says
        self.asked.append(given[2])
        return await self._replica.compute(method, *given)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own use of pydantic
def test_activations_are_sent_as_far_as_they_are_read(engine: Engine) -> None:
    from skiplens.cluster.serving import EngineReplica, RemoteEngine

    folder = open_folder(MODELS / "mnist-resnet")
    replicas = Replicas(EngineReplica(folder.path))
    image, as_trained = np.ones((1, 28, 28, 1), np.float32), np.ones(6, np.float32)
    with running_loop() as loop:
        remote = RemoteEngine(folder, cast("Any", replicas), loop, ("litert", "CPU"))
        found = remote.activations(image, as_trained)
        assert not replicas.asked
        assert not found["block2.sum"].flags.writeable
        assert found["block2.output"].shape == (28, 28, 16)
        beside = {f"block2.{part}" for part in ("residual", "sum", "output")} | {"block1.output"}
        assert [set(names) for names in replicas.asked] == [beside]
        with pytest.raises(KeyError):
            found["nothing"]
        wanted = engine.activations(image, as_trained)
        assert list(found) == list(wanted)
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array)
    assert [len(names) for names in replicas.asked] == [4, len(wanted) - 4]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own use of pydantic
def test_the_settings_bound_the_memory_of_a_replicas_interpreters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from skiplens.cluster import serving

    monkeypatch.setenv("SKIPLENS_IDLE_INTERPRETERS", "3")
    monkeypatch.setenv("SKIPLENS_MAX_INTERPRETER_BYTES", "123456789")
    given: list[tuple[object, ...]] = []

    def engines_of(*asked: Any) -> object:  # noqa: ANN401  # as it takes them
        given.append(asked)
        return select.engines_of(*asked)

    monkeypatch.setattr(serving, "engines_of", engines_of)
    serving.EngineReplica(MODELS / "mnist-resnet")
    assert [asked[-1] for asked in given] == [InterpreterLimits(3, 123456789)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own use of pydantic
def test_requests_share_threads_and_get_errors() -> None:
    from skiplens.cluster.serving import _OnServe

    started, stopped = asyncio.Event(), asyncio.Event()
    threads: list[threading.Thread] = []
    answered: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            started.set()
            await stopped.wait()
        elif scope["path"] == "/error":
            raise LookupError
        else:
            threads.append(await anyio.to_thread.run_sync(threading.current_thread))
            headers = [(REQUEST_ID_HEADER, b"1"), (b"vary", b"cookie")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        answered.append(message)

    served = _OnServe(app)
    with running_loop() as loop:

        def run(awaited: Coroutine[object, object, object]) -> object:
            return asyncio.run_coroutine_threadsafe(awaited, loop).result(PATIENCE)

        lifespan = asyncio.run_coroutine_threadsafe(
            served({"type": "lifespan"}, receive, send), loop
        )
        run(started.wait())
        for _ in range(2):
            run(served({"type": "http", "path": "/"}, receive, send))
        with pytest.raises(LookupError):
            run(served({"type": "http", "path": "/error"}, receive, send))
        run(served({"type": "http", "path": "/"}, receive, send))
        loop.call_soon_threadsafe(stopped.set)
        lifespan.result(PATIENCE)
    assert [message["headers"] for message in answered] == [[(b"vary", b"cookie")]] * 3
    assert threads == threads[:1] * 3


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def drawn(number: int) -> dict[str, object]:
    """A digit of its own for each number: a bar that is as wide, row by row, as its bits say."""
    bits = (1, *(number >> bit & 1 for bit in range(14)), 1)
    rows = [[0] * 8 + [255] * (6 + 6 * bit) + [0] * (14 - 6 * bit) for bit in bits]
    return {"pixels": [[0] * 28] * 6 + rows + [[0] * 28] * 6}


class Load:
    """Clients who ask at the same time, over connections of their own, until they are told to stop.

    Attributes:
        answers: so far, by status; 0 where a connection broke.
    """

    def __init__(
        self, serving: RayServe, ask: Callable[[httpx2.Client, int], httpx2.Response]
    ) -> None:
        self._serving, self._ask = serving, ask
        self._numbers = count(1)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(4)]
        self.answers: Counter[int] = Counter()
        self.found: dict[int, httpx2.Response] = {}

    def _work(self) -> None:
        with httpx2.Client(base_url=self._serving.url, timeout=PATIENCE) as client:
            while not self._stopped.is_set():
                number = next(self._numbers)
                try:
                    answer = self._ask(client, number)
                except httpx2.TransportError:
                    self.answers[0] += 1
                    continue
                self.answers[answer.status_code] += 1
                self.found[number] = answer

    def await_more(self, answers: int) -> None:
        """Wait for so many more good answers."""
        wanted = self._good() + answers
        wait_until(lambda: self._good() >= wanted)

    def _good(self) -> int:
        return self.answers[200] + self.answers[201]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()


def kill_one(serving: RayServe, deployment: str) -> None:
    """Kill a replica with SIGKILL."""
    os.kill(serving.replicas(deployment)[0], signal.SIGKILL)


def test_an_engine_killed_under_load_spoils_no_answer(serving: RayServe, view: str) -> None:
    def look(client: httpx2.Client, number: int) -> httpx2.Response:
        return client.get(f"{view}/prediction?scale=block1:{number / 1e4}")

    with Load(serving, look) as load:
        load.await_more(20)
        kill_one(serving, "mnist-resnet")
        load.await_more(40)
    assert set(load.answers) == {200}
    wait_until(lambda: len(serving.replicas("mnist-resnet")) == 2)


def test_a_replica_killed_under_load_loses_nothing_that_was_answered_201(serving: RayServe) -> None:
    def store(client: httpx2.Client, number: int) -> httpx2.Response:
        return client.post("/api/v1/digits", json=drawn(number))

    with Load(serving, store) as load:
        load.await_more(20)
        kill_one(serving, "web")
        load.await_more(40)
    stored = [one.json()["url"] for one in load.found.values() if one.status_code == 201]
    assert len(set(stored)) == load.answers[201] >= 60
    assert {serving.client.get(url).status_code for url in stored} == {200}
    wait_until(lambda: len(serving.replicas("web")) == 2)


def test_a_replica_is_added_under_load_and_taken_away_again(
    serving: RayServe, digit: Digit
) -> None:
    def look(client: httpx2.Client, number: int) -> httpx2.Response:
        view = f"/api/v1/networks/{SCALED}/digits/{digit.id}"
        return client.get(f"{view}/prediction?scale=block1:{number / 1e4}")

    wait_until(lambda: len(serving.replicas(SCALED)) == 1, seconds=SECONDS)
    with Load(serving, look) as load:
        wait_until(lambda: len(serving.replicas(SCALED)) == 2, seconds=SECONDS)
    assert set(load.answers) == {200}
    wait_until(lambda: len(serving.replicas(SCALED)) == 1, seconds=SECONDS)
