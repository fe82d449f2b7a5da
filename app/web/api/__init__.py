"""The JSON and picture API under ``/api/v1``."""

from fastapi import APIRouter

from app.web.api import (
    blocks,
    comparisons,
    dataset,
    digits,
    live,
    networks,
    palettes,
    statistics,
    units,
    views,
)
from app.web.problems import PROBLEMS
from app.web.urls import API

router = APIRouter(prefix=API, responses=PROBLEMS)
for part in (
    networks.router,
    digits.router,
    views.router,
    live.router,
    blocks.router,
    comparisons.router,
    dataset.router,
    palettes.router,
    units.router,
    statistics.router,
):
    router.include_router(part)
