"""HTTP/1.1 on one connection: runs the app for each request, bounds what waits or is not read."""

import asyncio
import re
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Scope

from skiplens.errors import BusyError, RequestTimeoutError
from skiplens.service.admission import ANYONE, Quota, client_at
from skiplens.settings import Settings
from skiplens.web.http.headers import (
    HEADERS,
    REQUEST_ID_HEADER,
    new_request_id,
    request_id,
    set_request_id,
)
from skiplens.web.http.metrics import Metrics
from skiplens.web.http.problems import Problem, ProblemResponse
from skiplens.web.http.request_parser import RefusedError, RequestParser

READ_COST: Final = 4  # of a part of a body, 256 KiB at most, in requests

_DROP_ALL: Final = struct.pack("ii", 1, 0)  # linger, but for no time
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_BODYLESS: Final = frozenset({204, 304})
_NOT_IN_A_HEADER: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_logger = structlog.get_logger(__name__)


class Shared:
    """State that all connections of a server share.

    Attributes:
        app: answers the requests.
        metrics: of the server.
        settings: with the limits.
        connections: those that are open.
        stalled: those whose client does not read as fast as it is sent to, the first one first.
        tasks: requests in progress.
        turns: start them, and read bodies.
        closing: whether the server stops, so that connections close after their response.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, settings: Settings) -> None:
        self.app = app
        self.metrics = metrics
        self.settings = settings
        # Behind a proxy, addresses tell nothing apart before the first request.
        share = 1.0 if settings.client_header else settings.client_share
        self._places = Quota(settings.max_connections, share, "connections")
        self.connections: set[Connection] = set()
        self.stalled: dict[Connection, None] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.turns = Turns(settings.max_started)
        self.closing = False
        self._date, self._date_until = b"", 0.0

    def admit(self, connection: "Connection", client: str) -> bool:
        """Take a connection in, unless there are too many."""
        try:
            self._places.take(client)
        except BusyError:
            self.metrics.refusals.labels("connections").inc()
            return False
        self.connections.add(connection)
        return True

    def leave(self, connection: "Connection", client: str) -> None:
        """Forget a connection that is closed."""
        if connection in self.connections:
            self.connections.remove(connection)
            self._places.give(client)

    def bound_unsent(self) -> None:
        """Disconnect the clients that leave most unread, while there is too much of it: a small
        request can have a large response, which stays in memory until it is read.
        """
        unsent: Counter[str] = Counter()
        for connection in self.stalled:
            unsent[connection.client] += connection.transport.get_write_buffer_size()
        while unsent.total() > self.settings.max_unsent_bytes:
            client = max(unsent, key=unsent.__getitem__)
            slowest = next(one for one in self.stalled if one.client == client)
            unsent[client] -= slowest.transport.get_write_buffer_size()
            del self.stalled[slowest]
            slowest.cut_off()
            self.metrics.refusals.labels("unread").inc()

    def date(self) -> bytes:
        """The ``Date`` header, as a line."""
        now = time.time()
        if now >= self._date_until:
            self._date = f"date: {formatdate(now, usegmt=True)}\r\n".encode()
            self._date_until = int(now) + 1.0
        return self._date

    def sweep(self, now: float) -> None:
        """End the connections whose time is over; called every now and then."""
        for connection in tuple(self.connections):
            connection.sweep(now)


class Turns:
    """Starts requests and reads bodies, few of each client in one turn of the event loop: the
    others wait for the next turns, so that a client who sends much does not hold up the rest.

    Args:
        most: requests of one client in a turn; a read counts as :data:`READ_COST`.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, deque[tuple[Callable[[], None], int]]] = {}

    def take(self, client: str, action: Callable[[], None], cost: int = 1) -> None:
        """Do something for a client, now or soon."""
        if not self._taken:
            asyncio.get_running_loop().call_soon(self._next)
        if self._taken[client] >= self._most:
            self._waiting.setdefault(client, deque()).append((action, cost))
            return
        self._taken[client] += cost
        action()

    def _next(self) -> None:
        self._taken.clear()
        for client, actions in tuple(self._waiting.items()):
            while actions and self._taken[client] < self._most:
                self.take(client, *actions.popleft())
            if not actions:
                del self._waiting[client]


