"""Static files, at addresses with a hash of them all, so that browsers may cache them for good.

The hash is a path segment: the modules that a module imports are then versioned with it.
Everything is read once, when the app is made; what is not in the table is not served. The style
sheets are one file to the browser, ``css/site.css``: which rule wins is a matter of their layers.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from skiplens.settings import ROOT
from skiplens.web import links
from skiplens.web.http.caching import gzipped, immutable_response, takes_gzip

FOLDER: Final = ROOT / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
SHEET: Final = "css/site.css"


class Assets:
    """The static files, by path below ``static/``.

    Attributes:
        files: content by path, ``css/site.css``.
        version: hash of all of them.
    """

    def __init__(self, content: Mapping[str, bytes]) -> None:
        self.files = content
        self._compressed: dict[str, bytes] = {}
        digest = hashlib.sha256()
        for path in sorted(content):
            digest.update(path.encode() + b"\0" + content[path])
        self.version = digest.hexdigest()[:12]

    def url(self, path: str) -> str:
        """The address of a file.

        Raises:
            KeyError: there is no such file.
        """
        if path not in self.files:
            raise KeyError(path)
        return links.at(f"/static/{self.version}/{path}")

    def router(self) -> APIRouter:
        """Serves the files."""
        router = APIRouter(include_in_schema=False)

        @router.get("/static/{version}/{path:path}", response_class=Response)
        def static(request: Request, version: str, path: str) -> Response:
            content = self.files.get(path)
            if content is None or version != self.version:
                raise HTTPException(404)
            return self._answer(request, path, content)

        return router

    def _answer(self, request: Request, path: str, content: bytes) -> Response:
        """Compressed once, when first asked for: at a start all of them would take too long."""
        small = takes_gzip(request.headers)
        if small and path not in self._compressed:
            self._compressed[path] = gzipped(content)
        media_type = _TYPES[Path(path).suffix]
        response = immutable_response(
            request, self._compressed[path] if small else content, media_type
        )
        response.headers["Vary"] = "Accept-Encoding"
        if small and response.status_code == HTTPStatus.OK:
            response.headers["Content-Encoding"] = "gzip"
        return response


@cache
def load_assets(folder: Path = FOLDER) -> Assets:
    """The files of a folder."""
    content = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in _TYPES and path.parent != folder / "css"
    }
    content[SHEET] = b"\n".join(sheet.read_bytes() for sheet in style_sheets(folder))
    return Assets(content)


def style_sheets(folder: Path = FOLDER) -> list[Path]:
    """The sheets that make up ``css/site.css``: ``base.css`` comes first and names the layers."""
    return sorted((folder / "css").glob("*.css"))
