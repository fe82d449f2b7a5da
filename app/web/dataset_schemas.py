"""The API's answers about many digits at once: a data set, and each filter's strongest digits."""

from typing import Literal, Self

from pydantic import BaseModel, Field

from app.core.manifest import LayerInfo
from app.engine.protocol import Engine
from app.service.dataset.browsing import Listing
from app.service.dataset.collection import Collection
from app.service.dataset.index import Index
from app.service.dataset.indexes import Indexes
from app.web import urls


class Dataset(BaseModel):
    """How a network reads the data set, as far as that is known."""

    network: str
    state: Literal["indexing", "ready", "failed"]
    digits: int = Field(description="how many there are", examples=[10000])
    done: int = Field(description="how many the network has read so far", examples=[10000])
    correct: int | None = Field(description="how many it reads correctly", examples=[9966])
    accuracy: float | None = Field(description="the same as a share", examples=[0.9966])
    confusion: list[list[int]] | None = Field(
        description="digits of each label, by row, that are read as each class, by column"
    )
    digits_url: str
    page_url: str

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

    id: str
    index: int = Field(description="its place in the data set, from 0", examples=[4711])
    label: int = Field(description="what it is meant to be", examples=[7])
    prediction: int = Field(description="index of the most probable class", examples=[9])
    wrong: bool = Field(description="whether the two differ")
    probability: float = Field(description="of the most probable class", examples=[0.62])
    label_probability: float = Field(description="of what it is meant to be", examples=[0.31])
    url: str
    input_url: str
    page_url: str

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

    total: int = Field(description="digits on all pages")
    page: int = Field(description="number of this page, from 1")
    pages: int = Field(description="how many there are")
    sheet_url: str | None = Field(description="the digits of this page as one picture")
    digits: list[DatasetDigit]

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


class StrongDigit(BaseModel):
    """A digit that excites a filter."""

    id: str
    index: int = Field(description="its place in the collection, from 0")
    label: int = Field(description="what it is meant to be")
    value: float = Field(description="the largest value of the filter's map, above zero")
    url: str
    page_url: str = Field(description="the filter's page on this digit")


class Strongest(BaseModel):
    """The digits that excite a filter most, with every block on."""

    layer: str
    filter: int
    collection: Literal["samples", "dataset"] = Field(
        description="where they were looked for: the data set once it is indexed, else the samples"
    )
    searched: int = Field(description="how many digits were looked at", examples=[10000])
    digits: list[StrongDigit] = Field(description="strongest first")

    @classmethod
    def of(
        cls, engine: Engine, layer: LayerInfo, index: int, best: tuple[Collection, Index]
    ) -> Self:
        """The strongest digits of a filter in a collection."""
        collection, found = best
        network = engine.manifest.id
        return cls(
            layer=layer.name,
            filter=index,
            collection=collection.kind,
            searched=len(collection),
            digits=[
                StrongDigit(
                    id=collection.ids[one.place],
                    index=one.place,
                    label=collection.label(one.place),
                    value=one.value,
                    url=urls.api_digit(collection.ids[one.place]),
                    page_url=urls.filter_page(
                        network, collection.ids[one.place], layer.name, index
                    ),
                )
                for one in found.strongest(engine.manifest, layer, index)
            ],
        )
