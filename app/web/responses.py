"""Answers that a client may keep, each with a strong ETag; and text made smaller."""

import gzip
import hashlib
from typing import Final

from fastapi import Request, Response
from starlette.datastructures import Headers

PNG: Final = "image/png"
NPY: Final = "application/x-npy"
NPZ: Final = "application/x-npz"
CSV: Final = "text/csv; charset=utf-8"
_LEVEL: Final = 6
_NEVER: Final = frozenset({"0", "0.", "0.0", "0.00", "0.000"})
IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATED: Final = "public, no-cache"


def is_known(etag: str, headers: Headers) -> bool:
    """Whether a request's ``If-None-Match`` says that the client has what bears this ETag."""
    known = headers.get("if-none-match", "")
    return etag in known or known.strip() == "*"


def immutable(
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


def revalidated(
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
    if is_known(etag, request.headers):
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
