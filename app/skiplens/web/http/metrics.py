"""Prometheus metrics, liveness and readiness."""

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, Final, Literal

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field

from skiplens.errors import StoreDamagedError
from skiplens.service.services import Services
from skiplens.web.http.client_address import client_of
from skiplens.web.http.problems import (
    NOT_READY,
    TOKEN_NEEDED,
    Problem,
    ProblemResponse,
    error_response,
)

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0)


class Metrics:
    """The server's metrics, in a registry of their own so that one process can run several apps.

    Where several processes serve together (``PROMETHEUS_MULTIPROC_DIR``), each counts in files that
    all can read, and whichever is asked prints the sums.

    Attributes:
        registry: registry that ``/metrics`` prints.
        requests: requests by route and status code.
        seconds: response times by route.
        stage_seconds: computing times by stage.
        refusals: rejected requests by problem code.
        in_flight: requests in progress.
        receiving: request bodies that are arriving.
    """

    def __init__(self, version: str) -> None:
        self.registry = own = CollectorRegistry()
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            MultiProcessCollector(self.registry)  # type: ignore[no-untyped-call]
            own = CollectorRegistry()
        self.requests = Counter(
            "skiplens_requests", "Requests answered", ("route", "status"), registry=own
        )
        self.seconds = Histogram(
            "skiplens_request_seconds", "Response time", ("route",), buckets=_SECONDS, registry=own
        )
        self.stage_seconds = Histogram(
            "skiplens_stage_seconds",
            "Time spent in each stage of a request",
            ("stage",),
            buckets=_SECONDS,
            registry=own,
        )
        self.refusals = Counter("skiplens_refusals", "Requests rejected", ("reason",), registry=own)
        self.in_flight = _gauge("skiplens_requests_in_flight", "Requests in progress", own)
        self.receiving = _gauge(
            "skiplens_bodies_receiving", "Request bodies that are arriving", own
        )
        self._waiting = _gauge("skiplens_queue_depth", "Computations waiting", own, ("network",))
        self._hits = Counter(
            "skiplens_cache_hits", "Forward passes found in the cache", registry=own
        )
        self._misses = Counter("skiplens_cache_misses", "Forward passes computed", registry=own)
        self._followed: list[tuple[Callable[[float], None], Callable[[], float]]] = []
        self._refreshing = Lock()
        build = Info("skiplens_build", "Version of the program", registry=self.registry)
        build.info({"version": version, "python": platform.python_version()})

    def follow(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Set a gauge to a value whenever the metrics are brought up to date."""
        self._followed.append((gauge.set, value))

    def watch(self, services: Services) -> None:
        """Report queue depth, cache hits and stored digits of these services."""
        for engine in services.registry.networks:
            waiting = self._waiting.labels(engine.manifest.id)
            self.follow(waiting, partial(getattr, engine, "waiting"))
        runner = services.runner
        self._followed += [
            (_rise(self._hits), lambda: runner.hits),
            (_rise(self._misses), lambda: runner.misses),
        ]
        self.registry.register(_DigitRecords(services))

    def refresh(self) -> None:
        """Bring what is followed up to date: before it is printed, and about once a second, as
        other processes may print it.
        """
        with self._refreshing:  # a total that is counted late would be less than the one before
            for update, value in self._followed:
                update(value())

    def printed(self) -> bytes:
        """All series, up to date, in Prometheus' text format."""
        self.refresh()
        return generate_latest(self.registry)


def _gauge(
    name: str, what: str, registry: CollectorRegistry, labels: tuple[str, ...] = ()
) -> Gauge:
    """A gauge; of several processes, the sum over those that run."""
    return Gauge(name, what, labels, registry=registry, multiprocess_mode="livesum")


def _rise(counter: Counter) -> Callable[[float], None]:
    """Brings a counter up to a total of this process."""
    counted = 0.0

    def rise(total: float) -> None:
        nonlocal counted
        counter.inc(total - counted)
        counted = total

    return rise


class _DigitRecords(Collector):
    """All processes share the digits, so whoever is asked counts them."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> list[Metric]:
        stored = GaugeMetricFamily("skiplens_digits_stored", "Stored digits")
        with suppress(StoreDamagedError):
            stored.add_metric([], self._services.digits.database.count())
        return [stored]


router = APIRouter(tags=["health"])
_OPEN: Final[dict[str, Any]] = {"security": []}  # of an OpenAPI operation: it needs no token
_PRINTED: Final = {"text/plain": {"schema": {"type": "string"}}}


class Alive(BaseModel):
    """The server is running."""

    status: Literal["alive"] = Field(description="always `alive`")


class Ready(BaseModel):
    """The networks are loaded."""

    status: Literal["ready"] = Field(description="always `ready`; otherwise the answer is a 503")


@router.get("/healthz", summary="Liveness", openapi_extra=_OPEN)
async def healthz() -> Alive:
    return Alive(status="alive")


@router.get(
    "/readyz",
    summary="Readiness",
    response_model=Ready,
    responses=NOT_READY,
    openapi_extra=_OPEN,
)
async def readyz(request: Request) -> Response:
    if getattr(request.app.state, "ready", False):
        services: Services = request.app.state.services
        try:
            async with request.app.state.checking.place(client_of(request.scope)):
                await to_thread.run_sync(services.digits.database.check)
        except StoreDamagedError as error:
            return error_response(error)
        return Response('{"status":"ready"}', media_type="application/json")
    detail = "the server is starting or stopping"
    return ProblemResponse(Problem(503, "not_ready", "Not ready", detail))


@router.get(
    "/metrics",
    summary="Metrics in Prometheus format",
    responses={200: {"description": "The metrics", "content": _PRINTED}, **TOKEN_NEEDED},
    response_class=Response,
)
async def metrics(request: Request) -> Response:
    collected: Metrics = request.app.state.metrics
    async with request.app.state.printing.place(client_of(request.scope)):
        content = await to_thread.run_sync(collected.printed)
    return Response(content, media_type=CONTENT_TYPE_LATEST)
