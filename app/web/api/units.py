"""One value of a map, worked out again from what its layer was given."""

from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Path as PathParameter

from app.service.catalogue import filter_of
from app.service.units import explain, place_of
from app.web.dependencies import ExaminationDep, LayerDep, NetworkDep
from app.web.unit_schemas import UnitSchema

_MOST: Final = 999_999_999

router = APIRouter(tags=["views"])

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
    examination: ExaminationDep,
    layer: LayerDep,
    index: Index,
    row: Row,
    column: Column,
) -> UnitSchema:
    place = place_of(layer, row, column)
    return UnitSchema.of(explain(engine, examination, layer, filter_of(layer, index), place))
