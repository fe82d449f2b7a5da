"""API routes for blocks: metrics, feature maps, gradients, stages and early exits."""

from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response
from fastapi import Path as PathParameter

from skiplens.core.block_metrics import block_metrics, filter_metrics
from skiplens.core.colormaps import PaletteName
from skiplens.errors import NoSequenceError
from skiplens.service.analysis import all_block_metrics, gradient_by_path, gradient_by_step
from skiplens.service.early_exits_and_votes import (
    early_exits,
    exits_at_every_depth,
    exits_by_row,
    votes,
)
from skiplens.service.images import FeatureMapTable, block_table, stage_table, stages
from skiplens.service.registry import find_layer
from skiplens.web.api import schemas
from skiplens.web.api.activations import VIEW
from skiplens.web.api.routing import EXAMPLE, Router
from skiplens.web.api.schemas import MapTable
from skiplens.web.http.caching import PNG, versioned_response
from skiplens.web.parameters import (
    BlockDep,
    ForwardPassDep,
    NetworkDep,
    ReorderedPassDep,
    SignedPalette,
    Zoom,
)

BLOCK = VIEW + "/blocks/{block}"
STAGE = VIEW + "/stages/{stage}"

Stage = Annotated[
    int, PathParameter(description="run of blocks of one shape, from 1", examples=[1])
]
Target = Annotated[
    int | None, Query(description="index of a class; the predicted one by default", examples=[7])
]
Role = Annotated[
    Literal["output", "residual", "sum", "gate"],
    Query(description="which part of each block", examples=["residual"]),
]


def get_block_table(
    forward: ForwardPassDep,
    info: BlockDep,
    palette: SignedPalette = PaletteName.DARK,
    zoom: Zoom = None,
) -> FeatureMapTable:
    return block_table(forward, info, palette, zoom)


def get_stage_table(
    forward: ForwardPassDep,
    stage: Stage,
    role: Role = "output",
    palette: SignedPalette = PaletteName.DARK,
    zoom: Zoom = None,
) -> FeatureMapTable:
    return stage_table(forward, stage, role, palette, zoom)


BlockTableDep = Annotated[FeatureMapTable, Depends(get_block_table)]
StageTableDep = Annotated[FeatureMapTable, Depends(get_stage_table)]

router = Router("blocks")


@router.get(
    f"{VIEW}/blocks", summary="Metrics of every block: norms, ratio and cosine of x and F(x)"
)
def blocks(forward: ReorderedPassDep) -> schemas.Blocks:
    return schemas.Blocks(blocks=all_block_metrics(forward))


@router.get(BLOCK, summary="Metrics of one block and of each of its filters")
def block(forward: ForwardPassDep, info: BlockDep) -> schemas.BlockDetail:
    return schemas.BlockDetail(
        metrics=block_metrics(info, forward.activations),
        parts=info,
        filters=filter_metrics(info, forward.activations),
    )


@router.file(
    f"{BLOCK}/maps.png",
    PNG,
    "Feature maps of x, F(x), sum and output as rows, one column for each filter",
)
def block_maps_png(request: Request, engine: NetworkDep, table: BlockTableDep) -> Response:
    return versioned_response(request, table.png(), engine.manifest.version)


@router.get(f"{BLOCK}/maps.json", summary="Layout and value ranges of the image as JSON")
def block_maps_json(table: BlockTableDep) -> MapTable:
    return MapTable.of(table)


@router.get(
    f"{VIEW}/gradients",
    summary="Norm of the gradient of a class's logit at each block's input, in total and by path",
)
def get_gradients(
    engine: NetworkDep, forward: ForwardPassDep, target: Target = None
) -> schemas.GradientByPath:
    found = gradient_by_path(engine, forward, target)
    return schemas.GradientByPath(target=engine.manifest.classes[found.target], blocks=found.blocks)


@router.get(
    f"{VIEW}/gradients/steps",
    summary="The same at each step of a sequence that the first block takes, such as rows",
    openapi_extra={EXAMPLE: {"network": "mnist-rows"}},
)
def get_gradients_by_step(
    engine: NetworkDep, forward: ForwardPassDep, target: Target = None
) -> schemas.GradientByStep:
    found = gradient_by_step(engine, forward, target)
    manifest = engine.manifest
    if found is None:
        raise NoSequenceError(
            f"network {manifest.id} has no gradient by step: its first block takes no sequence"
        )
    return schemas.GradientByStep(
        target=manifest.classes[found.target],
        block=manifest.blocks[0].name,
        steps=tuple(
            schemas.StepGradient(gradient=one, step=at) for at, one in enumerate(found.blocks)
        ),
    )


@router.get(f"{VIEW}/stages", summary="Stages: runs of blocks whose outputs have the same shape")
def get_stages(engine: NetworkDep) -> list[schemas.Stage]:
    return [
        schemas.Stage(
            stage=number,
            shape=find_layer(engine.manifest, run[0].output).shape,
            blocks=tuple(block.name for block in run),
        )
        for number, run in enumerate(stages(engine.manifest), 1)
    ]


@router.file(
    f"{STAGE}/maps.png",
    PNG,
    "Feature maps of a stage: a row for each block, a column for each filter",
)
def stage_maps_png(request: Request, engine: NetworkDep, table: StageTableDep) -> Response:
    return versioned_response(request, table.png(), engine.manifest.version)


@router.get(f"{STAGE}/maps.json", summary="Layout and value ranges of the image as JSON")
def stage_maps_json(table: StageTableDep) -> MapTable:
    return MapTable.of(table)


@router.get(f"{VIEW}/early-exits", summary="Prediction of the head after each block")
def get_early_exits(
    engine: NetworkDep,
    forward: ReorderedPassDep,
    *,
    projected: Annotated[
        bool,
        Query(
            description="whether to add the depths whose maps have another shape than the head "
            "takes: the later blocks' branches are switched off, and their projections pass x on",
            examples=[True],
        ),
    ] = False,
) -> list[schemas.EarlyExit]:
    if projected:
        found = exits_at_every_depth(engine, forward)
    else:
        found = early_exits(forward, engine.weights)
    return [
        schemas.EarlyExit(
            after=early.after,
            probabilities=early.probabilities.tolist(),
            projected=early.projected,
        )
        for early in found
    ]


@router.get(
    f"{VIEW}/early-exits/rows",
    summary="Prediction after each row of the digit, of a network that reads it row by row",
    openapi_extra={EXAMPLE: {"network": "mnist-rows"}},
)
def get_row_exits(engine: NetworkDep, forward: ForwardPassDep) -> list[schemas.RowExit]:
    found = exits_by_row(engine, forward)
    if not found:
        raise NoSequenceError(
            f"network {engine.manifest.id} has no prediction after each row: its blocks do not "
            "read the digit row by row"
        )
    return [
        schemas.RowExit(row=at, probabilities=early.probabilities.tolist())
        for at, early in enumerate(found)
    ]


@router.get(
    f"{VIEW}/votes",
    summary="The logits as a sum: what the bias, the stem and each block add to them",
    openapi_extra={EXAMPLE: {"network": "mnist-stream"}},
)
def get_votes(
    engine: NetworkDep,
    forward: ReorderedPassDep,
    *,
    filters: Annotated[
        bool, Query(description="whether to add the votes of single filters", examples=[True])
    ] = False,
) -> schemas.Votes:
    return schemas.Votes.of(votes(forward, engine.weights), filters=filters)
