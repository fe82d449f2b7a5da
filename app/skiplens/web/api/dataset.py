"""Many digits at once: the data set that the server was given; each filter's top activations."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as PathParameter
from pydantic import BeforeValidator, Field

from skiplens.core.digit import SIDE
from skiplens.core.grid_image import encode_grey
from skiplens.errors import UnknownDigitError
from skiplens.service.dataset.activation_index import PER_PAGE, Choice, Order, browse
from skiplens.service.registry import check_filter
from skiplens.web.api import schemas
from skiplens.web.api.schemas import TopActivations
from skiplens.web.http.caching import PNG, PNG_ANSWER, immutable_response, revalidated_response
from skiplens.web.parameters import LayerDep, NetworkDep, ServicesDep

SHEET_COLUMNS = 10

router = APIRouter(tags=["data set"])

Numeral = Annotated[int, Field(ge=0, le=9)]
# A form sends what was left open as an empty value.
_open = BeforeValidator(lambda value: None if value == "" else value)


@dataclass(frozen=True)
class BrowsingParameters:
    """Which digits of the data set, and in what order."""

    label: Annotated[
        Numeral | None, _open, Query(description="what they are meant to be", examples=[4])
    ] = None
    prediction: Annotated[
        Numeral | None, _open, Query(description="what they are read as", examples=[9])
    ] = None
    wrong: Annotated[
        bool | None,
        _open,
        Query(description="only misread digits, or only those read correctly", examples=[True]),
    ] = None
    order: Annotated[
        Order,
        Query(
            description="what comes first: misread digits, the surest of them first; the surest "
            "answers; the least sure; or the data set's own order",
            examples=["mistakes"],
        ),
    ] = Order.MISTAKES
    page: Annotated[
        int,
        Query(ge=1, le=1_000_000, description=f"of at most {PER_PAGE} digits", examples=[1]),
    ] = 1

    @property
    def choice(self) -> Choice:
        """The same as the service takes it."""
        return Choice(self.label, self.prediction, self.wrong, self.order)


BrowsingDep = Annotated[BrowsingParameters, Depends()]
Indices = Annotated[
    str,
    Query(
        description=f"at most {PER_PAGE} places in the data set, from 0, with commas between",
        examples=["0,4711"],
        pattern=rf"^\d{{1,9}}(,\d{{1,9}}){{0,{PER_PAGE - 1}}}$",
        max_length=10 * PER_PAGE,
    ),
]
FilterIndex = Annotated[int, PathParameter(description="index of a filter", examples=[7])]


@router.get("/networks/{network}/dataset", summary="How a network reads the data set")
def dataset(engine: NetworkDep, services: ServicesDep) -> schemas.Dataset:
    return schemas.Dataset.of(services.indexes, engine)


@router.get(
    "/networks/{network}/dataset/digits",
    summary="Digits of the data set by label, answer and correctness, page by page",
)
def dataset_digits(
    engine: NetworkDep, services: ServicesDep, parameters: BrowsingDep
) -> schemas.DatasetDigits:
    index, collection = services.indexes.of_dataset(engine), services.indexes.dataset
    listing = browse(collection, index, parameters.choice, parameters.page)
    return schemas.DatasetDigits.of(collection, index, listing, engine.manifest.id)


Version = Annotated[
    str | None,
    Query(
        max_length=64,
        description="changes with the data set; with it the sheet may be kept for ever",
        examples=["9a1ec5c0d2f4"],
    ),
]


@router.get(
    "/dataset/digits.png",
    summary="Digits of the data set on one sheet, in the order given, ten in a row",
    responses=PNG_ANSWER,
    response_class=Response,
)
def dataset_png(
    request: Request, services: ServicesDep, indices: Indices, version: Version = None
) -> Response:
    images = services.indexes.dataset.split.images
    places = [int(place) for place in indices.split(",")]
    if max(places) >= len(images):
        raise UnknownDigitError(
            f"indices names {max(places)}; the data set's digits are 0 to {len(images) - 1}"
        )
    columns = min(SHEET_COLUMNS, len(places))
    rows = -(-len(places) // columns)
    cells = np.zeros((rows * columns, SIDE, SIDE), np.uint8)
    cells[: len(places)] = images[places]
    sheet = cells.reshape(rows, columns, SIDE, SIDE).swapaxes(1, 2)
    # Without a version the address does not say which data set it was that the server was given.
    answer = immutable_response if version else revalidated_response
    return answer(request, encode_grey(sheet.reshape(rows * SIDE, columns * SIDE)), PNG)


@router.get(
    "/networks/{network}/layers/{layer}/filters/{filter}/top-activations",
    summary="The digits that excite a filter most: of the data set, else of the samples",
)
def top_activations(
    engine: NetworkDep,
    layer: LayerDep,
    filter: FilterIndex,  # noqa: A002  # the name in the path
    services: ServicesDep,
) -> TopActivations:
    index = check_filter(layer, filter)
    return TopActivations.of(engine, layer, index, services.indexes.best(engine))
