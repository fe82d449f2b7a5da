"""HTTP caching: ETags, immutable and revalidated responses, gzip, the response cache."""

import gzip
import hashlib
from typing import Final

from cachetools import LRUCache
from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PNG: Final = "image/png"
NPY: Final = "application/x-npy"
NPZ: Final = "application/x-npz"
CSV: Final = "text/csv; charset=utf-8"
_LEVEL: Final = 6
_NEVER: Final = frozenset({"0", "0.", "0.0", "0.00", "0.000"})
IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATED: Final = "public, no-cache"


def etag_matches(etag: str, headers: Headers) -> bool:
    """Whether a request's ``If-None-Match`` says that the client has what bears this ETag."""
    known = headers.get("if-none-match", "")
    return etag in known or known.strip() == "*"


def immutable_response(
    request: Request, content: bytes, media_type: str, download: str | None = None
) -> Response:
    """An answer that may be kept for ever; empty with 304 where the client has it.

    Args:
        request: its ``If-None-Match`` is honoured.
        content: the body.
        media_type: of the body.
        download: file name to offer when it is saved.
    """
    return _kept(request, content, media_type, IMMUTABLE, download)


def revalidated_response(
    request: Request, content: bytes, media_type: str, download: str | None = None
) -> Response:
    """The same, but for the client's asking each time whether it still holds.

    Its address does not name all that it depends on: with other weights a network of that name
    gives other arrays.
    """
    return _kept(request, content, media_type, REVALIDATED, download)


def _kept(
    request: Request, content: bytes, media_type: str, keeping: str, download: str | None
) -> Response:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": keeping}
    if etag_matches(etag, request.headers):
        return Response(status_code=304, headers=headers)
    if download is not None:
        headers["Content-Disposition"] = f'inline; filename="{download}"'
    return Response(content, media_type=media_type, headers=headers)


def takes_gzip(headers: Headers) -> bool:
    """Whether a client says that it can undo gzip."""
    for offer in headers.get("accept-encoding", "").replace(" ", "").lower().split(","):
        name, _, quality = offer.partition(";q=")
        if name == "gzip":
            return quality not in _NEVER
    return False


def gzipped(content: bytes) -> bytes:
    """The same bytes for the same content; level 6 is where pages stop getting smaller."""
    return gzip.compress(content, _LEVEL, mtime=0)


def compressed(request: Request, response: Response) -> Response:
    """The answer, its body compressed if the client can undo that.

    Pages hold no secret beside what a visitor chose, so that their size gives nothing away.
    """
    response.headers.add_vary_header("Accept-Encoding")
    if takes_gzip(request.headers):
        response.body = gzipped(bytes(response.body))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


PNG_ANSWER: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {PNG: {}}, "description": "The picture"}
}
NPY_ANSWER: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {NPY: {}}, "description": "The array"}
}
CSV_ANSWER: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {"text/csv": {}}, "description": "The table, with a header"}
}
NPZ_ANSWER: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {NPZ: {}}, "description": "The arrays by layer name"}
}


_OK: Final = 200
_OVERHEAD: Final = 2048  # bytes of headers and objects, an answer
_Key = tuple[str, bytes]
_Kept = tuple[str, list[tuple[bytes, bytes]], bytes]


class ResponseCache:
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
    if conditional and etag_matches(Headers(raw=headers)["etag"], Headers(scope=scope)):
        headers = [(name, value) for name, value in headers if not name.startswith(b"content-")]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": _OK, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
