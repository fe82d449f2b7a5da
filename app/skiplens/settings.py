"""Every setting with its default; each is also an environment variable, ``SKIPLENS_...``."""

import os
import signal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from platformdirs import user_data_path
from pydantic import BeforeValidator, Field, FiniteFloat
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from skiplens.errors import StartupError

_PACKAGE: Final = Path(__file__).resolve().parent
# models/, static/ and templates/ lie inside the package in a wheel, at the top of a checkout.
ROOT: Final = _PACKAGE if (_PACKAGE / "templates").is_dir() else _PACKAGE.parents[1]
KIBIBYTE: Final = 1024
MEBIBYTE: Final = 1024 * 1024
MAX_INTERPRETERS: Final = 64
BACKLOG: Final = 2048
"""Connections that the system accepts before the server does."""
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


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


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
# The sources that a Content-Security-Policy takes, without what would end the directive.
Frames = Annotated[
    tuple[Annotated[str, Field(pattern=r"^('self'|[A-Za-z0-9.:/*-]+)$")], ...],
    NoDecode,
    BeforeValidator(_split),
]


class Settings(BaseSettings):
    """How the server runs. Bounds are all on by default."""

    model_config = SettingsConfigDict(env_prefix="SKIPLENS_", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="address to bind to")
    port: int = Field(8000, ge=0, le=65535, description="port; 0 picks a free one")
    health_port: int | None = Field(
        None, ge=0, le=65535, description="one more port, at which only `/healthz` is answered"
    )
    engine: Literal["auto", "litert", "keras"] = Field("auto", description="auto, litert or keras")
    models_dir: Path = Field(ROOT / "models", description="folder of model folders")
    own_network: Path | None = Field(None, description="one more model folder")
    images: tuple[Path, ...] = Field((), description="image files to show it with, as a JSON list")
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

    max_body_bytes: int = Field(8 * MEBIBYTE, ge=1024, description="largest request body")
    max_json_bytes: int = Field(64 * KIBIBYTE, ge=1024, description="largest digit as JSON")
    max_form_bytes: int = Field(
        8 * KIBIBYTE, ge=1024, description="largest body that is neither a digit nor a file"
    )
    max_held_bytes: int = Field(
        128 * MEBIBYTE, ge=1024, description="bytes of all request bodies in memory together"
    )
    max_image_pixels: int = Field(
        16_000_000, ge=784, description="largest uploaded image, in pixels"
    )
    max_image_side: int = Field(8192, ge=28, description="longest side of an upload, in pixels")

    decoders: int = Field(
        1,  # with more, a server with the networks that ship may take more than 512 MB
        ge=1,
        le=MAX_INTERPRETERS,
        description="processes that decode large images; one more is kept for small ones",
    )
    max_decodes_waiting: int = Field(
        32, ge=0, description="maximum images waiting for such a process"
    )
    decode_cpu_seconds: FiniteFloat = Field(2.0, gt=0, description="processor time for one image")
    decode_memory_bytes: int = Field(
        272 * MEBIBYTE, ge=32 * MEBIBYTE, description="memory for one image"
    )
    decode_seconds: FiniteFloat = Field(5.0, gt=0, description="time limit to decode one image")

    max_connections: int = Field(2000, ge=1, description="maximum open connections")
    max_requests: int = Field(256, ge=1, description="maximum concurrent requests")
    computing: int = Field(
        default_factory=lambda given: _cores_of_a_worker(given) + 1,
        ge=1,
        description="requests that compute at a time; the others wait",
    )
    max_waiting: int = Field(64, ge=0, description="maximum computations waiting, per network")
    max_writes_waiting: int = Field(64, ge=0, description="maximum digits waiting to be stored")
    wait_seconds: FiniteFloat = Field(
        2.0, gt=0, description="time limit to wait: to compute, to decode, to store"
    )
    client_share: FiniteFloat = Field(
        0.25,
        gt=0,
        le=1,
        description="part of requests, connections, bytes held and stored digits of one client",
    )
    client_header: str = Field(
        "", description="header in which a proxy names the client's address, if there is one"
    )
    receive_seconds: FiniteFloat = Field(
        10.0,
        gt=0,
        description="time limit to receive a request, and for a client to read from a response",
    )
    stop_seconds: int = Field(10, ge=0, description="time limit to finish requests when stopping")

    max_digits: int = Field(
        10_000, ge=1, description="maximum stored digits; least recently used are deleted first"
    )
    cache_bytes: int = Field(
        64 * MEBIBYTE,
        ge=0,
        description="memory for cached activations; more if two forward passes take more",
    )
    max_download_bytes: int = Field(
        512 * MEBIBYTE,
        ge=0,
        lt=4 * 1024 * MEBIBYTE,
        description="largest file with the activations of all layers",
    )
    picture_cache_bytes: int = Field(32 * MEBIBYTE, ge=0, description="memory for cached images")

    allowed_hosts: Names = Field(
        (),
        description="host names to answer, comma-separated, * for all; by default those of the "
        "loopback interface, and addresses if `host` is another",
    )
    token: str = Field("", description="token that clients must send; none by default")
    cors_origins: Names = Field(
        (), description="other sites whose scripts may call the API, comma-separated"
    )
    frame_ancestors: Frames = Field(
        (), description="sites that may show pages in a frame, comma-separated; * allows all"
    )
    cross_origin_pictures: bool = Field(False, description="let other sites show the pictures")
