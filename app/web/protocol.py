"""uvicorn's HTTP protocol with what it lacks: bounds on the receipt of headers."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.errors import TooSlowError
from app.web.metrics import Metrics
from app.web.middleware.security import HEADERS
from app.web.problems import ProblemResponse, problem, problem_of

MAX_HEAD_BYTES: Final = 64 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers take longer than ``seconds`` (408) or fill
    more than ``MAX_HEAD_BYTES`` (431). Bodies are bounded in the app.

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
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Await the first head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Parse, and bound what belongs to a head that is still not complete."""
        counts = self._deadline is not None
        super().data_received(data)
        if self._begun and self._deadline is None:  # most heads come whole and need no deadline
            self._await_head()
        elif counts and self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                detail = f"request line and headers may fill at most {MAX_HEAD_BYTES:,} bytes"
                self._refuse(problem(431, "head_too_large", "Headers too large", detail))

    def on_message_begin(self) -> None:
        """The first byte of a request is there."""
        super().on_message_begin()
        self._begun = True

    def on_headers_complete(self) -> None:
        """From here on the app keeps the time."""
        self._have_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._have_head()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, with the headers that every answer bears."""
        self._refuse(problem(400, "bad_request", "Bad request", "the request is not valid HTTP"))

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
            self._refuse(problem_of(TooSlowError(detail)))
        else:  # browsers connect ahead of need, and would take an answer for that to the next need
            self.transport.close()

    def _refuse(self, answer: ProblemResponse) -> None:
        """Answer in place of the app, unless that is in the middle of an answer, and close."""
        self._have_head()
        self._metrics.requests.labels("unmatched", str(answer.status_code)).inc()
        self._metrics.refusals.labels(answer.code).inc()
        answering = getattr(self.cycle, "response_started", False)
        if not answering or self.cycle.response_complete:
            self.transport.write(_as_bytes(answer))
        self.transport.close()


def _as_bytes(answer: ProblemResponse) -> bytes:
    status = HTTPStatus(answer.status_code)
    fields = [*answer.raw_headers, *HEADERS, (b"connection", b"close")]
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in fields]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])
