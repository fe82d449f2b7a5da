"""What only a residual network has: its blocks in numbers and pictures, and the flow."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as PathParameter

from skiplens.core.colormaps import PaletteName
from skiplens.service.analysis import all_block_metrics, early_exits, flow
from skiplens.service.images import block_table, stage_table, streams
from skiplens.web.api import schemas
from skiplens.web.api.activations import VIEW
from skiplens.web.api.schemas import MapTable
from skiplens.web.http.caching import PNG, PNG_ANSWER, immutable_response
from skiplens.web.parameters import BlockDep, ForwardPassDep, NetworkDep, SignedPalette, Zoom

BLOCK = VIEW + "/blocks/{block}"
STREAM = VIEW + "/streams/{stream}"

Stream = Annotated[
    int, PathParameter(description="run of blocks of one shape, from 1", examples=[1])
]
Role = Annotated[
    Literal["output", "residual", "sum", "gate"],
    Query(description="which part of each block", examples=["residual"]),
]

router = APIRouter(tags=["blocks"])


@router.get(f"{VIEW}/blocks", summary="What each block does to what it is given")
def blocks(forward: ForwardPassDep) -> schemas.Blocks:
    return schemas.Blocks(blocks=list(all_block_metrics(forward)))


@router.get(BLOCK, summary="One block, in all and filter by filter")
def block(forward: ForwardPassDep, info: BlockDep) -> schemas.BlockDetail:
    return schemas.BlockDetail.of(forward, info)


@router.get(
    f"{BLOCK}/strip.png",
    summary="x, F(x), sum and output as rows, one column a filter, one scale",
    responses=PNG_ANSWER,
    response_class=Response,
)
def strip_png(
    request: Request,
    forward: ForwardPassDep,
    info: BlockDep,
    palette: SignedPalette = PaletteName.DUSK,
    zoom: Zoom = None,
) -> Response:
    return immutable_response(request, block_table(forward, info, palette, zoom).png(), PNG)


@router.get(f"{BLOCK}/strip.json", summary="The same strip in words")
def strip_json(
    forward: ForwardPassDep,
    info: BlockDep,
    palette: SignedPalette = PaletteName.DUSK,
    zoom: Zoom = None,
) -> MapTable:
    return MapTable.of(block_table(forward, info, palette, zoom))


@router.get(
    f"{VIEW}/flow",
    summary="Norm of d log p(target) / dx at each block's input: in all, and by route",
)
def get_flow(
    engine: NetworkDep,
    forward: ForwardPassDep,
    target: Annotated[
        int | None,
        Query(description="index of a class; the predicted one by default", examples=[7]),
    ] = None,
) -> schemas.GradientByPath:
    return schemas.GradientByPath.of(engine.manifest, flow(engine, forward, target))


@router.get(f"{VIEW}/streams", summary="Runs of blocks whose outputs have one shape")
def get_streams(engine: NetworkDep) -> list[schemas.Stream]:
    return [
        schemas.Stream.of(engine.manifest, number, run)
        for number, run in enumerate(streams(engine.manifest), 1)
    ]


@router.get(
    f"{STREAM}/matrix.png",
    summary="Every filter followed through the depth: a row a block, a column a filter",
    responses=PNG_ANSWER,
    response_class=Response,
)
def matrix_png(
    request: Request,
    forward: ForwardPassDep,
    stream: Stream,
    role: Role = "output",
    palette: SignedPalette = PaletteName.DUSK,
    zoom: Zoom = None,
) -> Response:
    return immutable_response(request, stage_table(forward, stream, role, palette, zoom).png(), PNG)


@router.get(f"{STREAM}/matrix.json", summary="The same matrix in words")
def matrix_json(
    forward: ForwardPassDep,
    stream: Stream,
    role: Role = "output",
    palette: SignedPalette = PaletteName.DUSK,
    zoom: Zoom = None,
) -> MapTable:
    return MapTable.of(stage_table(forward, stream, role, palette, zoom))


@router.get(f"{VIEW}/readout", summary="What the head would answer after each block")
def readout(engine: NetworkDep, forward: ForwardPassDep) -> list[schemas.EarlyExit]:
    return [
        schemas.EarlyExit(after=one.after, probabilities=one.probabilities.tolist())
        for one in early_exits(forward, engine.weights)
    ]
