"""Answers that never change: addressed by content, with a strong ETag."""

import hashlib
from typing import Final

from fastapi import Request, Response
from starlette.datastructures import Headers

PNG: Final = "image/png"
NPY: Final = "application/x-npy"
NPZ: Final = "application/x-npz"
IMMUTABLE: Final = "public, max-age=31536000, immutable"


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
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": IMMUTABLE}
    if is_known(etag, request.headers):
        return Response(status_code=304, headers=headers)
    if download is not None:
        headers["Content-Disposition"] = f'inline; filename="{download}"'
    return Response(content, media_type=media_type, headers=headers)


PNG_ANSWER: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {PNG: {}}, "description": "The picture"}
}
NPY_ANSWER: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {NPY: {}}, "description": "The array"}
}
NPZ_ANSWER: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {NPZ: {}}, "description": "The arrays by layer name"}
}
