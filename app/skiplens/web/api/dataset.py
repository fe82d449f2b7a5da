"""API routes for the data set and for the top-activating digits of each filter."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import Depends, Query, Request, Response
from fastapi import Path as PathParameter
from pydantic import BeforeValidator, Field

from skiplens.core.digit import SIDE
from skiplens.core.grid_image import encode_grey
from skiplens.errors import UnknownDigitError
from skiplens.service.dataset.activation_index import PER_PAGE, DigitChoice, SortOrder, browse
from skiplens.service.registry import check_filter
from skiplens.web import links
from skiplens.web.api import schemas
from skiplens.web.api.routing import Router
from skiplens.web.api.schemas import TopActivations
from skiplens.web.http.caching import PNG, versioned_response
from skiplens.web.parameters import LayerDep, NetworkDep, ServicesDep

SHEET_COLUMNS = 10

router = Router("data set")

Numeral = Annotated[int, Field(ge=0, le=9)]
# An HTML form sends an empty value for an option that was not chosen.
_empty_is_none = BeforeValidator(lambda value: None if value == "" else value)


@dataclass(frozen=True)
class BrowsingParameters:
    """Filter, order and page of the data set's digits."""

    label: Annotated[Numeral | None, _empty_is_none, Query(description="label", examples=[4])] = (
        None
    )
    prediction: Annotated[
        Numeral | None, _empty_is_none, Query(description="predicted class", examples=[9])
    ] = None
    wrong: Annotated[
        bool | None,
        _empty_is_none,
        Query(
            description="true: only misclassified digits; false: only the others", examples=[True]
        ),
    ] = None
    order: Annotated[
        SortOrder,
        Query(
            description="which digits come first: misclassified ones by descending probability; "
            "the most or the least probable predictions; or the order of the data set",
            examples=["mistakes"],
        ),
    ] = SortOrder.MISTAKES
    page: Annotated[
        int,
        Query(
            ge=1,
            le=1_000_000,
            description=f"page number; a page has {PER_PAGE} digits",
            examples=[1],
        ),
    ] = 1

    @property
    def choice(self) -> DigitChoice:
        """The same as the service takes it."""
        return DigitChoice(self.label, self.prediction, self.wrong, self.order)


BrowsingDep = Annotated[BrowsingParameters, Depends()]
Indices = Annotated[
    str,
    Query(
        description=f"at most {PER_PAGE} indices of the data set, from 0, comma-separated",
        examples=["0,4711"],
        pattern=rf"^\d{{1,9}}(,\d{{1,9}}){{0,{PER_PAGE - 1}}}$",
        max_length=10 * PER_PAGE,
    ),
]
FilterIndex = Annotated[int, PathParameter(description="index of a filter", examples=[7])]


@router.get(
    "/networks/{network}/dataset",
    summary="Accuracy and confusion matrix of a network on the data set",
)
def dataset(engine: NetworkDep, services: ServicesDep) -> schemas.Dataset:
    return schemas.Dataset.of(services.indexes, engine)


@router.get(
    "/networks/{network}/dataset/digits",
    summary="Digits of the data set by label, prediction and correctness, page by page",
)
def dataset_digits(
    engine: NetworkDep, services: ServicesDep, parameters: BrowsingDep
) -> schemas.DatasetDigits:
    index, collection = services.indexes.dataset_index(engine), services.indexes.dataset
    listing = browse(collection, index, parameters.choice, parameters.page)
    return schemas.DatasetDigits.of(collection, index, listing, engine.manifest.id)


Version = Annotated[
    str | None,
    Query(
        max_length=64,
        description="version of the data set; with it the image may be cached for ever",
        examples=["9a1ec5c0d2f4"],
    ),
]


@router.file(
    "/dataset/digits.png",
    PNG,
    "Digits of the data set as one image, in the given order, ten in a row",
)
def dataset_png(
    request: Request,
    services: ServicesDep,
    indices: Indices,
    version: Version = None,  # noqa: ARG001  # versioned_response reads it
) -> Response:
    dataset = services.indexes.dataset
    images = dataset.split.images
    chosen = [int(index) for index in indices.split(",")]
    if max(chosen) >= len(images):
        raise UnknownDigitError(
            f"indices names {max(chosen)}; the data set's digits are 0 to {len(images) - 1}"
        )
    columns = min(SHEET_COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    cells = np.zeros((rows * columns, SIDE, SIDE), np.uint8)
    cells[: len(chosen)] = images[chosen]
    sheet = cells.reshape(rows, columns, SIDE, SIDE).swapaxes(1, 2)
    content = encode_grey(sheet.reshape(rows * SIDE, columns * SIDE))
    return versioned_response(request, content, links.dataset_version(dataset.sha256))


@router.get(
    "/networks/{network}/layers/{layer}/filters/{filter}/top-activations",
    summary="Top-activating digits of a filter, from the data set or otherwise the samples",
)
def top_activations(
    engine: NetworkDep,
    layer: LayerDep,
    filter: FilterIndex,  # noqa: A002  # the name in the path
    services: ServicesDep,
) -> TopActivations:
    index = check_filter(layer, filter)
    return TopActivations.of(engine, layer, index, services.indexes.best_available(engine))
