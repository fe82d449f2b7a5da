"""Bounds what a client may send: a size, and a time to send it in, however it is sent."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import TooLargeError
from app.web.problems import problem, problem_of


class _TooSlowError(Exception):
    """The body did not arrive in time."""


class Receipt:
    """Refuses bodies that are too large (413) or too slow (408), chunked ones too, and closes.

    Args:
        app: what to guard.
        max_bytes: of a body.
        seconds: from the first look at the body to its end.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        answered = False

        async def send_noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, self._bounded(receive), send_noted)
        except (TooLargeError, _TooSlowError) as error:
            if answered:
                raise
            await self._refuse(error)(scope, receive, send)

    def _bounded(self, receive: Receive) -> Receive:
        received = 0
        complete = False
        deadline = asyncio.get_running_loop().time() + self._seconds

        async def receive_bounded() -> Message:
            nonlocal received, complete
            if complete:  # what is still to come is a disconnect, for which there is no deadline
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError as error:
                raise _TooSlowError from error
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > self._max_bytes:
                raise TooLargeError(
                    f"the request body is larger than the {self._max_bytes} bytes that are allowed"
                )
            return message

        return receive_bounded

    def _refuse(self, error: Exception) -> ASGIApp:
        close = {"Connection": "close"}
        if isinstance(error, TooLargeError):
            response = problem_of(error)
            response.headers.update(close)
            return response
        return problem(
            408,
            "too_slow",
            "Too slow",
            f"the request body did not arrive within {self._seconds:g} seconds",
            headers=close,
        )


def _has_body(scope: Scope) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])
