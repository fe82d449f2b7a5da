"""The JSON and image API under ``/api/v1``."""

import json
from pathlib import Path
from typing import Any, Final

from skiplens.web.api import (
    activations,
    blocks,
    comparisons,
    dataset,
    digits,
    gradients,
    networks,
    units,
)
from skiplens.web.api.routing import EXAMPLE

EXAMPLES_FILE: Final = Path(__file__).parent / "examples.json"
"""Answers by path, written by ``scripts/write_openapi_examples.py``."""

ROUTES: Final = [
    *networks.router.routes,
    *digits.router.routes,
    *activations.router.routes,
    *units.router.routes,
    *blocks.router.routes,
    *gradients.router.routes,
    *blocks.depth_router.routes,
    *comparisons.router.routes,
    *dataset.router.routes,
    *networks.experiments_router.routes,
    *networks.palettes_router.routes,
]


def add_examples(schema: dict[str, Any]) -> None:
    """Add an example to each JSON answer of an OpenAPI schema, and those of an operation's own to
    its parameters.
    """
    for operations in schema["paths"].values():
        for operation in operations.values():
            own = operation.pop(EXAMPLE, {})
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in own:
                    parameter["schema"] |= {"examples": [own[parameter["name"]]]}
    for path, example in json.loads(EXAMPLES_FILE.read_bytes()).items():
        for operation in schema["paths"].get(path, {}).values():
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    response["content"]["application/json"]["example"] = example


def add_security(schema: dict[str, Any]) -> None:
    """Say in an OpenAPI schema how a server is told its token, if it has one."""
    scheme = {
        "type": "http",
        "scheme": "bearer",
        "description": "the token of a server that was given one (`SKIPLENS_TOKEN`)",
    }
    schema["components"]["securitySchemes"] = {_BEARER: scheme}
    schema["security"] = [{}, {_BEARER: []}]  # none, or this


_BEARER: Final = "bearer"
