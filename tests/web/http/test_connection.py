"""HTTP/1.1 on one connection, over a transport that records what is written."""

import asyncio
from itertools import pairwise
from typing import Any, cast

import pytest
from prometheus_client import Gauge
from starlette.types import ASGIApp, Receive, Scope, Send

from skiplens.settings import Settings
from skiplens.web.http.connection import READ_COST, Connection, Shared
from skiplens.web.http.event_loop import _sweep
from skiplens.web.http.metrics import Metrics
from tests.web.http.asgi import echo, reply

STARTED = Settings().max_started
GET = b"GET /a%20b?c=d HTTP/1.1\r\nHost: localhost\r\n"


class Recorded(asyncio.Transport):
    """Keeps each call that would be a system call."""

    def __init__(self, client: str = "127.0.0.9") -> None:
        super().__init__({"peername": (client, 1), "sockname": ("127.0.0.1", 80)})
        self.calls: list[bytes] = []
        self.closed = False
        self.resumed = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Any) -> None:  # noqa: ANN401
        self.calls.append(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        self.resumed += 1

    def get_write_buffer_size(self) -> int:
        return 0


class HalfClosed(Recorded):
    """Still open for reading after the server has sent all, as TCP is."""

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        pass


@pytest.mark.parametrize("offer", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"])
def test_a_refusal_has_its_status_after_a_declined_upgrade_too(offer: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\n" + offer
    (answer,) = served(echo, head + b"Transfer-Encoding: gzip, chunked\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 501 ")


def served(app: ASGIApp, *sent: bytes) -> list[bytes]:
    """What is written in answer to these bytes, each of which is read at once."""

    async def exchange() -> list[bytes]:
        connection = Connection(Shared(app, Metrics("1"), Settings()))
        transport = Recorded()
        connection.connection_made(cast("asyncio.BaseTransport", transport))
        for data in sent:
            connection.data_received(data)
            for _ in range(5):
                await asyncio.sleep(0)
        connection.connection_lost(None)
        return transport.calls

    return asyncio.run(exchange())


def test_head_and_body_are_written_in_one_call() -> None:
    (written,) = served(echo, GET + b"Content-Length: 2\r\n\r\nhi")
    assert written.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert written.endswith(b"content-length: 2\r\n\r\nhi")


def test_a_continue_is_written_at_once() -> None:
    head = GET + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    asked, written = served(echo, head, b"hi")
    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert written.endswith(b"hi")


def test_the_scope_says_what_was_asked_and_by_whom() -> None:
    scopes = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await reply(send, 200, b"")

    served(
        app, GET + b"X-Name: Value\r\n\r\n", b"GET http://localhost/e?f HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    first, second = scopes
    assert (first["path"], first["raw_path"], first["query_string"]) == ("/a b", b"/a%20b", b"c=d")
    assert (first["client"], first["server"]) == (("127.0.0.9", 1), ("127.0.0.1", 80))
    assert first["headers"] == [(b"host", b"localhost"), (b"x-name", b"Value")]
    assert (second["path"], second["query_string"]) == ("/e", b"f")


def test_a_response_without_a_length_is_chunked() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"one", b"three"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    written = b"".join(served(app, GET + b"\r\n"))
    assert written.endswith(b"chunked\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n")


def test_head_gets_the_head_alone() -> None:
    (written,) = served(echo, b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert written.endswith(b"content-length: 0\r\n\r\n")


def test_an_app_that_breaks_off_breaks_the_connection() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]}
        )
        await send({"type": "http.response.body", "body": b"one"})

    assert served(app, GET + b"\r\n") == []


def test_a_lack_of_memory_for_a_body_is_not_the_clients_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: Connection, data: bytes) -> None:
        raise MemoryError

    monkeypatch.setattr(Connection, "on_body", fail)
    written = b"".join(served(echo, GET + b"Content-Length: 2\r\n\r\nhi"))
    assert written.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"out_of_resources" in written


def test_a_request_that_is_refused_in_its_first_packet_holds_no_connection() -> None:
    asked: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope)
        await reply(send, 200, b"")

    async def swept() -> HalfClosed:
        shared = Shared(app, Metrics("1"), Settings())
        connection, transport = Connection(shared), HalfClosed()
        connection.connection_made(cast("asyncio.BaseTransport", transport))
        connection.data_received(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"
        )
        for _ in range(5):
            await asyncio.sleep(0)
        assert not transport.closed, "the client may read the answer"
        shared.sweep(asyncio.get_running_loop().time() + shared.settings.receive_seconds + 1)
        return transport

    transport = asyncio.run(swept())
    assert transport.closed
    assert [call.split(b"\r\n")[0] for call in transport.calls] == [b"HTTP/1.1 400 Bad Request"]
    assert asked == []


def test_what_fails_in_one_sweep_is_logged_and_does_not_end_the_sweeps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def swept() -> None:
        shared = Shared(echo, Metrics("1"), Settings(receive_seconds=0.01))
        shared.metrics.follow(Gauge("wrong", "No number", registry=None), lambda: 1 / 0)
        twice = asyncio.Event()
        beats: list[int] = []

        def beat() -> None:
            beats.append(len(beats))
            if len(beats) > 1:
                twice.set()

        sweeping = asyncio.create_task(_sweep(shared, beat))
        waiting = asyncio.create_task(twice.wait())
        await asyncio.wait((sweeping, waiting), return_when=asyncio.FIRST_COMPLETED)
        assert twice.is_set()
        sweeping.cancel()

    asyncio.run(swept())
    assert "division by zero" in capsys.readouterr().out


def test_a_client_with_many_requests_takes_turns_with_others() -> None:
    async def started() -> list[str]:
        order: list[str] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            order.append(scope["client"][0])
            await reply(send, 200, b"")

        shared = Shared(app, Metrics("1"), Settings())
        for client in (*["127.0.0.2"] * (3 * STARTED), "127.0.0.3"):
            connection = Connection(shared)
            connection.connection_made(cast("asyncio.BaseTransport", Recorded(client)))
            connection.data_received(GET + b"\r\n")
        for _ in range(10):
            await asyncio.sleep(0)
        return order

    order = asyncio.run(started())
    assert len(order) == 3 * STARTED + 1
    assert order.index("127.0.0.3") == STARTED


def test_a_client_with_many_large_bodies_takes_turns_with_others() -> None:
    async def resumed() -> list[int]:
        shared = Shared(echo, Metrics("1"), Settings())
        transports = [Recorded() for _ in range(12)]
        for transport in transports:
            connection = Connection(shared)
            connection.connection_made(cast("asyncio.BaseTransport", transport))
            connection.data_received(GET + b"Content-Length: 9999999\r\n\r\n" + bytes(100_000))
        counts = []
        for _ in range(20):
            await asyncio.sleep(0)
            counts.append(sum(one.resumed for one in transports))
        return counts

    counts = asyncio.run(resumed())
    steps = [later - earlier for earlier, later in pairwise([0, *counts])]
    assert max(steps) == STARTED // READ_COST
    assert counts[-1] == 12
