"""Response models that several files share.

Records of the core and the service are response models themselves. A model that holds addresses or
parts of several records stands beside its routes.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from skiplens.core.grid_image import Box
from skiplens.core.published import Published
from skiplens.web import links

Pair = tuple[float, float]
Position = tuple[int, int]
Rows = list[list[float]]
NetworkId = Annotated[str, Field(description="Id of the network, as in addresses")]
DigitId = Annotated[
    str,
    Field(description="Id of the digit: the first 16 hex digits of the SHA-256 of its 784 bytes"),
]
DigitUrl = Annotated[str, Field(description="Path of the digit in the API")]
LayerName = Annotated[str, Field(description="Name of the layer")]
FilterIndex = Annotated[int, Field(description="Index of the filter, from 0")]
Shape = Annotated[tuple[int, int, int], Field(description="Height, width, number of filters")]
Probabilities = Annotated[
    list[float], Field(description="Probability of each class, 0 to 1; the sum is 1")
]
Label = Annotated[int, Field(description="Label, 0 to 9")]
DatasetIndex = Annotated[int, Field(description="Index in the collection, from 0")]
Inverted = Annotated[bool, Field(description="Whether the source image was dark on light")]
InkBox = Annotated[
    Box,
    Field(description="Bounding box of the ink in the source image: x, y, width, height in pixels"),
]
Warnings = Annotated[
    tuple[str, ...],
    Field(description="A sentence for each defect of the image that may affect the digit"),
]
BlockNames = Annotated[tuple[str, ...], Field(description="Names of the blocks, in forward order")]


class Joined(BaseModel):
    """Records whose fields stand side by side with those of the model, in JSON and its schema."""

    records: ClassVar[tuple[str, ...]]
    """Fields that hold the records."""
    left_out: ClassVar[frozenset[str]] = frozenset()
    """Fields of the records that are not published."""

    @model_serializer(mode="wrap")
    def _join(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        own = write(self)
        return self._side_by_side(*(own.pop(name) for name in self.records), own)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The JSON schema of what is written."""
        # Left in, the records would become components of the OpenAPI schema that nothing names.
        plain: Any = {key: value for key, value in core_schema.items() if key != "serialization"}
        fields = plain["schema"]["fields"].items()
        kept = {name: field for name, field in fields if name not in cls.records}
        schema = handler({**plain, "schema": {**plain["schema"], "fields": kept}})
        own = handler.resolve_ref_schema(schema)
        types: list[Any] = [cls.model_fields[name].annotation for name in cls.records]
        parts = [TypeAdapter(record).json_schema(mode=handler.mode) for record in types]
        parts.append(own.copy())
        own["properties"] = cls._side_by_side(*(part["properties"] for part in parts))
        needed = {name for part in parts for name in part.get("required", ())}
        own["required"] = [name for name in own["properties"] if name in needed]
        return schema

    @classmethod
    def _side_by_side(cls, *parts: dict[str, Any]) -> dict[str, Any]:
        joined: dict[str, Any] = {}
        for part in parts:
            joined |= part
        for name in cls.left_out:
            del joined[name]
        return joined


@dataclass(frozen=True)
class LinkedDigit(Published):
    """A digit and where to find it."""

    id: DigitId
    url: DigitUrl
    input_url: str
    """Path of the 28x28 input of the networks as an image"""
    page_url: str
    """Path of the page that shows a network's activations for the digit"""

    @classmethod
    def of(cls, digit: str, network: str) -> Self:
        """The addresses of a digit; its page is that of ``network``."""
        page = links.gallery(network, digit)
        return cls(digit, links.api_digit(digit), links.input_png(digit), page)


class ImageLayout(BaseModel):
    """Size and palette of an image of maps."""

    width: int = Field(description="Width of the image in pixels")
    height: int = Field(description="Height of the image in pixels")
    zoom: int = Field(description="Pixels along a side of one value, 1 to 16")
    palette: str = Field(description="Name of the palette, as in palette=")
