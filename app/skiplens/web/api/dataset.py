"""API routes for the data set and for the top-activating digits of each filter."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field

from skiplens.core.grid_image import encode_grey
from skiplens.core.input_image import SIDE
from skiplens.core.manifest import LayerInfo
from skiplens.engine.base import Engine
from skiplens.errors import NoDatasetError, UnknownDigitError
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.activation_index import (
    PER_PAGE,
    ActivationIndex,
    DigitChoice,
    ResultPage,
    SortOrder,
    browse,
)
from skiplens.service.dataset.indexer import DatasetIndexer
from skiplens.service.registry import check_filter
from skiplens.web import links
from skiplens.web.api.routing import Router
from skiplens.web.api.schemas import (
    DatasetIndex,
    DigitId,
    DigitUrl,
    FilterIndex,
    Joined,
    Label,
    LayerName,
    LinkedDigit,
    NetworkId,
)
from skiplens.web.http.caching import PNG, versioned_response
from skiplens.web.parameters import FilterNumber, LayerDep, NetworkDep, ServicesDep, query_of

SHEET_COLUMNS = 10

router = Router("data set")


class Dataset(BaseModel):
    """State of a network's data set index, and its accuracy."""

    network: NetworkId
    state: Literal["indexing", "ready", "failed"] = Field(
        description="Whether indexing is running, complete or has failed"
    )
    digits: int = Field(description="Number of digits in the data set")
    done: int = Field(description="Number of digits indexed so far")
    correct: int | None = Field(
        description="Number of digits classified correctly; null until ready"
    )
    accuracy: float | None = Field(
        description="Share of digits classified correctly, 0 to 1; null until ready"
    )
    confusion: list[list[int]] | None = Field(
        description="Confusion matrix: a row for each label, a column for each predicted class; "
        "null until ready"
    )
    digits_url: str = Field(description="Path of the digits in the API")
    page_url: str = Field(description="Path of the data set's page")

    @classmethod
    def of(cls, indexes: DatasetIndexer, engine: Engine) -> Self:
        """The state of a network's index, and the results once it is ready.

        Raises:
            NoDatasetError: there is no data set, or its labels are not the network's classes.
        """
        check_classes(engine)
        progress, network = indexes.progress(engine), engine.manifest.id
        confusion = None
        if progress.state == "ready":
            confusion = indexes.dataset_index(engine).confusion(indexes.dataset.split.labels)
        correct = None if confusion is None else int(confusion.trace())
        return cls(
            network=network,
            state=progress.state,
            digits=progress.digits,
            done=progress.done,
            correct=correct,
            accuracy=None if correct is None else correct / progress.digits,
            confusion=None if confusion is None else confusion.tolist(),
            digits_url=links.api_dataset_digits(network),
            page_url=links.dataset_page(network),
        )


def check_classes(engine: Engine) -> None:
    """Refuse to compare the labels of digits with other classes.

    Raises:
        NoDatasetError: the network does not classify digits.
    """
    manifest = engine.manifest
    if manifest.takes_digits and not manifest.classifies_digits:
        raise NoDatasetError(
            f"network {manifest.id} has {len(manifest.classes)} classes; those of the test set are "
            "the ten digits"
        )


class DatasetDigit(Joined):
    """A digit of the data set and its prediction."""

    records = ("linked",)
    linked: LinkedDigit
    index: DatasetIndex
    label: Label
    prediction: int = Field(description="Index of the most probable class")
    wrong: bool = Field(description="Whether it is misclassified")
    probability: float = Field(description="Probability of the most probable class")
    label_probability: float = Field(description="Probability of the label's class")

    @classmethod
    def of(cls, collection: LabelledDigits, index: ActivationIndex, at: int, network: str) -> Self:
        """The digit at an index of the data set."""
        label, prediction = collection.label(at), int(index.predictions[at])
        probabilities = index.probabilities[at]
        return cls(
            linked=LinkedDigit.of(collection.ids[at], network),
            index=at,
            label=label,
            prediction=prediction,
            wrong=label != prediction,
            probability=float(probabilities[prediction]),
            label_probability=float(probabilities[label]) if label < len(probabilities) else 0.0,
        )


