"""Every setting with its default; each is also an environment variable, ``SKIPLENS_...``."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from platformdirs import user_data_path
from pydantic import BeforeValidator, Field, FiniteFloat
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_PACKAGE: Final = Path(__file__).resolve().parent
# models/, static/ and templates/ lie inside the package in a wheel, at the top of a checkout.
ROOT: Final = _PACKAGE if (_PACKAGE / "templates").is_dir() else _PACKAGE.parents[1]
MEBIBYTE: Final = 1024 * 1024
MAX_INTERPRETERS: Final = 64


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _without_slash(value: object) -> object:
    return value.rstrip("/") if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """How the server runs. Bounds are all on by default."""

    model_config = SettingsConfigDict(env_prefix="SKIPLENS_", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="address to bind to")
    port: int = Field(8000, ge=0, le=65535, description="port; 0 picks a free one")
    engine: Literal["auto", "litert", "keras"] = Field("auto", description="auto, litert or keras")
    models_dir: Path = Field(ROOT / "models", description="folder of model folders")
    own_network: Path | None = Field(None, description="one more model folder")
    state_dir: Path = Field(
        default_factory=lambda: user_data_path("skiplens", appauthor=False),
        description="folder for uploaded digits",
    )
    data: Path | None = Field(None, description="folder with MNIST, to browse its test set")
    default_network: str = Field("mnist-resnet", description="the network that / shows")
    log_format: Literal["text", "json"] = Field("text", description="text or json")
    interpreters: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, MAX_INTERPRETERS),
        ge=1,
        le=MAX_INTERPRETERS,
        description="LiteRT interpreters per network",
    )

    root_path: Annotated[str, BeforeValidator(_without_slash)] = Field(
        "", pattern=r"^(/[A-Za-z0-9._~-]+)*$", description="path of the site on its host"
    )
    trust_prefix_header: bool = Field(
        False, description="take that path from the proxy's X-Forwarded-Prefix"
    )

    max_body_bytes: int = Field(8 * MEBIBYTE, ge=1024, description="largest request body")
    max_image_pixels: int = Field(
        16_000_000, ge=784, description="largest uploaded image, in pixels"
    )
    max_image_side: int = Field(8192, ge=28, description="longest side of an upload, in pixels")
    max_waiting: int = Field(64, ge=0, description="maximum computations waiting, per network")
    max_requests: int = Field(256, ge=1, description="maximum concurrent requests")
    max_digits: int = Field(
        10_000, ge=1, description="maximum stored digits; least recently used are deleted first"
    )
    cache_bytes: int = Field(256 * MEBIBYTE, ge=0, description="memory for cached activations")
    picture_cache_bytes: int = Field(32 * MEBIBYTE, ge=0, description="memory for cached images")
    receive_seconds: FiniteFloat = Field(
        10.0,
        gt=0,
        description="time limit to receive a request, and for a client to read from a response",
    )
    stop_seconds: int = Field(10, ge=0, description="time limit to finish requests when stopping")

    allowed_hosts: Names = Field(("*",), description="host names to answer, comma-separated")
    cors_origins: Names = Field(
        (), description="other sites whose scripts may call the API, comma-separated"
    )
