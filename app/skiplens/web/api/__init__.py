"""The JSON and picture API under ``/api/v1``."""

from fastapi import APIRouter

from skiplens.web.api import (
    activations,
    blocks,
    comparisons,
    dataset,
    digits,
    networks,
)
from skiplens.web.http.problems import PROBLEMS
from skiplens.web.links import API

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
