"""Request limits: body size, time to receive the body, concurrent requests."""

import asyncio
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skiplens.errors import BusyError, RequestTimeoutError, TooLargeError
from skiplens.web.http.metrics import Metrics
from skiplens.web.http.problems import error_response
from skiplens.web.links import HEALTH, within

_END: Final[Message] = {"type": "http.response.body", "body": b"", "more_body": False}


class BodyLimit:
    """Rejects bodies that are too large (413) or too slow (408), chunked ones included.

    If the body was not read completely, the connection is closed after the response. The rest of
    the body is read and dropped first, until the time limit: closing at once would reset the
    connection, and clients that send everything before they read would not see the response.

    Args:
        app: next ASGI app.
        max_bytes: maximum size of a body.
        seconds: maximum time from the end of the headers to the end of the body.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = _declared_bytes(scope) if scope["type"] == "http" else 0
        if declared == 0:
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._max_bytes, self._seconds)
        if declared is not None and declared > self._max_bytes:
            await error_response(_too_large(self._max_bytes))(
                scope, body.receive, body.closing(send)
            )
        else:
            await self._app(scope, body.receive, body.closing(send))


class _Body:
    """The body of one request, as it arrives."""

    def __init__(self, receive: Receive, max_bytes: int, seconds: float) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._received = 0
        self._complete = False

    async def receive(self) -> Message:
        """The next part.

        Raises:
            TooLargeError: the parts so far exceed the limit.
            RequestTimeoutError: the time limit has passed.
        """
        if self._complete:  # only a disconnect can follow, without a deadline
            return await self._receive()
        message = await self._next()
        self._received += len(message.get("body", b""))
        if self._received > self._max_bytes:
            raise _too_large(self._max_bytes)
        return message

    def closing(self, send: Send) -> Send:
        """Wraps ``send`` to close the connection after the response if the body is incomplete."""

        async def send_closing(message: Message) -> None:
            if self._complete:
                await send(message)
            elif message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                headers["Connection"] = "close"
                await send({**message, "headers": headers.raw})
            elif message.get("more_body", False):
                await send(message)
            else:
                await send({**message, "more_body": True})
                await self._drop_rest()
                await send(_END)

        return send_closing

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            raise RequestTimeoutError(
                f"the request body did not arrive within {self._seconds:g} s"
            ) from error
        self._complete = not message.get("more_body", False)
        return message

    async def _drop_rest(self) -> None:
        try:
            while not self._complete:
                await self._next()
        except RequestTimeoutError:
            return


def _too_large(max_bytes: int) -> TooLargeError:
    return TooLargeError(f"the request body is larger than {max_bytes:,} bytes")


def _declared_bytes(scope: Scope) -> int | None:
    """``Content-Length`` in bytes, 0 without a body; ``None`` for chunked bodies."""
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value) if value.isdigit() else None
    return length


class ConcurrencyLimit:
    """Rejects requests with 503 while ``max_requests`` are in progress, except health checks."""

    def __init__(self, app: ASGIApp, max_requests: int, metrics: Metrics) -> None:
        self._app = app
        self._max_requests = max_requests
        self._in_flight = 0
        metrics.in_flight.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if within(scope["path"]) in HEALTH:
            await self._answer(scope, receive, send)
            return
        if self._in_flight >= self._max_requests:
            error = BusyError(f"at most {self._max_requests} requests are handled at a time")
            await error_response(error)(scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self._in_flight -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle HEAD like GET; the server leaves the body out."""
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send)
        finally:  # outer middleware reads what inner ones leave in the scope
            scope.update({**as_get, "method": "HEAD"})
