"""The API's answers about a data set, field by field."""

from typing import Final, Literal, Self

from pydantic import BaseModel, Field

from app.engine.protocol import Engine
from app.service.dataset.browsing import Listing
from app.service.dataset.collection import Collection
from app.service.dataset.index import Index
from app.service.dataset.indexes import Indexes
from app.web import urls
from app.web.fields import DigitId, DigitUrl, GalleryUrl, InputUrl, Label, NetworkId

_CONFUSION: Final = [
    [980, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1134, 0, 0, 0, 0, 0, 1, 0, 0],
    [1, 0, 1029, 0, 0, 0, 0, 2, 0, 0],
    [0, 0, 0, 1009, 0, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, 980, 0, 0, 0, 0, 2],
    [0, 0, 0, 2, 0, 888, 2, 0, 0, 0],
    [1, 2, 0, 0, 1, 1, 952, 0, 1, 0],
    [0, 2, 1, 0, 0, 0, 0, 1025, 0, 0],
    [0, 0, 2, 0, 0, 0, 0, 0, 971, 1],
    [0, 0, 0, 0, 7, 0, 0, 0, 0, 1002],
]


class Dataset(BaseModel):
    """How a network reads the data set, as far as that is known."""

    network: NetworkId
    state: Literal["indexing", "ready", "failed"] = Field(
        description="whether the network is still reading, has read every digit, or gave up",
        examples=["ready"],
    )
    digits: int = Field(description="how many there are", examples=[10000])
    done: int = Field(description="how many the network has read so far", examples=[10000])
    correct: int | None = Field(
        description="how many it reads correctly; null until it is ready", examples=[9970]
    )
    accuracy: float | None = Field(
        description="the same as a share; null until it is ready", examples=[0.997]
    )
    confusion: list[list[int]] | None = Field(
        description="digits of each label, by row, that are read as each class, by column; null "
        "until it is ready",
        examples=[_CONFUSION],
    )
    digits_url: str = Field(
        description="path of its digits in the API",
        examples=["/api/v1/networks/mnist-resnet/dataset/digits"],
    )
    page_url: str = Field(
        description="path of the page that shows them",
        examples=["/networks/mnist-resnet/dataset"],
    )

    @classmethod
    def of(cls, indexes: Indexes, engine: Engine) -> Self:
        """The state of a network's index, and what is known once it is ready.

        Raises:
            NoDatasetError: there is no data set.
        """
        progress, network = indexes.progress(engine), engine.manifest.id
        confusion = None
        if progress.state == "ready":
            confusion = indexes.of_dataset(engine).confusion(indexes.dataset.split.labels)
        correct = None if confusion is None else int(confusion.trace())
        return cls(
            network=network,
            state=progress.state,
            digits=progress.digits,
            done=progress.done,
            correct=correct,
            accuracy=None if correct is None else correct / progress.digits,
            confusion=None if confusion is None else confusion.tolist(),
            digits_url=urls.api_dataset_digits(network),
            page_url=urls.dataset_page(network),
        )


class DatasetDigit(BaseModel):
    """A digit of the data set, and how a network reads it."""

    id: DigitId = Field(examples=["0b258885ce0579ec"])
    index: int = Field(description="its place in the data set, from 0", examples=[3422])
    label: Label = Field(examples=[6])
    prediction: int = Field(description="index of the most probable class", examples=[0])
    wrong: bool = Field(description="whether the two differ", examples=[True])
    probability: float = Field(description="of the most probable class", examples=[0.97487])
    label_probability: float = Field(description="of what it is meant to be", examples=[0.02499])
    url: DigitUrl = Field(examples=["/api/v1/digits/0b258885ce0579ec"])
    input_url: InputUrl = Field(examples=["/api/v1/digits/0b258885ce0579ec/input.png"])
    page_url: GalleryUrl = Field(examples=["/networks/mnist-resnet/digits/0b258885ce0579ec"])

    @classmethod
    def of(cls, collection: Collection, index: Index, place: int, network: str) -> Self:
        """The digit at a place."""
        digit, label = collection.ids[place], collection.label(place)
        probabilities, prediction = index.probabilities[place], int(index.predictions[place])
        return cls(
            id=digit,
            index=place,
            label=label,
            prediction=prediction,
            wrong=label != prediction,
            probability=float(probabilities[prediction]),
            label_probability=float(probabilities[label]) if label < len(probabilities) else 0.0,
            url=urls.api_digit(digit),
            input_url=urls.input_png(digit),
            page_url=urls.gallery(network, digit),
        )


class DatasetDigits(BaseModel):
    """A page of the digits that were chosen."""

    total: int = Field(description="digits on all pages", examples=[1])
    page: int = Field(description="number of this page, from 1", examples=[1])
    pages: int = Field(description="how many there are", examples=[1])
    sheet_url: str | None = Field(
        description="path of the digits of this page as one picture; null where there are none",
        examples=["/api/v1/dataset/digits.png?indices=3422&version=c3f9adf9c66e"],
    )
    digits: list[DatasetDigit] = Field(description="those of this page, in the order asked for")

    @classmethod
    def of(cls, collection: Collection, index: Index, listing: Listing, network: str) -> Self:
        """Describe a page."""
        return cls(
            total=listing.total,
            page=listing.page,
            pages=listing.pages,
            sheet_url=urls.dataset_png(listing.places, collection.sha256)
            if listing.places
            else None,
            digits=[DatasetDigit.of(collection, index, place, network) for place in listing.places],
        )
