"""The JSON and image API under ``/api/v1``."""

import json
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter

from skiplens.web.api import activations, blocks, comparisons, dataset, digits, networks
from skiplens.web.http.problems import PROBLEMS
from skiplens.web.links import API

EXAMPLES_FILE: Final = Path(__file__).parent / "examples.json"
"""Answers by path, written by ``scripts/write_openapi_examples.py``."""

router = APIRouter(prefix=API, responses=PROBLEMS)
for part in (
    networks.router,
    digits.router,
    activations.router,
    blocks.router,
    comparisons.router,
    dataset.router,
    networks.palettes_router,
):
    router.include_router(part)


def add_examples(schema: dict[str, Any]) -> None:
    """Add an example to each JSON answer of an OpenAPI schema."""
    for path, example in json.loads(EXAMPLES_FILE.read_bytes()).items():
        for operation in schema["paths"].get(path, {}).values():
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    response["content"]["application/json"]["example"] = example
