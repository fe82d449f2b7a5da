"""Prometheus metrics, liveness and readiness."""

import platform
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

from skiplens.service.services import Services
from skiplens.web.http.problems import NOT_READY, Problem, ProblemResponse

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0)


class Metrics:
    """The server's metrics, in a registry of their own so that several apps can live side by side.

    Attributes:
        registry: what ``/metrics`` prints.
        requests: by route and status code.
        seconds: by route.
        stage_seconds: by stage of the work.
        refusals: by problem code.
        in_flight: requests in the works.
    """

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "skiplens_requests", "Requests answered", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "skiplens_request_seconds",
            "Time to answer a request",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.stage_seconds = Histogram(
            "skiplens_stage_seconds",
            "Time in each stage of the work",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.refusals = Counter(
            "skiplens_refusals", "Requests refused", ("reason",), registry=self.registry
        )
        self.in_flight = Gauge(
            "skiplens_requests_in_flight", "Requests in the works", registry=self.registry
        )
        build = Info("skiplens_build", "What is running", registry=self.registry)
        build.info({"version": version, "python": platform.python_version()})

    def watch(self, services: Services) -> None:
        """Report queue depth, cache hits and stored digits of these services from now on."""
        self.registry.register(_ServicesCollector(services))


class _ServicesCollector(Collector):
    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> list[Metric]:
        """Read the gauges off the services at the moment of asking."""
        services = self._services
        queue = GaugeMetricFamily(
            "skiplens_queue_depth", "Computations waiting", labels=["network"]
        )
        for engine in services.registry.networks:
            queue.add_metric([engine.manifest.id], engine.waiting)
        hits, misses = services.runner.hits, services.runner.misses
        return [
            queue,
            CounterMetricFamily("skiplens_cache_hits", "Examinations found in memory", hits),
            CounterMetricFamily("skiplens_cache_misses", "Examinations computed", misses),
            GaugeMetricFamily("skiplens_digits_stored", "Digits kept", services.digits.count()),
        ]


router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The server runs."""

    status: Literal["alive"] = Field(description="always `alive`")


class Ready(BaseModel):
    """The networks are loaded."""

    status: Literal["ready"] = Field(description="always `ready`; otherwise the answer is a 503")


@router.get("/healthz", summary="Alive")
async def healthz() -> Alive:
    return Alive(status="alive")


@router.get("/readyz", summary="Ready to answer", response_model=Ready, responses=NOT_READY)
async def readyz(request: Request) -> Response:
    if getattr(request.app.state, "ready", False):
        return Response('{"status":"ready"}', media_type="application/json")
    detail = "the server is starting or stopping"
    return ProblemResponse(Problem(503, "not_ready", "Not ready", detail))


@router.get("/metrics", summary="Prometheus", response_class=Response)
def metrics(request: Request) -> Response:
    kept: Metrics = request.app.state.metrics
    return Response(generate_latest(kept.registry), media_type=CONTENT_TYPE_LATEST)
