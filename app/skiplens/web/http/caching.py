"""HTTP caching: ETags, immutable and revalidated responses, gzip, the response cache."""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Final
from urllib.parse import quote

from anyio import to_thread
from cachetools import LRUCache
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skiplens.errors import BusyError
from skiplens.service.admission import Place

PNG: Final = "image/png"
NPY: Final = "application/x-npy"
NPZ: Final = "application/x-npz"
CSV: Final = "text/csv; charset=utf-8"
_GZIP_LEVEL: Final = 6
_ZERO_QUALITY: Final = frozenset({"0", "0.", "0.0", "0.00", "0.000"})
IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATED: Final = "public, no-cache"
_PAUSE_S: Final = 0.5


def etag_matches(etag: str, headers: Headers) -> bool:
    """Whether ``If-None-Match`` names this ETag."""
    known = headers.get("if-none-match", "")
    return etag in known or known.strip() == "*"


def immutable_response(
    request: Request, content: bytes, media_type: str, download: str | None = None
) -> Response:
    """A response that clients may cache for ever; 304 if ``If-None-Match`` matches.

    Args:
        request: request to answer.
        content: body.
        media_type: media type of the body.
        download: file name for saving.
    """
    return _cacheable(request, content, media_type, IMMUTABLE, download)


def versioned_response(request: Request, content: bytes, version: str) -> Response:
    """A picture: cached for ever under the current ``version=``, else revalidated each time."""
    current = request.query_params.get("version") == version
    return _cacheable(request, content, PNG, IMMUTABLE if current else REVALIDATED, None)


def revalidated_response(
    request: Request, content: bytes, media_type: str, download: str | None = None
) -> Response:
    """A response that clients may cache but must revalidate each time.

    For content that can change at the same address, such as arrays of a retrained network.
    """
    return _cacheable(request, content, media_type, REVALIDATED, download)


def streamed_response(
    request: Request,
    parts: Iterator[bytes],
    media_type: str,
    version: str,
    download: str,
    size: int | None = None,
) -> Response:
    """A large file whose parts are computed one after another, each in a place of its own; a
    client that reads slowly holds no place meanwhile.

    Args:
        request: request to answer.
        parts: of the file.
        media_type: of the file.
        version: with the file's name, tells the content apart from any other of this server.
        download: file name for saving.
        size: bytes of all parts, if that is known.
    """
    headers = _cache_headers(request, f"{version} {download}".encode(), REVALIDATED)
    if etag_matches(headers["ETag"], request.headers):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = _disposition(download)
    if size is not None:
        headers["Content-Length"] = str(size)
    return StreamingResponse(_in_places(request, parts), headers=headers, media_type=media_type)


async def _in_places(request: Request, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    place: Place = request.scope["skiplens.place"]
    while part := await to_thread.run_sync(next, parts, b""):
        place.give()
        yield part
        await _take_again(place)


async def _take_again(place: Place) -> None:
    """Wait for a place for as long as it takes: the answer has begun."""
    while True:
        try:
            await place.take()
        except BusyError:
            await asyncio.sleep(_PAUSE_S)
        else:
            return


def _disposition(name: str) -> str:
    """``Content-Disposition`` with the name to save a file by; names of layers hold any characters
    (RFC 6266).
    """
    quoted = quote(name)
    return f"inline; filename*=UTF-8''{quoted}" if quoted != name else f'inline; filename="{name}"'


def _cache_headers(request: Request, content: bytes, cache_control: str) -> dict[str, str]:
    """``ETag``, which tells this content apart from any other, and ``Cache-Control``."""
    if request.scope.get("skiplens.private"):
        cache_control = cache_control.replace("public", "private")
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return {"ETag": etag, "Cache-Control": cache_control}


def _cacheable(
    request: Request, content: bytes, media_type: str, cache_control: str, download: str | None
) -> Response:
    headers = _cache_headers(request, content, cache_control)
    if etag_matches(headers["ETag"], request.headers):
        return Response(status_code=304, headers=headers)
    if download is not None:
        headers["Content-Disposition"] = _disposition(download)
    return Response(content, media_type=media_type, headers=headers)


def takes_gzip(headers: Headers) -> bool:
    """Whether the client accepts gzip."""
    for offer in headers.get("accept-encoding", "").replace(" ", "").lower().split(","):
        name, _, quality = offer.partition(";q=")
        if name == "gzip":
            return quality not in _ZERO_QUALITY
    return False


def gzipped(content: bytes) -> bytes:
    """Deterministic gzip; above level 6 pages hardly get smaller."""
    return gzip.compress(content, _GZIP_LEVEL, mtime=0)


def compressed(request: Request, response: Response) -> Response:
    """The response, compressed if the client accepts gzip.

    Pages hold no secrets, so their compressed size reveals nothing (BREACH).
    """
    response.headers.add_vary_header("Accept-Encoding")
    if takes_gzip(request.headers):
        response.body = gzipped(bytes(response.body))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


_OK: Final = 200
_OVERHEAD: Final = 2048  # bytes of headers and objects of each response
_Key = tuple[str, bytes]
_CachedResponse = tuple[str, list[tuple[bytes, bytes]], bytes]


class ResponseCache:
    """In-memory cache of GET responses that may be cached and have an ETag but no ``Vary``.

    For these, the same path and query give the same bytes while the process runs.

    Args:
        app: next ASGI app.
        max_bytes: maximum size of the cache, including addresses, which clients may make long.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._cache: LRUCache[_Key, tuple[int, _CachedResponse]] = LRUCache(
            max_bytes, getsizeof=lambda entry: entry[0]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"])
        cached = self._cache.get(key)
        if cached is not None:
            await _answer(cached[1], scope, send)
            return
        await self._app(scope, receive, self._storing(key, scope, send))

    def _storing(self, key: _Key, scope: Scope, send: Send) -> Send:
        start: Message = {}

        async def send_storing(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = {**message}
            elif _is_cacheable(start) and _is_complete(start, message):
                route = getattr(scope.get("route"), "path", "")
                self._store(key, (route, list(start["headers"]), message["body"]))
            await send(message)

        return send_storing

    def _store(self, key: _Key, answer: _CachedResponse) -> None:
        size = len(key[0]) + len(key[1]) + len(answer[2]) + _OVERHEAD
        if size <= self._cache.maxsize:
            self._cache[key] = (size, answer)


def _is_cacheable(start: Message) -> bool:
    if start.get("status") != _OK:
        return False
    headers = Headers(raw=start["headers"])
    kept = headers.get("cache-control", "").startswith(("public", "private"))
    return kept and "etag" in headers and "vary" not in headers


def _is_complete(start: Message, message: Message) -> bool:
    length = next((value for name, value in start["headers"] if name == b"content-length"), b"")
    return length == str(len(message.get("body", b""))).encode()


async def _answer(cached: _CachedResponse, scope: Scope, send: Send) -> None:
    route, headers, body = cached
    scope["skiplens.route"] = route
    conditional = b"if-none-match" in dict(scope["headers"])
    if conditional and etag_matches(Headers(raw=headers)["etag"], Headers(scope=scope)):
        headers = [(name, value) for name, value in headers if not name.startswith(b"content-")]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": _OK, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
