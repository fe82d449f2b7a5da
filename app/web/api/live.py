"""A digit under way: what a page shows while it is drawn. Nothing is stored, nothing is cached."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.requests import ClientDisconnect

from app.core.manifest import LayerInfo
from app.core.stages import stage
from app.service.catalogue import chosen_layers, switched_off
from app.service.digits import StoredDigit
from app.service.examination import examine_once
from app.web.dependencies import LONGEST_LIST, NetworkDep, Off
from app.web.live_schemas import FRAME, FRAME_ANSWER, live_frame
from app.web.problems import UPLOAD_PROBLEMS
from app.web.uploads import UPLOAD_BODY, UploadDep

router = APIRouter(tags=["views"])


async def get_layers(
    engine: NetworkDep,
    layers: Annotated[
        str | None,
        Query(
            description="layers whose maps are wanted, at most 64; none by default",
            examples=["stem.output,block1.sum"],
            max_length=LONGEST_LIST,
        ),
    ] = None,
) -> tuple[LayerInfo, ...]:
    """The layers that the query names."""
    return chosen_layers(engine.manifest, layers)


async def get_off(engine: NetworkDep, off: Off = None) -> tuple[str, ...]:
    """The blocks that are switched off."""
    return switched_off(engine.manifest, off)


async def get_drawn(request: Request, upload: UploadDep) -> StoredDigit:
    """The digit that the request brings.

    Raises:
        ClientDisconnect: nobody waits for the answer any more, so nothing is computed.
    """
    if await request.is_disconnected():
        raise ClientDisconnect
    return upload


@router.post(
    "/networks/{network}/live",
    summary="A digit under way: an image in, one binary frame out; nothing is kept",
    responses=UPLOAD_PROBLEMS | FRAME_ANSWER,
    openapi_extra=UPLOAD_BODY,
    response_class=Response,
)
def post_live(
    engine: NetworkDep,
    layers: Annotated[tuple[LayerInfo, ...], Depends(get_layers)],
    off: Annotated[tuple[str, ...], Depends(get_off)],
    drawn: Annotated[StoredDigit, Depends(get_drawn)],
) -> Response:
    examination, whole = examine_once(engine, drawn.digit, off)
    with stage("encode"):
        content = live_frame(examination, whole, drawn, layers)
    return Response(content, media_type=FRAME, headers={"Cache-Control": "no-store"})