class DatasetDigits(Joined):
    """One page of the selected digits."""

    records = ("listing",)
    left_out = frozenset({"indices"})
    listing: ResultPage
    sheet_url: str | None = Field(
        description="Path of an image of all digits of this page; null if the page is empty"
    )
    digits: list[DatasetDigit] = Field(description="Digits of this page, in the requested order")

    @classmethod
    def of(
        cls, collection: LabelledDigits, index: ActivationIndex, listing: ResultPage, network: str
    ) -> Self:
        return cls(
            listing=listing,
            sheet_url=links.dataset_png(listing.indices, collection.sha256)
            if listing.indices
            else None,
            digits=[DatasetDigit.of(collection, index, at, network) for at in listing.indices],
        )


class TopDigit(BaseModel):
    """A digit that activates a filter strongly."""

    id: DigitId
    index: DatasetIndex
    label: Label
    value: float = Field(description="Maximum of the filter's map, above zero")
    url: DigitUrl
    page_url: str = Field(description="Path of the filter's page for this digit")


class TopActivations(BaseModel):
    """The digits that activate a filter most, with no block disabled."""

    layer: LayerName
    filter: FilterIndex
    collection: Literal["samples", "dataset"] = Field(
        description="Digits that were searched: the data set once it is indexed, otherwise the "
        "samples"
    )
    searched: int = Field(description="Number of digits searched")
    digits: list[TopDigit] = Field(description="Digits by descending value")

    @classmethod
    def of(
        cls,
        engine: Engine,
        layer: LayerInfo,
        index: int,
        best: tuple[LabelledDigits, ActivationIndex],
    ) -> Self:
        """The digits of a collection that activate a filter most."""
        collection, found = best
        return cls(
            layer=layer.name,
            filter=index,
            collection=collection.kind,
            searched=len(collection),
            digits=[
                TopDigit(
                    id=(digit := collection.ids[top.index]),
                    index=top.index,
                    label=collection.label(top.index),
                    value=top.value,
                    url=links.api_digit(digit),
                    page_url=links.filter_page(engine.manifest.id, digit, layer.name, index),
                )
                for top in found.top_activations(engine.manifest, layer, index)
            ],
        )


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


BrowsingDep = Annotated[BrowsingParameters, Depends(query_of(BrowsingParameters))]
Indices = Annotated[
    str,
    Query(
        description=f"at most {PER_PAGE} indices of the data set, from 0, comma-separated",
        examples=["0,7"],
        pattern=rf"^\d{{1,9}}(,\d{{1,9}}){{0,{PER_PAGE - 1}}}$",
        max_length=10 * PER_PAGE,
    ),
]


@router.get(
    "/networks/{network}/dataset",
    summary="Accuracy and confusion matrix of a network on the data set",
)
def dataset(engine: NetworkDep, services: ServicesDep) -> Dataset:
    return Dataset.of(services.indexes, engine)


@router.get(
    "/networks/{network}/dataset/digits",
    summary="Digits of the data set by label, prediction and correctness, page by page",
)
def dataset_digits(
    engine: NetworkDep, services: ServicesDep, parameters: BrowsingDep
) -> DatasetDigits:
    check_classes(engine)
    index, collection = services.indexes.dataset_index(engine), services.indexes.dataset
    listing = browse(collection, index, parameters.choice, parameters.page)
    return DatasetDigits.of(collection, index, listing, engine.manifest.id)


@router.file(
    "/dataset/digits.png",
    PNG,
    "Digits of the data set as one image, in the given order, ten in a row",
)
def dataset_png(request: Request, services: ServicesDep, indices: Indices) -> Response:
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
    filter: FilterNumber,  # noqa: A002  # the name in the path
    services: ServicesDep,
) -> TopActivations:
    index = check_filter(layer, filter)
    return TopActivations.of(engine, layer, index, services.indexes.best_available(engine))
