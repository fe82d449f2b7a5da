"""Liveness at a port of its own: a thread answers, which nothing that the server does holds up."""

import asyncio
import math
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

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
    open_now: dict[asyncio.StreamWriter, None] = {}  # the first one first

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now[writer] = None
        if len(open_now) > _MAX_CONNECTIONS:  # whoever means it has been answered by now
            next(iter(open_now)).transport.abort()
        try:
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(head, alive=is_alive()))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked is gone, or sends no request
        finally:
            del open_now[writer]
            writer.close()

    server = await asyncio.start_server(answer, sock=listener, limit=_MAX_HEAD_BYTES)
    await server.serve_forever()


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
