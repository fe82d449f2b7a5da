"""Puts the app together: :func:`create_app` and nothing else."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio.to_thread
import structlog
from fastapi import FastAPI
from starlette.middleware import Middleware

from app.service.services import Services
from app.settings import Settings
from app.web import api, health, pages, problems
from app.web.metrics import Metrics
from app.web.middleware.access import AccessLog
from app.web.middleware.admission import Admission
from app.web.middleware.pictures import KeptPictures
from app.web.middleware.receipt import Receipt
from app.web.middleware.request_id import RequestId
from app.web.middleware.security import HostsAndSites, SecurityHeaders, cross_origin

THREADS_BESIDE_THE_QUEUE = 16
_logger = structlog.get_logger(__name__)


def create_app(settings: Settings, open_services: Callable[[], Services]) -> FastAPI:
    """The app; its services are opened when it starts and closed when it stops.

    Args:
        settings: bounds and the like.
        open_services: opens engines and store; a test passes its own.
    """
    metrics = Metrics(version("skiplens"))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = open_services()
        metrics.watch(services)
        # A thread for each computation that may wait: an engine's queue refuses, the pool does not.
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = settings.max_waiting + THREADS_BESIDE_THE_QUEUE
        # An image may take up some hundred megabytes while it is decoded: one at a time a core.
        app.state.decoders = anyio.CapacityLimiter(settings.interpreters)
        app.state.services, app.state.ready = services, True
        for one in services.catalogue.networks:
            _logger.info("ready", network=one.manifest.id, engine=one.name, device=one.device)
        services.indexes.start(services.catalogue.networks)
        try:
            yield
        finally:
            app.state.ready = False
            services.close()

    app = FastAPI(
        title="skiplens",
        version=version("skiplens"),
        summary="See inside a residual network: every filter, every block, every digit.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # What we measure is in app.web.metrics; FastAPI would look for OpenTelemetry each time.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        middleware=[
            Middleware(RequestId),
            Middleware(SecurityHeaders),
            Middleware(AccessLog, metrics),
            *cross_origin(settings.cors_origins),
            Middleware(Receipt, settings.max_body_bytes, settings.receive_seconds),
            Middleware(HostsAndSites, settings.allowed_hosts, settings.cors_origins),
            Middleware(Admission, settings.max_requests, metrics),
            Middleware(KeptPictures, settings.picture_cache_bytes),
        ],
    )
    app.state.metrics = metrics
    problems.install(app)
    app.include_router(health.router)
    app.include_router(api.router)
    pages.install(app, settings.max_body_bytes)
    return app
