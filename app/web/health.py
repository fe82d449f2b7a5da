"""Alive, ready, and the numbers for Prometheus. Outside ``/api/v1``, and never refused as busy."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from app.web.metrics import Metrics
from app.web.problems import NOT_READY, problem

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The server runs."""

    status: Literal["alive"] = Field(description="always this word", examples=["alive"])


class Ready(BaseModel):
    """The networks are loaded."""

    status: Literal["ready"] = Field(
        description="this word; a server that is not ready answers with 503", examples=["ready"]
    )


@router.get("/healthz", summary="Alive")
async def healthz() -> Alive:
    return Alive(status="alive")


@router.get("/readyz", summary="Ready to answer", response_model=Ready, responses=NOT_READY)
async def readyz(request: Request) -> Response:
    if getattr(request.app.state, "ready", False):
        return Response('{"status":"ready"}', media_type="application/json")
    return problem(503, "not_ready", "Not ready", "the server is starting or stopping")


@router.get("/metrics", summary="Prometheus", response_class=Response)
def metrics(request: Request) -> Response:
    kept: Metrics = request.app.state.metrics
    return Response(generate_latest(kept.registry), media_type=CONTENT_TYPE_LATEST)
