"""Liveness at a port of its own: a thread answers, which nothing that the server does holds up."""

import asyncio
import math
import socket
import threading
import time
from collections.abc import Callable
from typing import Final, cast

STALLED_S: Final = 10.0  # without a turn of the event loop, after which it is taken to be stuck
_SECONDS: Final = 2.0  # for a request to arrive and its response to be read
_MAX_HEAD_BYTES: Final = 8192
_MAX_CONNECTIONS: Final = 64  # at a time
_ALIVE: Final = ("200 OK", "application/json", b'{"status":"alive"}')
_STALLED: Final = (
    "503 Service Unavailable",
    "application/problem+json",
    b'{"code":"stalled","detail":"the server is stuck","status":503,"title":"Stalled"}',
)
_NOTHING: Final = ("404 Not Found", "text/plain", b"only /healthz is here")


class Pulse:
    """When an event loop has last shown that it turns; before the first time, it starts.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = math.inf

    def beat(self) -> None:
        """It turns now."""
        self._last = self._clock()

    @property
    def is_alive(self) -> bool:
        """Whether it has turned of late."""
        return self._clock() - self._last < STALLED_S


def answer_liveness(listener: socket.socket, is_alive: Callable[[], bool]) -> None:
    """Answer ``/healthz`` in a thread, for as long as the process lives: 200, or 503 if it is not
    alive. There are no checks of host or token, as nothing is told besides.
    """
    answering = _serve(listener, is_alive)
    threading.Thread(target=asyncio.run, args=(answering,), daemon=True).start()


async def _serve(listener: socket.socket, is_alive: Callable[[], bool]) -> None:
    open_now: dict[_Probe, None] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Probe(is_alive, open_now), sock=listener)
    await server.serve_forever()


class _Probe(asyncio.Protocol):
    """A connection, for one request.

    Args:
        is_alive: whether the server is.
        open_now: all connections, the first one first.
    """

    def __init__(self, is_alive: Callable[[], bool], open_now: dict["_Probe", None]) -> None:
        self._is_alive = is_alive
        self._open_now = open_now
        self._transport: asyncio.Transport | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open_now[self] = None
        if len(self._open_now) > _MAX_CONNECTIONS:  # whoever means it has been answered by now
            next(iter(self._open_now)).end()
        asyncio.get_running_loop().call_later(_SECONDS, self.end)

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._transport is None:
            return
        if b"\r\n\r\n" in self._head:
            self._transport.write(_response(self._head, alive=self._is_alive()))
            self._transport.close()
        elif len(self._head) > _MAX_HEAD_BYTES:
            self.end()

    def connection_lost(self, _: Exception | None) -> None:
        self._open_now.pop(self, None)

    def end(self) -> None:
        """Disconnect, if it is still there."""
        self._open_now.pop(self, None)
        if self._transport is not None:
            self._transport.abort()


def _response(head: bytes, *, alive: bool) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    is_here = path == b"/healthz" and method in {b"GET", b"HEAD"}
    status, kind, body = (_ALIVE if alive else _STALLED) if is_here else _NOTHING
    lines = (
        f"HTTP/1.1 {status}",
        f"content-type: {kind}",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        *(("retry-after: 1",) if status.startswith("503") else ()),
        "connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + (b"" if method == b"HEAD" else body)
