"""Liveness at a port of its own, over real connections."""

import asyncio
import socket
import threading
from contextlib import suppress

import httpx2
import pytest

from skiplens.web.http.liveness import Bounds, Pulse, answer
from tests.conftest import PATIENCE

BOUNDS = Bounds(stalled_seconds=10, seconds=2, head_bytes=8192, connections=64)
ASK = b"GET /healthz HTTP/1.1\r\nHost: 10.0.0.1:8001\r\n\r\n"


class Answering:
    """Answers at a free port; the test says whether the server is alive."""

    def __init__(self, bounds: Bounds) -> None:
        self.is_alive = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        serving = answer(self._listener, lambda: self.is_alive, bounds)
        threading.Thread(target=asyncio.run, args=(serving,), daemon=True).start()

    def request(self, method: str, path: str) -> httpx2.Response:
        return httpx2.request(method, f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)


@pytest.fixture(scope="module")
def answering() -> Answering:
    return Answering(BOUNDS)  # until the process ends


def test_a_pulse_is_alive_until_it_has_not_beaten_for_long() -> None:
    now = [0.0]
    pulse = Pulse(BOUNDS.stalled_seconds, lambda: now[0])
    now[0] = 1e6
    told = [pulse.is_alive]  # it starts
    pulse.beat()
    for seconds in (BOUNDS.stalled_seconds - 1, 1):
        now[0] += seconds
        told.append(pulse.is_alive)
    pulse.beat()
    assert [*told, pulse.is_alive] == [True, True, False, True]


@pytest.mark.parametrize("path", ["/healthz", "/healthz?verbose"])
def test_it_says_whether_the_server_is_alive(answering: Answering, path: str) -> None:
    answer = answering.request("GET", path)
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert (answer.headers["connection"], answer.headers["cache-control"]) == ("close", "no-store")
    head = answering.request("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answer.headers["content-length"]
    answering.is_alive = False
    try:
        answer = answering.request("GET", path)
    finally:
        answering.is_alive = True
    assert (answer.status_code, answer.json()["code"]) == (503, "stalled")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/healthz"), ("GET", "/"), ("GET", "/metrics")]
)
def test_nothing_else_is_there(answering: Answering, method: str, path: str) -> None:
    assert answering.request(method, path).status_code == 404


def test_who_sends_nothing_keeps_nobody_waiting_and_is_closed(answering: Answering) -> None:
    with answering.connect() as silent, answering.connect() as half:
        half.sendall(ASK[:-2])
        assert answering.request("GET", "/healthz").status_code == 200
        assert (silent.recv(1), half.recv(1)) == (b"", b"")


def test_more_than_a_request_is_closed_without_an_answer(answering: Answering) -> None:
    with answering.connect() as connection:
        connection.sendall(ASK[:-2] + b"x" * 100_000)
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_who_says_nothing_makes_room_for_others() -> None:
    bounded = Answering(BOUNDS._replace(connections=2))
    silent = [bounded.connect() for _ in range(8)]
    for _ in range(3):
        assert bounded.request("GET", "/healthz").status_code == 200
    for one in silent:
        with one, suppress(ConnectionResetError):
            assert one.recv(1) == b""
