"""Runs the app under uvicorn, with a deadline for headers, which uvicorn itself has not."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import StartupError
from app.settings import Settings

_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n"
    b"Retry-After: 1\r\n\r\n"
)
_BACKLOG = 2048


def deadline_protocol(seconds: float) -> type[HttpToolsProtocol]:
    """uvicorn's HTTP protocol, closing connections whose request line and headers take longer than
    ``seconds``; a body has a deadline of its own in the app.
    """

    class DeadlineProtocol(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._arm()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            if self._deadline is None:
                self._arm()

        def on_headers_complete(self) -> None:
            self._disarm()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._disarm()
            super().connection_lost(exc)

        def _arm(self) -> None:
            self._deadline = self.loop.call_later(seconds, self._expire)

        def _disarm(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _expire(self) -> None:
            self._deadline = None
            if not self.transport.is_closing():
                self.transport.write(_TOO_SLOW)
                self.transport.close()

    return DeadlineProtocol


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
        raise StartupError(
            f"port {port} on {host} cannot be bound ({reason}); choose another with --port"
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


def run(
    app: FastAPI, settings: Settings, listener: socket.socket, listening: Callable[[], None]
) -> None:
    """Serve until told to stop; ``listening`` is called once requests are answered."""
    config = uvicorn.Config(
        app,
        http=deadline_protocol(settings.receive_seconds),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    _Server(config, app, listening).run(sockets=[listener])
