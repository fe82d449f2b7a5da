"""Runs uvicorn with bounded connections, and stops within a bound."""

import asyncio
import errno
import socket
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from skiplens.errors import RequestTimeoutError, StartupError
from skiplens.settings import Settings
from skiplens.web.http.headers import HEADERS
from skiplens.web.http.metrics import Metrics
from skiplens.web.http.problems import Problem, ProblemResponse
from skiplens.web.http.request_id import (
    REQUEST_ID_HEADER,
    new_request_id,
    request_id,
    set_request_id,
)

MAX_HEAD_BYTES: Final = 64 * 1024
MIN_TAKEN_BYTES: Final = 4096  # of an answer, in the time that a request has to arrive in

_HEAD_TOO_LARGE: Final = Problem(
    431,
    "head_too_large",
    "Headers too large",
    f"request line, headers and trailers may fill at most {MAX_HEAD_BYTES:,} bytes",
)
_NOT_HTTP: Final = Problem(400, "bad_request", "Bad request", "the request is not valid HTTP")
_logger = structlog.get_logger(__name__)


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers take longer than ``seconds`` (408) or fill
    more than ``MAX_HEAD_BYTES`` (431), trailers among them. Bodies are bounded in the app. Answers
    of which the client takes less than ``MIN_TAKEN_BYTES`` in ``seconds`` are cut off.

    The other arguments are uvicorn's.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        seconds: float,
        metrics: Metrics,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._seconds = seconds
        self._metrics = metrics
        self._deadline: asyncio.TimerHandle | None = None  # while a head is awaited or under way
        self._begun = False
        self._head_bytes = 0  # of heads under way: all that came
        self._field_bytes = 0  # of the request: its line, headers and trailers, as parsed
        self._in_head = False
        self._unread: asyncio.TimerHandle | None = None  # while an answer waits to be read
        self._cycles: list[RequestResponseCycle] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Await the first head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Parse, and bound what belongs to a head that is still not complete."""
        counts = self._deadline is not None
        HttpToolsProtocol.data_received(self, data)
        if self._begun and self._deadline is None:  # most heads come whole and need no deadline
            self._await_head()
        elif counts and self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """The first byte of a request is there."""
        HttpToolsProtocol.on_message_begin(self)
        self._begun = self._in_head = True
        self._field_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; or a trailer, which nobody reads."""
        self._field_bytes += len(name) + len(value)
        if self._field_bytes > MAX_HEAD_BYTES:
            raise ValueError("too large")  # ends the parsing, as what is not HTTP does
        if self._in_head:
            HttpToolsProtocol.on_header(self, name, value)

    def on_headers_complete(self) -> None:
        """From here on the app keeps the time."""
        self._field_bytes += len(self.url)
        if self._field_bytes > MAX_HEAD_BYTES:
            raise ValueError("too large")
        self._have_head()
        self._in_head = False
        HttpToolsProtocol.on_headers_complete(self)
        if self.pipeline:  # asked for ahead, while others are under way
            self._cycles = [one for one in self._cycles if not one.response_complete]
        else:
            self._cycles.clear()
        self._cycles.append(self.cycle)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: nothing more is sent, nor begun of what it asked for ahead."""
        self._have_head()
        self._be_read()
        self.pipeline.clear()
        for cycle in self._cycles:  # uvicorn itself tells only the newest
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client has not yet taken what was sent."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        """It has, or nearly so."""
        self._be_read()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing more was asked for."""
        if not self.transport.is_closing():
            self._close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, with the headers that every answer bears."""
        self._refuse(_HEAD_TOO_LARGE if self._field_bytes > MAX_HEAD_BYTES else _NOT_HTTP)

    def _await_reading(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(self._seconds, self._cut_off, left)

    def _be_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _cut_off(self, left: int) -> None:
        if left - self.transport.get_write_buffer_size() < MIN_TAKEN_BYTES:
            self.transport.abort()
        else:
            self._await_reading()

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(self._seconds, self._expire)

    def _have_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline, self._begun, self._head_bytes = None, False, 0

    def _expire(self) -> None:
        if not getattr(self.cycle, "response_complete", True):  # there is none before the first
            self._await_head()  # sent ahead of its turn: the request before it is not answered yet
        elif self._begun:
            detail = f"the request's headers did not arrive within {self._seconds:g} s"
            self._refuse(Problem.of(RequestTimeoutError(detail)))
        else:  # browsers connect ahead of need, and would take an answer for that to the next need
            self._close()

    def _refuse(self, problem: Problem) -> None:
        """Answer in place of the app, unless that is in the middle of an answer, and close."""
        self._have_head()
        set_request_id(new_request_id())
        answer = ProblemResponse(problem)
        _logger.info("refused", request_id=request_id(), code=problem.code)
        self._metrics.requests.labels("unmatched", str(problem.status)).inc()
        self._metrics.refusals.labels(problem.code).inc()
        answering = getattr(self.cycle, "response_started", False)
        if not answering or self.cycle.response_complete:
            self.transport.write(_as_bytes(answer))
        self._close()

    def _close(self) -> None:
        """Close when the client has taken what was sent, if it does."""
        self.transport.close()
        if self._unread is None and self.transport.get_write_buffer_size():
            self._await_reading()


def _as_bytes(answer: ProblemResponse) -> bytes:
    status = HTTPStatus(answer.status_code)
    own = ((REQUEST_ID_HEADER, request_id().encode()), (b"connection", b"close"))
    fields = [*answer.raw_headers, *HEADERS, *own]
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in fields]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])


_BACKLOG: Final = 2048


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        StartupError: the address is in use or not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        foreign = isinstance(error, socket.gaierror) or error.args[0] == errno.EADDRNOTAVAIL
        other = "--host" if foreign else "--port"
        raise StartupError(
            f"port {port} on {host} cannot be bound ({reason}); choose another with {other}"
        ) from error
    return listener


class _Server(uvicorn.Server):
    """Says when it listens, and answers ``/readyz`` with 503 as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._listening()

    def handle_exit(self, sig: int, frame: object) -> None:
        self._app.state.ready = False
        super().handle_exit(sig, frame)  # type: ignore[arg-type]  # handed on as it came
        self._captured_signals.clear()  # else uvicorn ends by the signal, and not with exit code 0


def run(
    app: FastAPI, settings: Settings, listener: socket.socket, listening: Callable[[], None]
) -> None:
    """Serve until told to stop; ``listening`` is called once requests are answered."""
    protocol = partial(BoundedProtocol, seconds=settings.receive_seconds, metrics=app.state.metrics)
    config = uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", protocol),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    _Server(config, app, listening).run(sockets=[listener])