class Connection(asyncio.Protocol):
    """One client's connection.

    Closes it if request line and headers take longer than ``receive_seconds`` (408); if more than
    ``max_pipelined`` requests wait; and if the client reads less than ``min_read_bytes`` of a
    response in ``receive_seconds``. The app limits bodies, of which this holds ``body_part_bytes``
    and what comes in one read.
    """

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # until connected
        self._loop = asyncio.get_running_loop()
        self._parser: RequestParser | None = RequestParser(self, shared.settings)
        self._peer: tuple[str, int] | None = None
        self._local: tuple[str, int] | None = None
        self._in_head = False
        self._number = 0  # of the request that has begun to arrive
        self._dropped = 0  # bytes that came after the refusal
        self._incoming: Exchange | None = None  # whose body is being received
        self._running: Exchange | None = None
        self._waiting: deque[Exchange] = deque()  # pipelined
        self._refusal: Problem | None = None  # to send after the responses before it
        self._since = self._loop.time()  # the client has been expected to send, or to close
        self._ending = False  # nothing is parsed any more
        self._ended = False  # and nothing is written
        self._paused = False  # nothing is read
        self._drained: asyncio.Future[None] | None = None  # while the client does not read
        self._unread, self._unread_since = 0, 0.0

    # Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there, or one too many."""
        self.transport = transport  # type: ignore[assignment]  # of a stream
        peer, local = (transport.get_extra_info(name) for name in ("peername", "sockname"))
        self._peer = peer[:2] if peer else None
        self._local = local[:2] if local else None
        if not self.shared.admit(self, self.client):
            self.transport.abort()

    @property
    def client(self) -> str:
        """The connected client, see :func:`client_at`."""
        return client_at(self._peer[0]) if self._peer else ANYONE

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: requests in progress learn it, those that wait never start."""
        self.shared.leave(self, self.client)
        self._ending = True
        self._waiting.clear()
        self._parser = None
        for exchange in (self._running, self._incoming):
            if exchange is not None:
                exchange.disconnect()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        if self._parser is None or self._ending:
            self._dropped += len(data)
            if self._dropped > self.shared.settings.max_body_bytes:
                self.transport.abort()
            return
        try:
            self._parser.feed(data)
        except RefusedError as refused:
            self._refuse(refused.problem)

    # Requests

    def on_begin(self) -> None:
        """Refuse a request that would be one too many to wait."""
        if len(self._waiting) >= self.shared.settings.max_pipelined:
            raise RefusedError(None)
        self._number += 1
        self._in_head = True
        if self._running is None:
            self._since = self._loop.time()

    def on_head(self, scope: Scope, *, keep_alive: bool, expects_continue: bool) -> None:
        """Start the request, or let it wait for those before it."""
        scope.update(server=self._local, client=self._peer)
        exchange = Exchange(self, scope, keep_alive, expects_continue)
        self._in_head = False
        self._incoming = exchange
        if self._running is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self._pause()

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body for the app."""
        most = self.shared.settings.body_part_bytes
        if self._incoming is not None and self._incoming.feed(data) > most:
            self._pause()

    def on_end(self) -> None:
        """The request is here."""
        if self._incoming is not None:
            self._incoming.end()
            self._incoming = None

    # Exchanges

    def _start(self, exchange: "Exchange") -> None:
        self._running = exchange
        self.shared.turns.take(self.client, partial(self._run, exchange))

    def _run(self, exchange: "Exchange") -> None:
        task = self._loop.create_task(exchange.run())
        self.shared.tasks.add(task)
        task.add_done_callback(self.shared.tasks.discard)

    def finished(self, exchange: "Exchange") -> None:
        """The response to a request is complete: go on with the next one, or close."""
        self._running = None
        self._since = self._loop.time()
        if self._ended or self.transport.is_closing():
            return
        if not exchange.keep_alive or not exchange.received:
            self._end()
        elif self._waiting:
            self._start(self._waiting.popleft())
            self.resume_reading()
        elif self._ending:
            self._send_refusal()
        else:
            self.resume_reading()

    def _pause(self) -> None:
        self._paused = True
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on when it is the client's turn, unless requests wait."""
        if self._paused and not self._waiting:
            self._paused = False
            self.shared.turns.take(self.client, self._read, READ_COST)

    def _read(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _refuse(self, problem: Problem | None) -> None:
        """Parse nothing more, and answer so after the responses that are due; then close."""
        self._ending, self._refusal, self._parser = True, problem, None
        refused = self._incoming  # its body will never be complete
        if refused is not None and refused is not self._running:
            self._waiting.remove(refused)
        if self._running is None:
            self._send_refusal()
        elif refused is self._running:
            if self._running.started:
                self._refusal = None
            self._running.disconnect()
            self._send_refusal()

    def _send_refusal(self) -> None:
        """Answer in place of the app."""
        if self._refusal is not None:
            set_request_id(new_request_id())
            answer = ProblemResponse(self._refusal)
            _logger.info("rejected", request_id=request_id(), code=self._refusal.code)
            self.shared.metrics.requests.labels("unmatched", str(answer.status_code)).inc()
            self.shared.metrics.refusals.labels(self._refusal.code).inc()
            own = ((REQUEST_ID_HEADER, request_id().encode()), (b"connection", b"close"))
            fields = [*answer.raw_headers, *HEADERS, *own]
            lines = (b"%b: %b\r\n" % field for field in fields)
            self.transport.writelines(
                [_STATUS_LINES[answer.status_code], *lines, b"\r\n", bytes(answer.body)]
            )
        self._end()

    def _end(self) -> None:
        """Close once the client has read everything: closing at once would reset the connection
        of one that is still sending, and it would not see the response.
        """
        self._ending, self._ended, self._parser = True, True, None
        self._waiting.clear()
        self._since = self._loop.time()
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
            self.transport.resume_reading()
        else:
            self.transport.close()

    @property
    def is_fresh(self) -> bool:
        """Whether the first request has not begun to arrive."""
        return not self._number and not self.transport.is_closing()

    def close_if_idle(self) -> None:
        """Close if a request was answered and no other has begun; the server stops."""
        if self._running is None and not self._in_head and self._number:
            self.transport.close()

    # Bounds on time

    def pause_writing(self) -> None:
        """The client does not read fast enough."""
        if self._drained is None:
            self._drained = self._loop.create_future()
        self.shared.stalled[self] = None
        self.shared.bound_unsent()

    def resume_writing(self) -> None:
        """The client has read almost everything, or is gone."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None
        self.shared.stalled.pop(self, None)

    def cut_off(self) -> None:
        """Disconnect a client that does not read; the system drops what it still has for it."""
        own = self.transport.get_extra_info("socket")
        if own is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP_ALL)
        self.transport.abort()

    async def writable(self) -> bool:
        """Wait until the client has read enough; whether it is still there."""
        while self._drained is not None:
            await asyncio.shield(self._drained)
        return not self.transport.is_closing()

    def sweep(self, now: float) -> None:
        """Close the connection if the client has kept it waiting for too long."""
        seconds, least = self.shared.settings.receive_seconds, self.shared.settings.min_read_bytes
        unread = self.transport.get_write_buffer_size()
        # It grows only after the client has read almost everything.
        if not unread or unread > self._unread or self._unread - unread >= least:
            self._unread, self._unread_since = unread, now
        elif now - self._unread_since > seconds:
            self.cut_off()
        if self._running is not None or unread or now - self._since <= seconds:
            return
        if self._ending:
            self.transport.abort()
        elif self._in_head:
            detail = f"the request's headers did not arrive within {seconds:g} s"
            self._refuse(Problem.of(RequestTimeoutError(detail)))
        else:  # browsers would take a 408 on a spare connection as the next response
            self.transport.close()


class Exchange:
    """One request and its response."""

    def __init__(
        self, connection: Connection, scope: Scope, keep_alive: bool, expects_continue: bool
    ) -> None:
        self.keep_alive = keep_alive
        self.received = self.started = False
        self._connection = connection
        self._scope = scope
        self._expects_continue = expects_continue
        self._body = bytearray()
        self._news = asyncio.Event()
        self._gone = self._complete = False
        self._start: Message = {}
        self._left: int | None = 0  # bytes of the response to come; ``None`` for chunks
        self._bodyless = scope["method"] == "HEAD"

    def feed(self, data: bytes) -> int:
        """Add to the body; returns the bytes that wait for the app."""
        self._body += data
        self._news.set()
        return len(self._body)

    def end(self) -> None:
        """The body is complete."""
        self.received = True
        self._news.set()

    def disconnect(self) -> None:
        """The client is gone."""
        self._gone = True
        self._news.set()

    async def run(self) -> None:
        """Have the app answer, unless the client is gone or was refused before this began."""
        connection = self._connection
        try:
            if not self._gone:
                await connection.shared.app(self._scope, self.receive, self.send)
        except Exception:
            _logger.exception("failed", path=self._scope["path"])
        finally:
            if self._complete or self._gone:
                connection.finished(self)
            else:
                connection.transport.abort()

    async def receive(self) -> Message:
        """The next part of the body, or that the client is gone."""
        if self._expects_continue and not self._gone:
            self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._expects_continue = False
        if not self._gone and not self._complete:
            self._connection.resume_reading()
            await self._news.wait()
            self._news.clear()
        if self._gone or self._complete:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": not self.received}

    async def send(self, message: Message) -> None:
        """Send a part of the response; what a client that is gone should get is dropped."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        lines = [] if self.started else self._head()
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._bodyless:
            pass
        elif self._left is None:
            if body:
                lines += [b"%x\r\n" % len(body), body, b"\r\n"]
            if not more:
                lines.append(b"0\r\n\r\n")
        else:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("a response is not as long as its Content-Length says")
            lines.append(body)
        self._complete = not more
        if await self._connection.writable() and not self._gone:
            self._connection.transport.write(b"".join(lines))
        if self._complete:
            self._news.set()

    def _head(self) -> list[bytes]:
        status = self._start["status"]
        self.started, self._expects_continue = True, False
        self._bodyless = self._bodyless or status in _BODYLESS
        self._left = None
        lines = [_STATUS_LINES[status], self._connection.shared.date()]
        for name, value in self._start["headers"]:
            if _NOT_IN_A_HEADER.search(value):
                raise RuntimeError("a header's value has a line break")
            if name == b"content-length":
                self._left = int(value)
            elif name == b"connection" and value.lower() == b"close":
                self.keep_alive = False
                continue
            lines.append(b"%b: %b\r\n" % (name, value))
        if self._left is None and not self._bodyless:
            lines.append(b"transfer-encoding: chunked\r\n")
        self.keep_alive = self.keep_alive and not self._connection.shared.closing
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        return lines
