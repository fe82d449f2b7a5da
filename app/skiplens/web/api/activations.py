"""API routes for activations: arrays, grids, statistics, single values, live preview."""

from collections.abc import Mapping
from typing import Annotated, Final

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as PathParameter
from numpy.typing import NDArray
from starlette.requests import ClientDisconnect

from skiplens.core.file_formats import layer_csv, network_csv, npy, npz
from skiplens.core.manifest import LayerInfo, Scales
from skiplens.core.timing import timed
from skiplens.service.digit_store import StoredDigit
from skiplens.service.forward import ForwardPass, run_uncached
from skiplens.service.images import layer_grid
from skiplens.service.registry import check_filter, parse_layers, parse_scales
from skiplens.service.units import explain, place_of
from skiplens.web.api import schemas
from skiplens.web.api.schemas import FRAME, FRAME_ANSWER, GridDescription, UnitValue, live_frame
from skiplens.web.http.caching import (
    CSV,
    CSV_ANSWER,
    NPY,
    NPY_ANSWER,
    NPZ,
    NPZ_ANSWER,
    PNG,
    PNG_ANSWER,
    immutable_response,
    revalidated_response,
)
from skiplens.web.http.problems import UPLOAD_PROBLEMS
from skiplens.web.parameters import (
    LONGEST_LIST,
    FiltersDep,
    ForwardPassDep,
    GridDep,
    LayerDep,
    NetworkDep,
    ScaleText,
    WholeDep,
)
from skiplens.web.uploads import UPLOAD_BODY, UploadDep

VIEW = "/networks/{network}/digits/{digit}"
LAYER = VIEW + "/layers/{layer}"

router = APIRouter(tags=["views"])


@router.get(f"{VIEW}/prediction", summary="What the network reads")
def prediction(forward: ForwardPassDep, whole: WholeDep) -> schemas.Prediction:
    return schemas.Prediction.of(forward, whole)


@router.get(
    f"{LAYER}/activations",
    summary="A layer's maps in numbers, one entry a filter",
    response_model_exclude_none=True,
)
def activations(
    forward: ForwardPassDep,
    layer: LayerDep,
    filters: FiltersDep,
    values: Annotated[
        bool, Query(description="add each map's values, H x W", examples=[True])
    ] = False,
) -> schemas.Activations:
    return schemas.Activations.of(forward, layer, filters, values=values)


@router.get(
    f"{LAYER}/activations.npy",
    summary="A layer's maps, float32 (H, W, C)",
    responses=NPY_ANSWER,
    response_class=Response,
)
def activations_npy(request: Request, forward: ForwardPassDep, layer: LayerDep) -> Response:
    return revalidated_response(request, npy(forward.maps(layer)), NPY, f"{layer.name}.npy")


@router.get(
    f"{VIEW}/activations.npz",
    summary="Every layer's maps by name",
    responses=NPZ_ANSWER,
    response_class=Response,
)
def network_npz(request: Request, forward: ForwardPassDep) -> Response:
    return _npz(request, forward, forward.activations)


@router.get(
    f"{LAYER}/activations.npz",
    summary="One layer's maps by name",
    responses=NPZ_ANSWER,
    response_class=Response,
)
def layer_npz(request: Request, forward: ForwardPassDep, layer: LayerDep) -> Response:
    return _npz(request, forward, {layer.name: forward.maps(layer)})


def _npz(
    request: Request, forward: ForwardPass, arrays: Mapping[str, NDArray[np.float32]]
) -> Response:
    with timed("encode"):
        content = npz(arrays)
    return revalidated_response(request, content, NPZ, f"{forward.digit.id}.npz")


@router.get(
    f"{LAYER}/grid.png",
    summary="A layer's maps as one picture",
    responses=PNG_ANSWER,
    response_class=Response,
)
def grid_png(
    request: Request,
    forward: ForwardPassDep,
    layer: LayerDep,
    filters: FiltersDep,
    parameters: GridDep,
) -> Response:
    grid = layer_grid(forward, layer, filters, parameters.options())
    return immutable_response(request, grid.png(), PNG)


