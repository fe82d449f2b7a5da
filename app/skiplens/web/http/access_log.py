"""Access log, request metrics and ``Server-Timing``."""

import asyncio
import time
from contextlib import suppress
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skiplens.core.timing import Record, TimingRecord
from skiplens.errors import OutOfResourcesError
from skiplens.web.http.headers import request_id
from skiplens.web.http.metrics import Metrics
from skiplens.web.http.problems import ProblemResponse, error_response, internal_error, stopping
from skiplens.web.links import HEALTH, within

_UNMATCHED: Final = "unmatched"
_FAILED: Final = 500
_UNANSWERED: Final = 499  # nginx's code for a client that disconnected before the response
_logger = structlog.get_logger("skiplens.access")


class AccessLog:
    """Logs and counts every request; answers unhandled exceptions with a problem."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = _logger.bind()  # structlog's proxy would look the logger up for every call
        # Looking labels up takes as long as counting.
        self._counts: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = _UNANSWERED
        with TimingRecord() as stages:

            async def send_timed(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = int(message["status"])  # pages give an enum, which logs its name
                    if stages:
                        message["headers"] = [*message["headers"], _server_timing(stages)]
                await send(message)

            try:
                await self._app(scope, receive, send_timed)
            except ClientDisconnect:
                pass
            except asyncio.CancelledError:  # the server stops and its grace period is over
                if status != _UNANSWERED:
                    raise
                await stopping()(scope, receive, send_timed)
            except Exception as error:
                failure = _failure(error, scope["path"])
                if status != _UNANSWERED:
                    raise
                await failure(scope, receive, send_timed)
            finally:
                self._note(scope, status, time.perf_counter() - started, stages)

    def _note(self, scope: Scope, status: int, seconds: float, stages: Record) -> None:
        route = _route(scope)
        requests, timed = self._counts.get((route, status)) or self._labelled(route, status)
        requests.inc()
        timed.observe(seconds)
        for stage, spent in stages.items():
            self._metrics.stage_seconds.labels(stage).observe(spent)
        if "skiplens.problem" in scope:
            self._metrics.refusals.labels(scope["skiplens.problem"]).inc()
        if within(scope["path"]) not in HEALTH or status >= _FAILED:
            self._log.info(
                "request",
                request_id=request_id(),
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round(seconds * 1000, 2),
            )

    def _labelled(self, route: str, status: int) -> tuple[Counter, Histogram]:
        requests = self._metrics.requests.labels(route, str(status))
        found = requests, self._metrics.seconds.labels(route)
        self._counts[route, status] = found
        return found


def _failure(error: Exception, path: str) -> ProblemResponse:
    """The answer to an exception, which is logged."""
    lacking = OutOfResourcesError.of(error)
    if lacking is None:
        _logger.exception(  # noqa: LOG004  # where it was caught
            "failed", request_id=request_id(), path=path
        )
        return internal_error()
    with suppress(MemoryError):  # less may be left than a line takes; a traceback takes much
        _logger.error("failed", request_id=request_id(), path=path, error=str(lacking))
    return error_response(lacking)


def _route(scope: Scope) -> str:
    """The path pattern of the route."""
    pattern = getattr(scope.get("route"), "path", None) or scope.get("skiplens.route")
    return str(pattern or _UNMATCHED)


def _server_timing(stages: Record) -> tuple[bytes, bytes]:
    parts = (f"{name};dur={seconds * 1000:.3f}" for name, seconds in stages.items())
    return b"server-timing", ", ".join(parts).encode()
