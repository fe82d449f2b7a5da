"""Every setting with its default; each is also an environment variable, ``SKIPLENS_...``."""

import json
import os
import signal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from platformdirs import user_data_path
from pydantic import BeforeValidator, Field, FiniteFloat
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from skiplens.core.limits import (
    MAX_DOWNLOAD_BYTES,
    WAIT_SECONDS,
    DecodingBounds,
    ImageLimits,
    InterpreterLimits,
    StoreLimits,
)
from skiplens.errors import StartupError

_PACKAGE: Final = Path(__file__).resolve().parent
# models/, static/ and templates/ lie inside the package in a wheel, at the top of a checkout.
ROOT: Final = _PACKAGE if (_PACKAGE / "templates").is_dir() else _PACKAGE.parents[1]
KIBIBYTE: Final = 1024
MEBIBYTE: Final = 1024 * 1024
GIBIBYTE: Final = 1024 * MEBIBYTE
TEBIBYTE: Final = 1024 * GIBIBYTE
MILLION: Final = 1_000_000
HOUR: Final = 3600.0
MAX_INTERPRETERS: Final = 64
MOST_PIXELS: Final = 100 * MILLION  # Pillow opens no image of more than 179 million
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _from_json(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise PydanticCustomError("files", "Input should be a JSON list of files") from error


def _without_slash(value: object) -> object:
    return value.rstrip("/") if isinstance(value, str) else value


def _data_folder() -> Path:
    """The user's.

    Raises:
        StartupError: the user has none: no ``HOME``, and an id that no account has.
    """
    try:
        return user_data_path("skiplens", appauthor=False)
    except RuntimeError as error:
        raise StartupError(
            "there is no home folder to keep digits in; choose a folder with SKIPLENS_STATE_DIR"
        ) from error


def _cores_of_a_worker(given: dict[str, Any]) -> int:
    """Cores for each of the processes that serve."""
    cores = min(os.cpu_count() or 1, MAX_INTERPRETERS)
    return max(1, cores // int(given.get("workers", 1)))


def _bound(default: float, least: float, most: float, description: str) -> Any:  # noqa: ANN401
    """A setting that bounds work, memory or waiting."""
    return Field(default, ge=least, le=most, description=description)


Files = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_from_json)]
# What a `Host` header can name, and a port is not compared.
Hosts = Annotated[
    tuple[Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9_.-]+|\[[A-Za-z0-9_.:%]+\])$")], ...],
    NoDecode,
    BeforeValidator(_split),
]
# What an `Origin` header can hold: no path follows the host.
Origins = Annotated[
    tuple[
        Annotated[
            str,
            Field(pattern=r"^(\*|null|[a-z][a-z0-9+.-]*://[^/?#\s]+)$"),
            BeforeValidator(_without_slash),
        ],
        ...,
    ],
    NoDecode,
    BeforeValidator(_split),
]
# The sources that a Content-Security-Policy takes, without what would end the directive.
Frames = Annotated[
    tuple[Annotated[str, Field(pattern=r"^('self'|[A-Za-z0-9.:/*-]+)$")], ...],
    NoDecode,
    BeforeValidator(_split),
]