@router.get(f"{LAYER}/grid.json", summary="The same grid in words")
def grid_json(
    forward: ForwardPassDep, layer: LayerDep, filters: FiltersDep, parameters: GridDep
) -> GridDescription:
    return GridDescription.of(layer_grid(forward, layer, filters, parameters.options()))


@router.post(
    "/networks/{network}/activations",
    summary="One call: an image in, the prediction and every layer in numbers out; nothing is kept",
    responses=UPLOAD_PROBLEMS,
    openapi_extra=UPLOAD_BODY,
)
def post_activations(
    engine: NetworkDep, upload: UploadDep, scale: ScaleText = None
) -> schemas.Summary:
    forward, whole = run_uncached(engine, upload.digit, parse_scales(engine.manifest, scale))
    return schemas.Summary(
        prediction=schemas.Prediction.of(forward, whole),
        inverted=upload.inverted,
        box=upload.box,
        warnings=list(upload.warnings),
        layers=[schemas.Activations.of(forward, layer) for layer in engine.manifest.layers],
    )


@router.get(
    f"{VIEW}/layers/{{layer}}/statistics.csv",
    summary="A layer's maps in numbers, one row a filter",
    responses=CSV_ANSWER,
    response_class=Response,
)
def layer_statistics(request: Request, forward: ForwardPassDep, layer: LayerDep) -> Response:
    content = layer_csv(forward.statistics(layer))
    return revalidated_response(request, content, CSV, f"{layer.name}.csv")


@router.get(
    f"{VIEW}/statistics.csv",
    summary="Every layer's maps in numbers, one row a filter",
    responses=CSV_ANSWER,
    response_class=Response,
)
def network_statistics(request: Request, forward: ForwardPassDep) -> Response:
    layers = forward.manifest.layers
    content = network_csv({layer.name: forward.statistics(layer) for layer in layers})
    return revalidated_response(request, content, CSV, f"{forward.digit.id}.csv")


_MOST: Final = 999_999_999


Index = Annotated[
    int,
    PathParameter(alias="filter", description="index of a filter", ge=0, le=_MOST, examples=[3]),
]
Row = Annotated[int, PathParameter(description="from the top", ge=0, le=_MOST, examples=[5])]
Column = Annotated[int, PathParameter(description="from the left", ge=0, le=_MOST, examples=[12])]


@router.get(
    "/networks/{network}/digits/{digit}/layers/{layer}/filters/{filter}/units/{row},{column}",
    summary="One value of a map, and the arithmetic behind it",
    description="The numbers that the value at a row and a column is made of: of a convolution "
    "the patch that its kernel lies over, the kernel, and what each map given contributes; of a "
    "batch norm its mean, variance, gamma and beta; of a block's sum x and F(x); and so on. "
    "`result` is what they come to, which is the map's value.",
)
def unit(
    engine: NetworkDep,
    forward: ForwardPassDep,
    layer: LayerDep,
    index: Index,
    row: Row,
    column: Column,
) -> UnitValue:
    place = place_of(layer, row, column)
    return UnitValue.of(explain(engine, forward, layer, check_filter(layer, index), place))


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
    return parse_layers(engine.manifest, layers)


async def get_scales(engine: NetworkDep, scale: ScaleText = None) -> Scales:
    """The factors that the query names."""
    return parse_scales(engine.manifest, scale)


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
    scales: Annotated[Scales, Depends(get_scales)],
    drawn: Annotated[StoredDigit, Depends(get_drawn)],
) -> Response:
    forward, whole = run_uncached(engine, drawn.digit, scales)
    with timed("encode"):
        content = live_frame(forward, whole, drawn, layers)
    return Response(content, media_type=FRAME, headers={"Cache-Control": "no-store"})
