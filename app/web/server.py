"""Runs the app under uvicorn until it is told to stop."""

import asyncio
import errno
import socket
from collections.abc import Callable
from functools import partial
from typing import Final, cast

import uvicorn
from fastapi import FastAPI

from app.errors import StartupError
from app.settings import Settings
from app.web.protocol import BoundedProtocol

_BACKLOG: Final = 2048


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        StartupError: the address is in use or not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        foreign = isinstance(error, socket.gaierror) or error.args[0] == errno.EADDRNOTAVAIL
        other = "--host" if foreign else "--port"
        raise StartupError(
            f"port {port} on {host} cannot be bound ({reason}); choose another with {other}"
        ) from error
    return listener


class _Server(uvicorn.Server):
    """Says when it listens, and answers ``/readyz`` with 503 as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._listening()

    def handle_exit(self, sig: int, frame: object) -> None:
        self._app.state.ready = False
        super().handle_exit(sig, frame)  # type: ignore[arg-type]  # handed on as it came
        self._captured_signals.clear()  # else uvicorn ends by the signal, and not with exit code 0


def run(
    app: FastAPI, settings: Settings, listener: socket.socket, listening: Callable[[], None]
) -> None:
    """Serve until told to stop; ``listening`` is called once requests are answered."""
    protocol = partial(BoundedProtocol, seconds=settings.receive_seconds, metrics=app.state.metrics)
    config = uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", protocol),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    _Server(config, app, listening).run(sockets=[listener])
