"""Creates the app from settings: services, routes, middleware."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
import structlog
from fastapi import FastAPI, Request, Response
from starlette.middleware import Middleware

from skiplens.core.limits import DecodingBounds, ImageLimits, InterpreterLimits, StoreLimits
from skiplens.engine.base import Engine
from skiplens.engine.select import open_engines
from skiplens.errors import DatasetError, StartupError, quoted
from skiplens.mnist import read_split
from skiplens.samples import PICTURE, draw_picture, load_samples, read_digit, read_picture
from skiplens.service.admission import Places, Quota
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.indexer import Dataset, IndexCache
from skiplens.service.decoding_pool import longest_side
from skiplens.service.digit_store import DigitDatabase, InputRecord
from skiplens.service.services import Services
from skiplens.settings import Settings
from skiplens.web import api, pages
from skiplens.web.http import problems
from skiplens.web.http.access_checks import HostAndOriginCheck, TokenCheck, cross_origin
from skiplens.web.http.access_log import AccessLog
from skiplens.web.http.caching import ResponseCache, revalidated_response
from skiplens.web.http.headers import ResponseHeaders
from skiplens.web.http.metrics import Metrics
from skiplens.web.http.metrics import router as health_router
from skiplens.web.http.path_prefix import PathPrefix
from skiplens.web.http.request_limits import BodyLimit, ComputingPlaces, ConcurrencyLimit

_logger = structlog.get_logger(__name__)


class SkiplensApp(FastAPI):
    """The app; its OpenAPI schema has examples, and names the token."""

    def openapi(self) -> dict[str, Any]:
        """The schema, made when it is first asked for."""
        if self.openapi_schema is None:
            schema = super().openapi()
            api.add_examples(schema)
            api.add_security(schema)
        return super().openapi()


def get_openapi(request: Request) -> Response:
    """The schema, which takes long to write: a response that is cached."""
    schema, root = request.app.openapi(), request.scope["root_path"]
    content = json.dumps({**schema, "servers": [{"url": root}]} if root else schema)
    return revalidated_response(request, content.encode(), "application/json")


def create_app(settings: Settings, get_services: Callable[[], Services]) -> FastAPI:
    """The app; it opens its services at startup and closes them at shutdown.

    Args:
        settings: of the server.
        get_services: opens engines and digit store.
    """
    metrics = Metrics(version("skiplens"))
    app: SkiplensApp

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = get_services()
        metrics.watch(services)
        # Whoever has a place to compute has a thread to do so.
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = settings.computing + settings.extra_threads
        app.state.services, app.state.ready = services, True
        for engine in services.registry.networks:
            _logger.info(
                "ready", network=engine.manifest.id, engine=engine.name, device=engine.device
            )
        services.indexes.start(services.registry.networks[:1])
        try:
            yield
        finally:
            app.state.ready = False
            services.close()

    app = SkiplensApp(
        title="skiplens",
        version=version("skiplens"),
        summary="See inside a residual network: every filter, every block, every digit.",
        lifespan=lifespan,
        openapi_url=None,  # that route would write the schema for every request
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would name the host that the client named
        # skiplens.web.http.metrics measures; FastAPI would look for OpenTelemetry on every request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        middleware=_middleware(
            settings,
            metrics,
            lambda: app.state.ready,
            lambda: app.state.services.decoding.memory,
        ),
    )
    app.state.metrics, app.state.ready = metrics, False
    app.state.settings = settings
    queue = partial(Places, 1, settings.max_writes_waiting, settings.wait_seconds)
    app.state.writing = queue("digits", settings.client_share)
    # What is answered without a place to compute takes no more than a thread each.
    app.state.printing = queue("requests for metrics", settings.client_share)
    app.state.checking = queue("checks of readiness", settings.client_share)
    problems.install(app)
    app.add_route("/openapi.json", get_openapi)
    app.routes.extend([*health_router.routes, *api.ROUTES])
    pages.install(app, settings.max_body_bytes)
    return app


def _middleware(
    settings: Settings,
    metrics: Metrics,
    is_ready: Callable[[], bool],
    memory: Callable[[], Quota],
) -> list[Middleware]:
    """From the outermost to the innermost."""
    return [
        Middleware(PathPrefix, settings.root_path, trusts_header=settings.trust_prefix_header),
        Middleware(
            ResponseHeaders,
            settings.frame_ancestors,
            shared_pictures=settings.cross_origin_pictures,
        ),
        Middleware(AccessLog, metrics),
        *cross_origin(settings.cors_origins),
        Middleware(BodyLimit, settings, metrics, is_ready, memory),
        Middleware(HostAndOriginCheck, settings),
        *([Middleware(TokenCheck, settings.token)] if settings.token else []),
        Middleware(ConcurrencyLimit, settings, metrics),
        Middleware(ResponseCache, settings.picture_cache_bytes),
        Middleware(ComputingPlaces, settings),
    ]


DATABASE_FILE: Final = "digits.sqlite3"
INDEX_FOLDER: Final = "indexes"


def open_services(
    settings: Settings,
    shared: Path | None = None,
    engines: Mapping[str, Engine] | None = None,
) -> Services:
    """Open engines, digit store, samples and data set.

    Args:
        settings: of the server.
        shared: folder of the processes that serve together, if there are several.
        engines: by network; opened by default.

    Raises:
        StartupError: one of them is unusable; the message says which.
    """
    decoding = _decoding_bounds(settings)
    dataset = open_dataset(settings.data, settings, shared) if settings.data else None
    engines = engines or open_engines(
        settings.models_dir,
        settings.engine,
        settings.interpreters,
        settings.max_waiting,
        settings.own_network,
        InterpreterLimits(settings.idle_interpreters, settings.max_interpreter_bytes),
    )
    if "default_network" in settings.model_fields_set and settings.default_network not in engines:
        raise StartupError(
            f"default network {quoted(settings.default_network)} (SKIPLENS_DEFAULT_NETWORK) is not "
            f"loaded; loaded are {', '.join(engines)}"
        )
    named = settings.own_network.name if settings.own_network else settings.default_network
    shown = engines.get(named) or next(iter(engines.values()))  # the images are for it
    of_digits = shown.manifest.takes_digits
    only_digits = all(engine.manifest.takes_digits for engine in engines.values())
    samples = load_samples()
    place = settings.database_url or settings.state_dir / DATABASE_FILE
    store = DigitDatabase(
        place,
        settings.max_digits,
        settings.wait_seconds,
        settings.client_share,
        StoreLimits(
            settings.max_lesson_digits, settings.lesson_seconds, settings.database_connections
        ),
    )
    return Services.create(
        engines,
        store,
        samples,
        default_network=settings.default_network,
        cache_bytes=settings.cache_bytes,
        limits=image_limits(settings),
        decoding=decoding,
        max_download_bytes=settings.max_download_bytes,
        dataset=dataset,
        models=settings.models_dir,
        pictures=()
        if only_digits
        else _pictures(
            () if of_digits else settings.images,
            longest_side(engine.manifest for engine in engines.values()),
        ),
        given=[_digit(path) for path in settings.images] if of_digits else (),
    )


def _decoding_bounds(settings: Settings) -> DecodingBounds:
    """The bounds of decoding uploaded images.

    Raises:
        StartupError: their memory does not suffice for as many images at a time, and a body.
    """
    bounds = DecodingBounds(
        processes=settings.decoders,
        waiting=settings.max_decodes_waiting,
        wait_seconds=settings.wait_seconds,
        cpu_seconds=settings.decode_cpu_seconds,
        memory_bytes=settings.decode_memory_bytes,
        held_bytes=settings.max_held_bytes,
        seconds=settings.decode_seconds,
        share=settings.client_share,
    )
    least = bounds.all_memory_bytes + settings.max_body_bytes
    if bounds.held_bytes < least:
        raise StartupError(
            f"setting max_held_bytes (SKIPLENS_MAX_HELD_BYTES) is {bounds.held_bytes:,}; it must "
            f"be at least {least:,}: for {bounds.processes} large images (SKIPLENS_DECODERS) of "
            f"{bounds.memory_bytes:,} bytes each (SKIPLENS_DECODE_MEMORY_BYTES), a small one, and "
            f"a body of {settings.max_body_bytes:,} (SKIPLENS_MAX_BODY_BYTES)"
        )
    return bounds


def image_limits(settings: Settings) -> ImageLimits:
    """The limits of uploaded images and of drawings."""
    return ImageLimits(
        pixels=settings.max_image_pixels,
        side=settings.max_image_side,
        jpeg_pixels=settings.max_jpeg_pixels,
        parts=settings.max_image_parts,
        scans=settings.max_image_scans,
        rle_pixels=settings.max_rle_pixels,
        small_pixels=settings.small_image_pixels,
        strokes=settings.max_strokes,
        points=settings.max_points,
        discs=settings.max_discs,
    )


def _digit(file: Path) -> InputRecord:
    """The digit in a file, named after it."""
    return replace(InputRecord.of_preprocessed(read_digit(file)), style=file.name)


def _pictures(files: Sequence[Path], longest: int) -> list[InputRecord]:
    """The samples for networks of other images than digits: the user's, their longer side at most
    ``longest``, or one that is drawn.
    """
    if not files:
        return [InputRecord.of_image(draw_picture(), PICTURE)]
    return [InputRecord.of_image(read_picture(path, longest), path.name) for path in files]


def open_dataset(source: Path, settings: Settings, shared: Path | None = None) -> Dataset:
    """The test digits in a folder with MNIST; indexing leaves one interpreter free for visitors.

    Raises:
        StartupError: the folder is missing or damaged, or contains no digit.
    """
    try:
        split = read_split(source, "test")
    except DatasetError as error:
        raise StartupError(
            f"data set {source} cannot be read: {error}; --data (SKIPLENS_DATA) names a folder "
            "with MNIST's test digits"
        ) from error
    cache = IndexCache(settings.state_dir / INDEX_FOLDER)
    workers = max(1, settings.interpreters - 1)
    return Dataset(LabelledDigits("dataset", split), cache, workers, shared)
