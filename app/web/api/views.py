"""What a network does with a digit: prediction, activations and grids."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.core.arrays import npy, npz
from app.core.stages import stage
from app.service.catalogue import layer_of, switched_off
from app.service.grids import layer_grid
from app.web import schemas
from app.web.dependencies import (
    ExaminationDep,
    FiltersDep,
    GridDep,
    LayerDep,
    NetworkDep,
    Off,
    ServicesDep,
)
from app.web.problems import UPLOAD_PROBLEMS
from app.web.responses import NPY, NPY_ANSWER, NPZ, NPZ_ANSWER, PNG, PNG_ANSWER, immutable
from app.web.uploads import UPLOAD_BODY, UploadDep

VIEW = "/networks/{network}/digits/{digit}"
LAYER = VIEW + "/layers/{layer}"

router = APIRouter(tags=["views"])


@router.get(f"{VIEW}/prediction", summary="What the network reads")
def prediction(examination: ExaminationDep) -> schemas.Prediction:
    return schemas.Prediction.of(examination)


@router.get(
    f"{LAYER}/activations",
    summary="A layer's maps in numbers, one entry a filter",
    response_model_exclude_none=True,
)
def activations(
    examination: ExaminationDep,
    layer: LayerDep,
    filters: FiltersDep,
    values: Annotated[bool, Query(description="add each map's values, H x W")] = False,
) -> schemas.Activations:
    return schemas.Activations.of(examination, layer, filters, values=values)


@router.get(
    f"{LAYER}/activations.npy",
    summary="A layer's maps, float32 (H, W, C)",
    responses=NPY_ANSWER,
    response_class=Response,
)
def activations_npy(request: Request, examination: ExaminationDep, layer: LayerDep) -> Response:
    return immutable(request, npy(examination.maps(layer)), NPY, f"{layer.name}.npy")


@router.get(
    f"{VIEW}/activations.npz",
    summary="Every layer's maps by name",
    responses=NPZ_ANSWER,
    response_class=Response,
)
@router.get(
    f"{LAYER}/activations.npz",
    summary="One layer's maps by name",
    responses=NPZ_ANSWER,
    response_class=Response,
)
def activations_npz(
    request: Request, examination: ExaminationDep, layer: str | None = None
) -> Response:
    names = [layer_of(examination.manifest, layer).name] if layer else examination.activations
    with stage("encode"):
        content = npz({name: examination.activations[name] for name in names})
    return immutable(request, content, NPZ, f"{examination.digit.id}.npz")


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
) -> schemas.GridDescription:
    return schemas.GridDescription.of(layer_grid(examination, layer, filters, parameters.options()))


@router.post(
    "/networks/{network}/activations",
    summary="One call: an image in, the prediction and every layer in numbers out; nothing is kept",
    responses=UPLOAD_PROBLEMS,
    openapi_extra=UPLOAD_BODY,
)
def post_activations(
    engine: NetworkDep, upload: UploadDep, services: ServicesDep, off: Off = None
) -> schemas.Summary:
    blocks = switched_off(engine.manifest, off)
    examination = services.examiner.examine(engine, upload.digit, blocks)
    return schemas.Summary(
        prediction=schemas.Prediction.of(examination),
        inverted=upload.inverted,
        box=upload.box,
        warnings=list(upload.warnings),
        layers=[schemas.Activations.of(examination, layer) for layer in engine.manifest.layers],
    )
