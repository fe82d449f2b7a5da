"""Takes on only so many requests at a time, and answers HEAD as GET."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import BusyError
from app.web.metrics import Metrics
from app.web.problems import problem_of
from app.web.urls import HEALTH


class Admission:
    """Refuses with 503 beyond a number of requests in the works; health checks always pass."""

    def __init__(self, app: ASGIApp, max_requests: int, metrics: Metrics) -> None:
        self._app = app
        self._max_requests = max_requests
        self._in_flight = 0
        metrics.in_flight.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in HEALTH:
            await self._answer(scope, receive, send)
            return
        if self._in_flight >= self._max_requests:
            error = BusyError(f"at most {self._max_requests} requests are taken on at a time")
            await problem_of(error)(scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self._in_flight -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, HEAD like GET: the server leaves the body out."""
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send)
        finally:  # what is noted there on the way is for those outside to read
            scope.update({**as_get, "method": "HEAD"})
