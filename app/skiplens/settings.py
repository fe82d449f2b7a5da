"""Every setting with its default; each is also an environment variable, ``SKIPLENS_...``."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from platformdirs import user_data_path
from pydantic import BeforeValidator, Field, FiniteFloat
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_PACKAGE: Final = Path(__file__).resolve().parent
# models/, static/ and templates/ are inside the package in a wheel, at the top of a checkout.
ROOT: Final = _PACKAGE if (_PACKAGE / "templates").is_dir() else _PACKAGE.parents[1]
MEBIBYTE: Final = 1024 * 1024
MAX_INTERPRETERS: Final = 64


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """Settings of the server. All limits are on by default."""

    model_config = SettingsConfigDict(env_prefix="SKIPLENS_", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="address to bind to")
    port: int = Field(8000, ge=0, le=65535, description="port; 0 takes any free one")
    engine: Literal["auto", "litert", "keras"] = Field(
        "auto", description="engine to run networks with"
    )
    models_dir: Path = Field(ROOT / "models", description="folder of model folders")
    state_dir: Path = Field(
        default_factory=lambda: user_data_path("skiplens", appauthor=False),
        description="folder of stored digits and indexes",
    )
    data: Path | None = Field(None, description="folder of MNIST, to browse its test digits")
    default_network: str = Field("mnist-resnet", description="id of the network shown at /")
    log_format: Literal["text", "json"] = Field("text", description="format of log lines")
    interpreters: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, MAX_INTERPRETERS),
        ge=1,
        le=MAX_INTERPRETERS,
        description="LiteRT interpreters for each network",
    )

    max_body_bytes: int = Field(8 * MEBIBYTE, ge=1024, description="maximum size of a request body")
    max_image_pixels: int = Field(
        16_000_000, ge=784, description="maximum pixels of an uploaded image"
    )
    max_image_side: int = Field(8192, ge=28, description="maximum side of an uploaded image")
    max_waiting: int = Field(64, ge=0, description="maximum waiting computations for each network")
    max_requests: int = Field(256, ge=1, description="maximum concurrent requests")
    max_digits: int = Field(
        10_000,
        ge=1,
        description="maximum stored digits; least recently used ones are deleted first",
    )
    cache_bytes: int = Field(256 * MEBIBYTE, ge=0, description="maximum size of cached activations")
    picture_cache_bytes: int = Field(
        32 * MEBIBYTE, ge=0, description="maximum size of cached images"
    )
    receive_seconds: FiniteFloat = Field(
        10.0,
        gt=0,
        description="maximum time to receive a request, and for a client to receive some data",
    )
    stop_seconds: int = Field(10, ge=0, description="maximum time to finish requests when stopping")

    allowed_hosts: Names = Field(("*",), description="accepted host names, comma-separated")
    cors_origins: Names = Field(
        (), description="other sites whose scripts may call the API, comma-separated"
    )