class Settings(BaseSettings):
    """How the server runs. Bounds are all on by default."""

    model_config = SettingsConfigDict(
        env_prefix="SKIPLENS_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    # An empty one would be every interface.
    host: str = Field("127.0.0.1", min_length=1, description="address to bind to")
    port: int = Field(8000, ge=0, le=65535, description="port; 0 picks a free one")
    health_port: int | None = Field(
        None, ge=0, le=65535, description="one more port, at which only `/healthz` is answered"
    )
    engine: Literal["auto", "litert", "keras"] = Field("auto", description="auto, litert or keras")
    models_dir: Path = Field(ROOT / "models", description="folder of model folders")
    own_network: Path | None = Field(None, description="one more model folder")
    images: Files = Field((), description="image files to show it with, as a JSON list")
    state_dir: Path = Field(
        default_factory=_data_folder,
        description="folder for uploaded digits",
    )
    database_url: str = Field(
        "",
        repr=False,  # it may have a password
        description="PostgreSQL database for uploaded digits, instead of a file in that folder",
    )
    data: Path | None = Field(None, description="folder with MNIST, to browse its test set")
    default_network: str = Field("mnist-resnet", description="the network that / shows")
    log_format: Literal["text", "json"] = Field("text", description="text or json")
    workers: int = Field(1, ge=1, le=MAX_INTERPRETERS, description="processes that serve")
    interpreters: int = Field(
        default_factory=_cores_of_a_worker,
        ge=1,
        le=MAX_INTERPRETERS,
        description="LiteRT interpreters per network, at most, in each process that serves",
    )

    root_path: Annotated[str, BeforeValidator(_without_slash)] = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="path of the site on its host, behind a proxy: `/tools/skiplens`",
    )
    trust_prefix_header: bool = Field(
        False, description="take that path from the proxy's `X-Forwarded-Prefix`"
    )
    client_header: str = Field(
        "", description="header in which a proxy names the client's address, if there is one"
    )

    max_body_bytes: int = _bound(8 * MEBIBYTE, KIBIBYTE, GIBIBYTE, "largest request body")
    max_json_bytes: int = _bound(64 * KIBIBYTE, KIBIBYTE, GIBIBYTE, "largest digit as JSON")
    max_form_bytes: int = _bound(
        8 * KIBIBYTE, KIBIBYTE, GIBIBYTE, "largest body that is neither a digit nor a file"
    )
    max_form_fields: int = _bound(4, 2, 1000, "fields of a form, besides one file")
    max_held_bytes: int = _bound(
        DecodingBounds.held_bytes,
        64 * MEBIBYTE,
        TEBIBYTE,
        "memory for all request bodies and for decoding images, together: at least for as many "
        "large images as `SKIPLENS_DECODERS`, a small one and a body",
    )
    body_part_bytes: int = _bound(
        64 * KIBIBYTE,
        KIBIBYTE,
        GIBIBYTE,
        "part of a body that arrives before others have their turn, and is parsed in one go",
    )

    max_head_bytes: int = _bound(
        32 * KIBIBYTE, KIBIBYTE, MEBIBYTE, "request line, headers and trailers together"
    )
    max_headers: int = _bound(128, 16, 10_000, "headers and trailers of a request")
    max_parameters: int = _bound(128, 16, 10_000, "parameters in the query of an address")
    max_content_type_bytes: int = _bound(256, 128, 8 * KIBIBYTE, "content type of a body")
    max_chunk_share: FiniteFloat = _bound(
        0.125,
        0,
        10,
        "sizes and extensions of chunks, as a part of the body, besides `SKIPLENS_MAX_HEAD_BYTES`",
    )

    max_image_pixels: int = _bound(
        ImageLimits.pixels,
        784,
        MOST_PIXELS,
        "largest image, in pixels; all frames of an animation that are looked at",
    )
    max_image_side: int = _bound(
        ImageLimits.side, 28, 65_535, "longest side of an image, in pixels"
    )
    max_jpeg_pixels: int = _bound(
        ImageLimits.jpeg_pixels,
        784,
        MOST_PIXELS,
        "largest JPEG that can be decoded at half its size or less, in pixels",
    )
    max_image_parts: int = _bound(
        ImageLimits.parts, 1000, 10_000_000, "chunks, segments or blocks of an image file"
    )
    max_image_scans: int = _bound(
        ImageLimits.scans,
        16,
        10_000,
        "scans of a JPEG, and tables before them; frames of an animation that are looked at",
    )
    max_rle_pixels: int = _bound(
        ImageLimits.rle_pixels,
        784,
        MOST_PIXELS,
        "largest run-length encoded BMP, in pixels and in bytes",
    )
    max_strokes: int = _bound(ImageLimits.strokes, 1, 100_000, "strokes of a drawing")
    max_points: int = _bound(ImageLimits.points, 1, MILLION, "points of a stroke")
    max_discs: int = _bound(
        ImageLimits.discs, 100, 10_000_000, "discs of the pen in a drawing, and one for each point"
    )

    decoders: int = _bound(
        DecodingBounds.processes,
        1,
        MAX_INTERPRETERS,
        "processes that decode large images; one more is kept for small ones",
    )
    small_image_pixels: int = _bound(
        ImageLimits.small_pixels,
        784,
        MOST_PIXELS,
        "largest small image, in pixels times scans or frames; in bytes, a sixteenth of that",
    )
    max_decodes_waiting: int = _bound(
        DecodingBounds.waiting, 0, MILLION, "maximum images waiting for such a process"
    )
    decode_cpu_seconds: FiniteFloat = _bound(
        DecodingBounds.cpu_seconds, 0.01, HOUR, "processor time for one image"
    )
    decode_memory_bytes: int = _bound(
        DecodingBounds.memory_bytes,
        32 * MEBIBYTE,
        TEBIBYTE,
        "memory for one image; an eighth of that for a small one",
    )
    decode_seconds: FiniteFloat = _bound(
        DecodingBounds.seconds, 0.01, HOUR, "time limit to decode one image"
    )

    max_connections: int = _bound(2000, 1, MILLION, "maximum open connections")
    max_connecting: int = _bound(
        2048, 1, 65_535, "connections that the system makes before the server takes them"
    )
    max_pipelined: int = _bound(16, 1, 1000, "requests waiting on one connection")
    max_started: int = _bound(
        8,
        2,
        1000,
        "requests of one client that start in one turn of the event loop; or a quarter as many "
        "parts of bodies are read",
    )
    max_requests: int = _bound(256, 1, MILLION, "maximum concurrent requests")
    max_refusals: int = _bound(
        64, 1, MILLION, "refusals a second to one client, for want of places or of its share"
    )
    computing: int = Field(
        default_factory=lambda given: _cores_of_a_worker(given) + 1,
        ge=1,
        le=1000,
        description="requests that compute at a time, one fewer of one client",
    )
    extra_threads: int = _bound(4, 1, 1000, "threads besides, to store digits and for metrics")
    max_waiting: int = _bound(64, 0, MILLION, "maximum computations waiting, per network")
    max_writes_waiting: int = _bound(64, 0, MILLION, "maximum digits waiting to be stored")
    wait_seconds: FiniteFloat = _bound(
        WAIT_SECONDS, 0.01, HOUR, "time limit to wait: to compute, to decode, to store"
    )
    client_share: FiniteFloat = _bound(
        0.25, 0.001, 1, "part of requests, connections, bytes held and stored digits of one client"
    )

    receive_seconds: FiniteFloat = _bound(
        10.0,
        0.01,
        HOUR,
        "time limit to receive a request, and for a client to read from a response",
    )
    min_read_bytes: int = _bound(
        4 * KIBIBYTE, 64, MEBIBYTE, "least that a client reads of a response in that time"
    )
    max_unsent_bytes: int = _bound(
        64 * MEBIBYTE, MEBIBYTE, TEBIBYTE, "responses that clients have not read, together"
    )
    send_buffer_bytes: int = _bound(
        128 * KIBIBYTE, 4 * KIBIBYTE, GIBIBYTE, "responses in the system, of each connection"
    )
    stop_seconds: int = _bound(10, 0, int(HOUR), "time limit to finish requests when stopping")
    notice_seconds: FiniteFloat = _bound(
        0.5, 0, HOUR, "of that, for new requests to be answered 503; a quarter of it at most"
    )
    exit_seconds: FiniteFloat = _bound(
        1.0, 0.1, HOUR, "time limit to end after that, whatever still runs"
    )

    max_worker_ends: int = _bound(
        10, 1, 1000, "ends of the processes that serve together, unasked, within a minute"
    )

    max_digits: int = _bound(
        10_000,
        1,
        1000 * MILLION,
        "maximum stored digits, and a fiftieth as many images in colour; least recently used are "
        "deleted first",
    )
    max_lesson_digits: int = _bound(
        StoreLimits.lesson_digits, 1, 1000, "digits that a lesson keeps of those shown to it"
    )
    lesson_seconds: FiniteFloat = _bound(
        StoreLimits.lesson_seconds, 1, 366 * 24 * HOUR, "time for which it keeps them"
    )
    database_connections: int = _bound(
        StoreLimits.connections, 2, 100, "connections to a PostgreSQL database"
    )

    cache_bytes: int = _bound(
        64 * MEBIBYTE,
        0,
        TEBIBYTE,
        "memory for cached activations; more if two forward passes take more",
    )
    picture_cache_bytes: int = _bound(24 * MEBIBYTE, 0, TEBIBYTE, "memory for cached images")
    idle_interpreters: int = _bound(
        InterpreterLimits.idle,
        1,
        1000,
        "networks and gradients that are kept ready to compute, and two more for each of "
        "`SKIPLENS_INTERPRETERS`",
    )
    max_interpreter_bytes: int = _bound(
        InterpreterLimits.activation_bytes,
        MEBIBYTE,
        TEBIBYTE,
        "activations in all interpreters of a network, which are fewer if it is large",
    )
    max_download_bytes: int = _bound(
        MAX_DOWNLOAD_BYTES,
        0,
        4 * GIBIBYTE - 1,
        "largest file with the activations, or statistics, of all layers",
    )
    max_log_bytes: int = _bound(
        256 * KIBIBYTE, 4 * KIBIBYTE, GIBIBYTE, "log lines that nobody has read"
    )

    max_health_connections: int = _bound(64, 1, 10_000, "connections at the port for liveness")
    stalled_seconds: FiniteFloat = _bound(
        10.0, 0.5, HOUR, "time without a turn of the event loop, after which liveness is 503"
    )

    allowed_hosts: Hosts = Field(
        (),
        description="host names to answer, comma-separated, * for all; by default the loopback "
        "names and, if `host` is another interface, IP addresses and the machine's own name",
    )
    token: str = Field(
        "",
        repr=False,
        pattern="^[ -~]*$",  # what headers and cookies can hold
        description="token that clients must send, in ASCII; none by default",
    )
    cors_origins: Origins = Field(
        (), description="other sites whose scripts may call the API, comma-separated"
    )
    frame_ancestors: Frames = Field(
        (), description="sites that may show pages in a frame, comma-separated; * allows all"
    )
    cross_origin_pictures: bool = Field(False, description="let other sites show the pictures")
