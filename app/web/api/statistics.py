"""Every filter in numbers, as a table for spreadsheets and data frames."""

from fastapi import APIRouter, Request, Response

from app.core.tabulating import layer_csv, network_csv
from app.web.dependencies import ExaminationDep, LayerDep
from app.web.responses import CSV, CSV_ANSWER, revalidated

VIEW = "/networks/{network}/digits/{digit}"

router = APIRouter(tags=["views"])


@router.get(
    f"{VIEW}/layers/{{layer}}/statistics.csv",
    summary="A layer's maps in numbers, one row a filter",
    responses=CSV_ANSWER,
    response_class=Response,
)
def layer_statistics(request: Request, examination: ExaminationDep, layer: LayerDep) -> Response:
    content = layer_csv(examination.statistics(layer))
    return revalidated(request, content, CSV, f"{layer.name}.csv")


@router.get(
    f"{VIEW}/statistics.csv",
    summary="Every layer's maps in numbers, one row a filter",
    responses=CSV_ANSWER,
    response_class=Response,
)
def network_statistics(request: Request, examination: ExaminationDep) -> Response:
    layers = examination.manifest.layers
    content = network_csv({layer.name: examination.statistics(layer) for layer in layers})
    return revalidated(request, content, CSV, f"{examination.digit.id}.csv")
