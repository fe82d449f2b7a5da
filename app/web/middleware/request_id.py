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
        given = next((value for name, value in scope["headers"] if name == REQUEST_ID_HEADER), b"")
        chosen = given if _ACCEPTED.fullmatch(given) else new_request_id().encode()
        set_request_id(chosen.decode())

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (REQUEST_ID_HEADER, chosen)]
            await send(message)

        await self._app(scope, receive, send_named)
