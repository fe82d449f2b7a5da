"""What a network does with a digit: prediction, activations and grids."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray

from app.core.arrays import npy, npz
from app.core.stages import stage
from app.service.catalogue import switched_off
from app.service.examination import Examination, examine_once
from app.service.grids import layer_grid
from app.web import schemas
from app.web.dependencies import (
    ExaminationDep,
    FiltersDep,
    GridDep,
    LayerDep,
    NetworkDep,
    Off,
    WholeDep,
)
from app.web.grid_schemas import GridDescription
from app.web.problems import UPLOAD_PROBLEMS
from app.web.responses import (
    NPY,
    NPY_ANSWER,
    NPZ,
    NPZ_ANSWER,
    PNG,
    PNG_ANSWER,
    immutable,
    revalidated,
)
from app.web.uploads import UPLOAD_BODY, UploadDep

VIEW = "/networks/{network}/digits/{digit}"
LAYER = VIEW + "/layers/{layer}"

router = APIRouter(tags=["views"])


@router.get(f"{VIEW}/prediction", summary="What the network reads")
def prediction(examination: ExaminationDep, whole: WholeDep) -> schemas.Prediction:
    return schemas.Prediction.of(examination, whole)


@router.get(
    f"{LAYER}/activations",
    summary="A layer's maps in numbers, one entry a filter",
    response_model_exclude_none=True,
)
def activations(
    examination: ExaminationDep,
    layer: LayerDep,
    filters: FiltersDep,
    values: Annotated[
        bool, Query(description="add each map's values, H x W", examples=[True])
    ] = False,
) -> schemas.Activations:
    return schemas.Activations.of(examination, layer, filters, values=values)


@router.get(
    f"{LAYER}/activations.npy",
    summary="A layer's maps, float32 (H, W, C)",
    responses=NPY_ANSWER,
    response_class=Response,
)
def activations_npy(request: Request, examination: ExaminationDep, layer: LayerDep) -> Response:
    return revalidated(request, npy(examination.maps(layer)), NPY, f"{layer.name}.npy")


@router.get(
    f"{VIEW}/activations.npz",
    summary="Every layer's maps by name",
    responses=NPZ_ANSWER,
    response_class=Response,
)
def network_npz(request: Request, examination: ExaminationDep) -> Response:
    return _npz(request, examination, examination.activations)


@router.get(
    f"{LAYER}/activations.npz",
    summary="One layer's maps by name",
    responses=NPZ_ANSWER,
    response_class=Response,
)
def layer_npz(request: Request, examination: ExaminationDep, layer: LayerDep) -> Response:
    return _npz(request, examination, {layer.name: examination.maps(layer)})


def _npz(
    request: Request, examination: Examination, arrays: Mapping[str, NDArray[np.float32]]
) -> Response:
    with stage("encode"):
        content = npz(arrays)
    return revalidated(request, content, NPZ, f"{examination.digit.id}.npz")


@router.get(
    f"{LAYER}/grid.png",
    summary="A layer's maps as one picture",
    responses=PNG_ANSWER,
    response_class=Response,
)
def grid_png(
    request: Request,
    examination: ExaminationDep,
    layer: LayerDep,
    filters: FiltersDep,
    parameters: GridDep,
) -> Response:
    grid = layer_grid(examination, layer, filters, parameters.options())
    return immutable(request, grid.png(), PNG)


@router.get(f"{LAYER}/grid.json", summary="The same grid in words")
def grid_json(
    examination: ExaminationDep, layer: LayerDep, filters: FiltersDep, parameters: GridDep
) -> GridDescription:
    return GridDescription.of(layer_grid(examination, layer, filters, parameters.options()))


@router.post(
    "/networks/{network}/activations",
    summary="One call: an image in, the prediction and every layer in numbers out; nothing is kept",
    responses=UPLOAD_PROBLEMS,
    openapi_extra=UPLOAD_BODY,
)
def post_activations(engine: NetworkDep, upload: UploadDep, off: Off = None) -> schemas.Summary:
    examination, whole = examine_once(engine, upload.digit, switched_off(engine.manifest, off))
    return schemas.Summary(
        prediction=schemas.Prediction.of(examination, whole),
        inverted=upload.inverted,
        box=upload.box,
        warnings=list(upload.warnings),
        layers=[schemas.Activations.of(examination, layer) for layer in engine.manifest.layers],
    )
