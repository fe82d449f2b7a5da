"""Serves the site below a path of its host, as a proxy asks for it."""

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from skiplens.web.links import set_root

PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_HEADER: Final = b"x-forwarded-prefix"
_MAX_LENGTH: Final = 256


class PathPrefix:
    """Has every address of a response lie below a path, and finds the routes below it.

    Requests may name the path in front of the site's own, or not: some proxies take it off. The
    path alone, without a slash at its end, is the front page too.

    Args:
        app: next ASGI app.
        root_path: the path, without a slash at its end; empty for none.
        trusts_header: whether ``X-Forwarded-Prefix`` names the path instead where a proxy sends it.
    """

    def __init__(self, app: ASGIApp, root_path: str, *, trusts_header: bool) -> None:
        self._app = app
        self._root_path = root_path
        self._trusts_header = trusts_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            root = self._root_of(scope)
            set_root(root)
            if root:
                path = scope["path"]
                path = f"{root}/" if path == root else path
                is_below = path.startswith(f"{root}/")
                # As ASGI has it: the path is the whole one, and begins with the root.
                scope["root_path"], scope["path"] = root, path if is_below else root + path
        await self._app(scope, receive, send)

    def _root_of(self, scope: Scope) -> str:
        if self._trusts_header:
            for name, value in scope["headers"]:
                if name == _HEADER:
                    root = str(value, "latin-1").rstrip("/")
                    if len(root) <= _MAX_LENGTH and PREFIX.fullmatch(root):
                        return root
        return self._root_path
