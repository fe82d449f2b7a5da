"""Prometheus metrics, liveness and readiness."""

import platform
from contextlib import suppress
from typing import Literal

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
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field

from skiplens.errors import StoreDamagedError
from skiplens.service.services import Services
from skiplens.web.http.problems import NOT_READY, Problem, ProblemResponse, error_response

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0)


class Metrics:
    """The server's metrics, in a registry of their own so that one process can run several apps.

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
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "skiplens_requests", "Requests answered", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "skiplens_request_seconds",
            "Response time",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.stage_seconds = Histogram(
            "skiplens_stage_seconds",
            "Time spent in each stage of a request",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.refusals = Counter(
            "skiplens_refusals", "Requests rejected", ("reason",), registry=self.registry
        )
        self.in_flight = Gauge(
            "skiplens_requests_in_flight", "Requests in progress", registry=self.registry
        )
        self.receiving = Gauge(
            "skiplens_bodies_receiving", "Request bodies that are arriving", registry=self.registry
        )
        build = Info("skiplens_build", "Version of the program", registry=self.registry)
        build.info({"version": version, "python": platform.python_version()})

    def watch(self, services: Services) -> None:
        """Report queue depth, cache hits and stored digits of these services."""
        self.registry.register(_ServicesCollector(services))


class _ServicesCollector(Collector):
    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> list[Metric]:
        services = self._services
        queue = GaugeMetricFamily(
            "skiplens_queue_depth", "Computations waiting", labels=["network"]
        )
        for engine in services.registry.networks:
            queue.add_metric([engine.manifest.id], engine.waiting)
        hits, misses = services.runner.hits, services.runner.misses
        stored = GaugeMetricFamily("skiplens_digits_stored", "Stored digits")
        with suppress(StoreDamagedError):
            stored.add_metric([], services.digits.count())
        return [
            queue,
            CounterMetricFamily("skiplens_cache_hits", "Forward passes found in the cache", hits),
            CounterMetricFamily("skiplens_cache_misses", "Forward passes computed", misses),
            stored,
        ]


router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The server is running."""

    status: Literal["alive"] = Field(description="always `alive`")


class Ready(BaseModel):
    """The networks are loaded."""

    status: Literal["ready"] = Field(description="always `ready`; otherwise the answer is a 503")


@router.get("/healthz", summary="Liveness")
async def healthz() -> Alive:
    return Alive(status="alive")


@router.get("/readyz", summary="Readiness", response_model=Ready, responses=NOT_READY)
async def readyz(request: Request) -> Response:
    if getattr(request.app.state, "ready", False):
        services: Services = request.app.state.services
        try:
            services.digits.check()
        except StoreDamagedError as error:
            return error_response(error)
        return Response('{"status":"ready"}', media_type="application/json")
    detail = "the server is starting or stopping"
    return ProblemResponse(Problem(503, "not_ready", "Not ready", detail))


@router.get("/metrics", summary="Metrics in Prometheus format", response_class=Response)
def metrics(request: Request) -> Response:
    collected: Metrics = request.app.state.metrics
    return Response(generate_latest(collected.registry), media_type=CONTENT_TYPE_LATEST)
