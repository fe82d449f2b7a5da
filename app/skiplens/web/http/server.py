"""Runs uvicorn with time and size limits for connections and a bounded shutdown."""

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
MIN_READ_BYTES: Final = 4096  # of a response, in ``seconds``; slower readers are disconnected

_HEAD_TOO_LARGE: Final = Problem(
    431,
    "head_too_large",
    "Headers too large",
    f"request line, headers and trailers may fill at most {MAX_HEAD_BYTES:,} bytes",
)
_NOT_HTTP: Final = Problem(400, "bad_request", "Bad request", "the request is not valid HTTP")
_INFORMATIONAL: Final = b"HTTP/1.1 1"  # 100 Continue, which precedes the response
_logger = structlog.get_logger(__name__)


class ResponseTransport(asyncio.Transport):
    """Writes the head of one response with the first part of its body: one system call, not two.

    The ASGI specification allows no head to be sent before that.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._begun = False

    def write(self, data: bytes) -> None:  # type: ignore[override]  # uvicorn writes bytes
        if self._head:
            self._transport.writelines((self._head, data))
            self._head, self._begun = b"", True
        elif self._begun or data.startswith(_INFORMATIONAL):
            self._transport.write(data)
        else:
            self._head = data

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers take longer than ``seconds`` (408) or
    exceed ``MAX_HEAD_BYTES`` (431), trailers included, and those of clients that read less than
    ``MIN_READ_BYTES`` of a response in ``seconds``. The app limits bodies.

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
        self._header_timer: asyncio.TimerHandle | None = None  # until the headers are complete
        self._message_begun = False
        self._head_bytes = 0  # received since the header timer started
        self._field_bytes = 0  # of request line, headers and trailers, as parsed
        self._in_head = False
        self._write_timer: asyncio.TimerHandle | None = None  # while the client does not read
        self._cycles: list[RequestResponseCycle] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the header timer."""
        super().connection_made(transport)
        self._start_header_timer()

    def data_received(self, data: bytes) -> None:
        """Parse, and limit the bytes of incomplete headers."""
        timed = self._header_timer is not None
        HttpToolsProtocol.data_received(self, data)
        if (
            self._message_begun and self._header_timer is None
        ):  # most headers arrive at once and need no timer
            self._start_header_timer()
        elif timed and self._header_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._reject(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """The first byte of a request has arrived."""
        HttpToolsProtocol.on_message_begin(self)
        self._message_begun = self._in_head = True
        self._field_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is dropped."""
        self._field_bytes += len(name) + len(value)
        if self._field_bytes > MAX_HEAD_BYTES:
            raise ValueError("too large")  # stops the parser, like malformed HTTP
        if self._in_head:
            HttpToolsProtocol.on_header(self, name, value)

    def on_headers_complete(self) -> None:
        """The app limits the time from here on."""
        self._field_bytes += len(self.url)
        if self._field_bytes > MAX_HEAD_BYTES:
            raise ValueError("too large")
        self._headers_complete()
        self._in_head = False
        HttpToolsProtocol.on_headers_complete(self)
        if self.scope["method"] != "HEAD":  # else no body follows the head
            self.cycle.transport = ResponseTransport(self.transport)
        if self.pipeline:  # pipelined requests are waiting
            self._cycles = [cycle for cycle in self._cycles if not cycle.response_complete]
        else:
            self._cycles.clear()
        self._cycles.append(self.cycle)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: cancel its requests, pipelined ones included."""
        self._headers_complete()
        self._cancel_write_timer()
        self.pipeline.clear()
        for cycle in self._cycles:  # uvicorn itself notifies only the newest
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read fast enough."""
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        """The client has read almost everything."""
        self._cancel_write_timer()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """No further request has arrived."""
        if not self.transport.is_closing():
            self._close()

    def send_400_response(self, msg: str) -> None:
        """Reject malformed HTTP, with the headers of every response."""
        self._reject(_HEAD_TOO_LARGE if self._field_bytes > MAX_HEAD_BYTES else _NOT_HTTP)

    def _start_write_timer(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(self._seconds, self._abort_slow_reader, unread)

    def _cancel_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _abort_slow_reader(self, unread: int) -> None:
        if unread - self.transport.get_write_buffer_size() < MIN_READ_BYTES:
            self.transport.abort()
        else:
            self._start_write_timer()

    def _start_header_timer(self) -> None:
        self._header_timer = self.loop.call_later(self._seconds, self._header_timeout)

    def _headers_complete(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
        self._header_timer, self._message_begun, self._head_bytes = None, False, 0

    def _header_timeout(self) -> None:
        if not getattr(self.cycle, "response_complete", True):  # no cycle before the first request
            self._start_header_timer()  # pipelined: the previous request is still being answered
        elif self._message_begun:
            detail = f"the request's headers did not arrive within {self._seconds:g} s"
            self._reject(Problem.of(RequestTimeoutError(detail)))
        else:  # browsers would take a 408 on a spare connection as the next response
            self._close()

    def _reject(self, problem: Problem) -> None:
        """Respond in place of the app, unless it has begun to respond, and close."""
        self._headers_complete()
        set_request_id(new_request_id())
        answer = ProblemResponse(problem)
        _logger.info("rejected", request_id=request_id(), code=problem.code)
        self._metrics.requests.labels("unmatched", str(problem.status)).inc()
        self._metrics.refusals.labels(problem.code).inc()
        answering = getattr(self.cycle, "response_started", False)
        if not answering or self.cycle.response_complete:
            self.transport.write(_as_bytes(answer))
        self._close()

    def _close(self) -> None:
        """Close once the client has read the response, or the write timer expires."""
        self.transport.close()
        if self._write_timer is None and self.transport.get_write_buffer_size():
            self._start_write_timer()


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
        StartupError: the address is in use or not available.
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
    """Calls ``listening`` when it listens; ``/readyz`` is 503 from the stop signal on."""

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
        super().handle_exit(sig, frame)  # type: ignore[arg-type]  # uvicorn's own signature
        self._captured_signals.clear()  # else uvicorn would exit by the signal, not with 0


def run(
    app: FastAPI, settings: Settings, listener: socket.socket, listening: Callable[[], None]
) -> None:
    """Serve until stopped; ``listening`` is called once the server accepts requests."""
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
