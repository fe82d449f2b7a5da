"""Keeps answers that can never change in memory, in front of everything that makes them."""

from typing import Final

from cachetools import LRUCache
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.responses import is_known

_OK: Final = 200
_OVERHEAD: Final = 2048  # bytes of headers and objects, an answer
_Key = tuple[str, bytes]
_Kept = tuple[str, list[tuple[bytes, bytes]], bytes]


class KeptPictures:
    """Answers a GET again from memory if its first answer was ``public`` and bore an ETag.

    Of such answers the same path and query mean the same bytes for as long as the process lives,
    unless the answer says that it varies. The request's ``If-None-Match`` is
    honoured.

    Args:
        app: makes the answers.
        max_bytes: of all that is kept, addresses included: a client may choose long ones.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._kept: LRUCache[_Key, tuple[int, _Kept]] = LRUCache(
            max_bytes, getsizeof=lambda kept: kept[0]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"])
        kept = self._kept.get(key)
        if kept is not None:
            await _answer(kept[1], scope, send)
            return
        await self._app(scope, receive, self._keeping(key, scope, send))

    def _keeping(self, key: _Key, scope: Scope, send: Send) -> Send:
        start: Message = {}

        async def send_keeping(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = {**message}
            elif _lasting(start) and _whole(start, message):
                route = getattr(scope.get("route"), "path", "")
                self._keep(key, (route, list(start["headers"]), message["body"]))
            await send(message)

        return send_keeping

    def _keep(self, key: _Key, answer: _Kept) -> None:
        size = len(key[0]) + len(key[1]) + len(answer[2]) + _OVERHEAD
        if size <= self._kept.maxsize:
            self._kept[key] = (size, answer)


def _lasting(start: Message) -> bool:
    if start.get("status") != _OK:
        return False
    headers = Headers(raw=start["headers"])
    public = headers.get("cache-control", "").startswith("public")
    return public and "etag" in headers and "vary" not in headers


def _whole(start: Message, message: Message) -> bool:
    length = next((value for name, value in start["headers"] if name == b"content-length"), b"")
    return length == str(len(message.get("body", b""))).encode()


async def _answer(kept: _Kept, scope: Scope, send: Send) -> None:
    route, headers, body = kept
    scope["skiplens.route"] = route
    conditional = any(name == b"if-none-match" for name, _ in scope["headers"])
    if conditional and is_known(Headers(raw=headers)["etag"], Headers(scope=scope)):
        headers = [(name, value) for name, value in headers if not name.startswith(b"content-")]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": _OK, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
