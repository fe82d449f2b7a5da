"""API routes for blocks: metrics, feature maps, stages, early exits and votes."""

from typing import Annotated, Literal, Self

from fastapi import Depends, Query, Request, Response
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from skiplens.core.block_metrics import FilterMetrics, block_metrics, filter_metrics
from skiplens.core.colormaps import PaletteName
from skiplens.core.grid_image import Box
from skiplens.core.manifest import BlockInfo, BlockMetrics
from skiplens.errors import NoSequenceError
from skiplens.service.early_exits_and_votes import Votes as VotesOfBlocks
from skiplens.service.early_exits_and_votes import (
    early_exits,
    exits_at_every_depth,
    exits_by_row,
    votes,
)
from skiplens.service.feature_map_table import FeatureMapTable, block_table, stage_table, stages
from skiplens.service.registry import find_layer
from skiplens.web.api.activations import VIEW
from skiplens.web.api.routing import EXAMPLE, REORDERED, Router
from skiplens.web.api.schemas import (
    BlockNames,
    ImageLayout,
    Joined,
    LayerName,
    Pair,
    Probabilities,
    Shape,
)
from skiplens.web.http.caching import PNG, versioned_response
from skiplens.web.parameters import (
    BlockDep,
    Filters,
    ForwardPassDep,
    NetworkDep,
    Palette,
    ReorderedPassDep,
    Zoom,
    get_digit,
    parse_filters,
)

BLOCK = VIEW + "/blocks/{block}"
STAGE = VIEW + "/stages/{stage}"

StageNumber = Annotated[
    int, PathParameter(description="run of blocks of one shape, from 1", examples=[1])
]
Role = Annotated[
    Literal["output", "residual", "sum", "gate"],
    Query(description="which part of each block", examples=["residual"]),
]


def get_block_table(
    forward: ForwardPassDep,
    info: BlockDep,
    palette: Palette = PaletteName.DARK,
    zoom: Zoom = None,
    filters: Filters = None,
) -> FeatureMapTable:
    chosen = parse_filters(find_layer(forward.manifest, info.output), filters) if filters else None
    return block_table(forward, info, palette, zoom, chosen)


def get_stage_table(
    forward: ForwardPassDep,
    stage: StageNumber,
    role: Role = "output",
    palette: Palette = PaletteName.DARK,
    zoom: Zoom = None,
) -> FeatureMapTable:
    return stage_table(forward, stage, role, palette, zoom)


BlockTableDep = Annotated[FeatureMapTable, Depends(get_block_table)]
StageTableDep = Annotated[FeatureMapTable, Depends(get_stage_table)]

router, depth_router = Router("blocks"), Router("blocks")
"""Of single blocks; and of stages, early exits and votes, which come after the gradients."""


class Blocks(BaseModel):
    """Metrics of every block."""

    blocks: tuple[BlockMetrics, ...] = Field(description="Every block, in forward order")


class BlockDetail(Joined):
    """Metrics of a block and of its filters, and the layers that form its parts."""

    records = ("metrics", "parts")
    left_out = frozenset({"name"})  # the metrics have it as ``block``
    metrics: BlockMetrics
    parts: BlockInfo
    filters: tuple[FilterMetrics, ...] = Field(
        description="One entry for each filter of the sum; of F(x) without an identity path"
    )


class Stage(BaseModel):
    """A run of blocks whose outputs have one shape."""

    stage: int = Field(description="Number, from 1")
    shape: Shape
    blocks: BlockNames


class EarlyExit(BaseModel):
    """Prediction of the network's head after one block."""

    after: str = Field(description="Layer whose output the head is applied to")
    probabilities: Probabilities
    projected: bool = Field(
        description="Whether the layer has another shape than the head takes, so that its maps "
        "went on through the projections of the later blocks, whose branches were off"
    )


class RowExit(BaseModel):
    """Prediction of the network for the first rows of the digit alone."""

    row: int = Field(
        description="Last row that the network received, from 0 at the top; rows below it are blank"
    )
    probabilities: Probabilities


ClassScores = Annotated[list[float], Field(description="One number for each class")]


class BlockVotes(BaseModel):
    """What one block adds to each logit."""

    block: str = Field(description="Name of the block")
    votes: ClassScores = Field(description="What F(x) adds to the logit of each class")
    filters: list[list[float]] | None = Field(
        None,
        description="What each filter of F(x) adds to the logit of each class, filters x classes; "
        "null unless filters= asks for it",
    )


class Votes(BaseModel):
    """The logits as a sum: bias, stem, and the votes of every block."""

    bias: ClassScores = Field(description="Bias of the head, for each class")
    stem: ClassScores = Field(
        description="What the first block's input adds to the logit of each class"
    )
    blocks: tuple[BlockVotes, ...] = Field(
        description="Every block, in the order in which they run"
    )
    logits: ClassScores = Field(
        description="Logits of the network, which the sum equals but for rounding"
    )

    @classmethod
    def of(cls, found: VotesOfBlocks, *, filters: bool) -> Self:
        """The votes of a forward pass; with those of single filters if wanted."""
        return cls(
            bias=found.bias.tolist(),
            stem=found.stem.tolist(),
            blocks=tuple(
                BlockVotes(
                    block=one.block,
                    votes=one.total.tolist(),
                    filters=one.filters.tolist() if filters else None,
                )
                for one in found.blocks
            ),
            logits=found.logits.tolist(),
        )


