"""The fastest that Starlette can be: one route, one body. ``python -m benchmarks.bare FILE``."""

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/grid.png"


def bare_app(content: bytes) -> Starlette:
    """Answers :data:`PATH` with the bytes of a PNG."""

    async def grid(_: Request) -> Response:
        return Response(content, media_type="image/png")

    return Starlette(routes=[Route(PATH, grid)])


def main() -> None:
    """Serve at a free port like :func:`skiplens.web.http.event_loop.run`, and print the address."""
    app = bare_app(Path(sys.argv[1]).read_bytes())
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
