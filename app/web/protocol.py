"""uvicorn's HTTP protocol with what it lacks: bounds on the receipt of headers and trailers, and on
how long an answer waits to be read.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.errors import TooSlowError
from app.web.metrics import Metrics
from app.web.middleware.security import HEADERS
from app.web.problems import ProblemResponse, problem, problem_of
from app.web.requests import REQUEST_ID_HEADER, new_request_id, request_id, set_request_id

MAX_HEAD_BYTES: Final = 64 * 1024
MIN_TAKEN_BYTES: Final = 4096  # of an answer, in the time that a request has to arrive in

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
                self._refuse(_head_too_large)

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
        self._refuse(_head_too_large if self._field_bytes > MAX_HEAD_BYTES else _no_http)

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
            self._refuse(lambda: problem_of(TooSlowError(detail)))
        else:  # browsers connect ahead of need, and would take an answer for that to the next need
            self._close()

    def _refuse(self, refusal: Callable[[], ProblemResponse]) -> None:
        """Answer in place of the app, unless that is in the middle of an answer, and close."""
        self._have_head()
        set_request_id(new_request_id())
        answer = refusal()
        _logger.info("refused", request_id=request_id(), code=answer.code)
        self._metrics.requests.labels("unmatched", str(answer.status_code)).inc()
        self._metrics.refusals.labels(answer.code).inc()
        answering = getattr(self.cycle, "response_started", False)
        if not answering or self.cycle.response_complete:
            self.transport.write(_as_bytes(answer))
        self._close()

    def _close(self) -> None:
        """Close when the client has taken what was sent, if it does."""
        self.transport.close()
        if self._unread is None and self.transport.get_write_buffer_size():
            self._await_reading()


def _head_too_large() -> ProblemResponse:
    detail = f"request line, headers and trailers may fill at most {MAX_HEAD_BYTES:,} bytes"
    return problem(431, "head_too_large", "Headers too large", detail)


def _no_http() -> ProblemResponse:
    return problem(400, "bad_request", "Bad request", "the request is not valid HTTP")


def _as_bytes(answer: ProblemResponse) -> bytes:
    status = HTTPStatus(answer.status_code)
    own = ((REQUEST_ID_HEADER, request_id().encode()), (b"connection", b"close"))
    fields = [*answer.raw_headers, *HEADERS, *own]
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in fields]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])
