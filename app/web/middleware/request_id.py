"""Gives every request an id, or keeps the one that a proxy gave it."""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.requests import REQUEST_ID_HEADER, new_request_id, set_request_id

_ACCEPTED: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Puts the id into the context, and into the response's ``X-Request-Id``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = _given(scope) or new_request_id()
        set_request_id(chosen)
        named = (REQUEST_ID_HEADER, chosen.encode())

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], named]
            await send(message)

        await self._app(scope, receive, send_named)


def _given(scope: Scope) -> str:
    """The id that a proxy gave the request; empty where there is none, or none that is taken."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID_HEADER and _ACCEPTED.fullmatch(value):
            return str(value, "ascii")
    return ""
