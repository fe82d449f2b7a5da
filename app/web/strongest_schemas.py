"""The API's answers about the digits that excite a filter most, field by field."""

from typing import Literal, Self

from pydantic import BaseModel, Field

from app.core.manifest import LayerInfo
from app.engine.protocol import Engine
from app.service.dataset.collection import Collection
from app.service.dataset.index import Index
from app.web import urls
from app.web.fields import DigitId, DigitUrl, FilterIndex, Label, LayerName


class StrongDigit(BaseModel):
    """A digit that excites a filter."""

    id: DigitId = Field(examples=["cb7972059120a16e"])
    index: int = Field(description="its place in the collection, from 0", examples=[7630])
    label: Label = Field(examples=[5])
    value: float = Field(
        description="the largest value of the filter's map, above zero", examples=[9.2214]
    )
    url: DigitUrl = Field(examples=["/api/v1/digits/cb7972059120a16e"])
    page_url: str = Field(
        description="path of the filter's page on this digit",
        examples=["/networks/mnist-resnet/digits/cb7972059120a16e/layers/block1.conv1/filters/3"],
    )


class Strongest(BaseModel):
    """The digits that excite a filter most, with every block on."""

    layer: LayerName = Field(examples=["block1.conv1"])
    filter: FilterIndex
    collection: Literal["samples", "dataset"] = Field(
        description="where they were looked for: the data set once it is indexed, else the samples",
        examples=["dataset"],
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
