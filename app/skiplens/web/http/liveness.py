"""Liveness at a port of its own: a small process answers, and nothing that the server does holds it
up. It imports the standard library alone, so that it takes about 10 MB.
"""

import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple, cast

_BEATS: Final = 1024  # bytes of them, in one read
_ALIVE: Final = ("200 OK", "application/json", b'{"status":"alive"}')
_STALLED: Final = (
    "503 Service Unavailable",
    "application/problem+json",
    b'{"code":"stalled","detail":"the server is stuck","status":503,"title":"Stalled"}',
)
_NOTHING: Final = ("404 Not Found", "text/plain", b"only /healthz is here")


class Bounds(NamedTuple):
    """Of the process that answers.

    Attributes:
        stalled_seconds: without a turn of the event loop, after which it is taken to be stuck.
        seconds: for a request to arrive and its response to be read.
        head_bytes: of a request.
        connections: at a time; of more, the oldest one closes.
    """

    stalled_seconds: float
    seconds: float
    head_bytes: int
    connections: int


class Pulse:
    """When an event loop has last shown that it turns; before the first time, it starts.

    Args:
        seconds: without a turn, after which it is stuck.
        clock: seconds that only grow.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._last = math.inf

    def beat(self) -> None:
        """It turns now."""
        self._last = self._clock()

    @property
    def is_alive(self) -> bool:
        """Whether it has turned of late."""
        return self._clock() - self._last < self._seconds


@contextmanager
def answering(listener: socket.socket, bounds: Bounds) -> Iterator[Callable[[], None]]:
    """Have a process answer ``/healthz`` for the length of a ``with`` block: 200, or 503 if the
    function that is yielded was called before, but not of late. The process ends with this one,
    however that ends.

    Args:
        listener: where to accept connections; it is closed, so nobody answers without the process.
        bounds: of the process.

    Raises:
        OSError: the process cannot be started.
    """
    with listener:
        fd = listener.fileno()
        process = subprocess.Popen(  # noqa: S603  # its arguments are numbers
            [sys.executable, "-IS", __file__, str(fd), *map(str, bounds)],
            stdin=subprocess.PIPE,
            pass_fds=(fd,),
        )
    if process.stdin is None:
        raise RuntimeError("the process has no pipe")
    beats = process.stdin.fileno()
    os.set_blocking(beats, False)

    def beat() -> None:
        with suppress(OSError):  # it reads nothing, or has ended
            os.write(beats, b".")

    try:
        yield beat
    finally:
        process.stdin.close()
        process.wait()


async def answer(listener: socket.socket, is_alive: Callable[[], bool], bounds: Bounds) -> None:
    """Answer without end. There are no checks of host or token, as nothing is told besides."""
    open_now: dict[_Probe, None] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Probe(is_alive, bounds, open_now), sock=listener)
    await server.serve_forever()


class _Probe(asyncio.Protocol):
    """A connection, for one request.

    Args:
        is_alive: whether the server is.
        bounds: of the process.
        open_now: all connections, the first one first.
    """

    def __init__(
        self, is_alive: Callable[[], bool], bounds: Bounds, open_now: dict["_Probe", None]
    ) -> None:
        self._is_alive = is_alive
        self._bounds = bounds
        self._open_now = open_now
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open_now[self] = None
        if len(self._open_now) > self._bounds.connections:
            # Whoever means it has been answered by now.
            next(iter(self._open_now)).end()
        self._timer = asyncio.get_running_loop().call_later(self._bounds.seconds, self.end)

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._transport is None:
            return
        if b"\r\n\r\n" in self._head:
            self._transport.write(_response(self._head, alive=self._is_alive()))
            self._transport.close()
        elif len(self._head) > self._bounds.head_bytes:
            self.end()

    def connection_lost(self, _: Exception | None) -> None:
        self._open_now.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()  # it would keep what was sent

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


async def _answer_while_parent_lives(listener: socket.socket, bounds: Bounds) -> None:
    pulse = Pulse(bounds.stalled_seconds)
    serving = asyncio.ensure_future(answer(listener, lambda: pulse.is_alive, bounds))

    def read() -> None:
        if os.read(sys.stdin.fileno(), _BEATS):
            pulse.beat()
        else:
            serving.cancel()

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), read)
    with suppress(asyncio.CancelledError):
        await serving


def main() -> None:
    """Be the process. The arguments are the listening socket's descriptor and :class:`Bounds`; the
    parent writes a byte to standard input whenever its event loop turns.
    """
    for name in (signal.SIGINT, signal.SIGTERM):  # a terminal sends them to all processes
        signal.signal(name, signal.SIG_IGN)
    fd, stalled, seconds, head, connections = sys.argv[1:]
    bounds = Bounds(float(stalled), float(seconds), int(head), int(connections))
    with socket.socket(fileno=int(fd)) as listener:
        asyncio.run(_answer_while_parent_lives(listener, bounds))


if __name__ == "__main__":
    main()