class MapTableRow(BaseModel):
    """One row of a table of maps."""

    role: str = Field(
        description="`x`, `projected x`, `F(x)`, `gate`, `sum` (`merge` where nothing is added) or "
        "`output` for a block; the block's name for a run of blocks"
    )
    layer: LayerName
    range: Pair = Field(description="Values at the two ends of the palette")
    first: int = Field(description="Column of the row's first map, from 0")
    filters: int = Field(description="Number of maps, one for each filter that is shown")


class MapTable(ImageLayout):
    """Layout of a table of maps: rows are layers, columns are filters."""

    columns: int = Field(description="Number of columns, one for each filter")
    diverging: bool = Field(
        description="Whether the diverging palette is used, centred on zero: a row may be negative"
    )
    rows: list[MapTableRow] = Field(description="Rows from top to bottom")
    boxes: tuple[Box, ...] = Field(
        description="x, y, width, height of each map in pixels, row by row"
    )

    @classmethod
    def of(cls, table: FeatureMapTable) -> Self:
        return cls(
            width=table.layout.width,
            height=table.layout.height,
            zoom=table.layout.zoom,
            palette=table.palette,
            columns=table.layout.columns,
            diverging=table.diverging,
            rows=[
                MapTableRow(
                    role=row.role,
                    layer=row.layer.name,
                    range=row.range,
                    first=min(places, default=0),
                    filters=len(places),
                )
                for row in table.rows
                for places in (table.places(row),)
            ],
            boxes=table.layout.boxes,
        )


@router.get(
    f"{VIEW}/blocks",
    summary="Metrics of every block: norms, ratio and cosine of x and F(x)",
    openapi_extra={EXAMPLE: {"network": REORDERED}},
)
def blocks(forward: ReorderedPassDep) -> Blocks:
    return Blocks(blocks=forward.block_metrics)


@router.get(BLOCK, summary="Metrics of one block and of each of its filters")
def block(forward: ForwardPassDep, info: BlockDep) -> BlockDetail:
    return BlockDetail(
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


@depth_router.get(
    f"{VIEW}/stages",
    summary="Stages: runs of blocks whose outputs have the same shape",
    dependencies=[Depends(get_digit)],
)
def get_stages(engine: NetworkDep) -> list[Stage]:
    return [
        Stage(
            stage=number,
            shape=find_layer(engine.manifest, run[0].output).shape,
            blocks=tuple(block.name for block in run),
        )
        for number, run in enumerate(stages(engine.manifest), 1)
    ]


@depth_router.file(
    f"{STAGE}/maps.png",
    PNG,
    "Feature maps of a stage: a row for each block, a column for each filter",
)
def stage_maps_png(request: Request, engine: NetworkDep, table: StageTableDep) -> Response:
    return versioned_response(request, table.png(), engine.manifest.version)


@depth_router.get(f"{STAGE}/maps.json", summary="Layout and value ranges of the image as JSON")
def stage_maps_json(table: StageTableDep) -> MapTable:
    return MapTable.of(table)


@depth_router.get(
    f"{VIEW}/early-exits",
    summary="Prediction of the head after each block",
    openapi_extra={EXAMPLE: {"network": REORDERED}},
)
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
) -> list[EarlyExit]:
    if projected:
        found = exits_at_every_depth(engine, forward)
    else:
        found = early_exits(forward, engine.weights)
    return [
        EarlyExit(
            after=early.after,
            probabilities=early.probabilities.tolist(),
            projected=early.projected,
        )
        for early in found
    ]


@depth_router.get(
    f"{VIEW}/early-exits/rows",
    summary="Prediction after each row of the digit, of a network that reads it row by row",
    openapi_extra={EXAMPLE: {"network": "mnist-rows"}},
)
def get_row_exits(engine: NetworkDep, forward: ForwardPassDep) -> list[RowExit]:
    found = exits_by_row(engine, forward)
    if not found:
        raise NoSequenceError(
            f"network {engine.manifest.id} has no prediction after each row: its blocks do not "
            "read the digit row by row"
        )
    return [
        RowExit(row=at, probabilities=early.probabilities.tolist())
        for at, early in enumerate(found)
    ]


@depth_router.get(
    f"{VIEW}/votes",
    summary="The logits as a sum: what the bias, the stem and each block add to them",
    openapi_extra={EXAMPLE: {"network": REORDERED}},
)
def get_votes(
    engine: NetworkDep,
    forward: ReorderedPassDep,
    *,
    filters: Annotated[
        bool, Query(description="whether to add the votes of single filters", examples=[True])
    ] = False,
) -> Votes:
    return Votes.of(votes(forward, engine.weights), filters=filters)
