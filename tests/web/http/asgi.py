"""Talks ASGI to a middleware, message by message, without a server."""

import asyncio
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Exchange:
    """One request to an app.

    Attributes:
        scope: what the app was given.
        sent: what it sent.
    """

    def __init__(
        self,
        parts: Sequence[bytes | None] = (),
        *,
        method: str = "GET",
        path: str = "/",
        query: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.scope: Scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        }
        self.sent: list[Message] = []
        self._parts = list(parts)
        self._ended = asyncio.Event()

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def unread(self) -> int:
        """Parts of the body that nobody took."""
        return len(self._parts)

    async def run(self, app: ASGIApp) -> "Exchange":
        """Put the request to the app; the client goes away when it has the answer."""
        await app(self.scope, self._receive, self._send)
        return self

    async def _receive(self) -> Message:
        """The next part of the body; where it is ``None`` the client sends nothing more."""
        if not self._parts:
            return {"type": "http.disconnect"}
        if self._parts[0] is None:
            await self._ended.wait()
        part = self._parts.pop(0) or b""
        return {"type": "http.request", "body": part, "more_body": bool(self._parts)}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body that it was sent."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await reply(send, 200, body)


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without a look at the body."""
    await reply(send, 415, b"no")


async def reply(send: Send, status: int, body: bytes) -> None:
    """Sends a whole answer."""
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
