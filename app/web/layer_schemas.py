"""The API's answers about layers, field by field."""

from typing import Self

from pydantic import BaseModel, Field

from app.core import receptive
from app.core.manifest import LayerInfo, Manifest
from app.web.fields import LayerName, Shape


class ReceptiveField(BaseModel):
    """The part of the input that each value of a layer can see, along rows and along columns.

    The value at row ``r`` sees the input's rows from ``start[0] + stride[0] * r`` on,
    ``size[0]`` of them; the same along columns. What lies outside of the input is padding.
    """

    start: tuple[int, int] = Field(
        description="first input row and column that position (0, 0) sees; below zero is padding",
        examples=[(-2, -2)],
    )
    stride: tuple[int, int] = Field(
        description="inputs between what one position sees and the next; 0 where all see the same",
        examples=[(1, 1)],
    )
    size: tuple[int, int] = Field(description="input rows and columns seen", examples=[(5, 5)])

    @classmethod
    def of(cls, field: receptive.ReceptiveField) -> Self:
        """Describe a receptive field."""
        rows, columns = field.rows, field.columns
        return cls(
            start=(rows.start, columns.start),
            stride=(rows.stride, columns.stride),
            size=(rows.size, columns.size),
        )


class Layer(BaseModel):
    """A layer of a network."""

    name: LayerName = Field(examples=["block1.conv1"])
    kind: str = Field(
        description="class in Keras; `Residual`, `Add` and the like for the parts of a block",
        examples=["Conv2D"],
    )
    role: str = Field(
        description="`conv`, `norm`, `activation`, `identity`, `residual`, `gate`, `sum`, "
        "`output`, `pool`, `logits` or `probabilities`",
        examples=["conv"],
    )
    block: str | None = Field(
        description="name of its block; null in stem and head", examples=["block1"]
    )
    shape: Shape
    parameters: int = Field(description="number of its own weights", examples=[2304])
    kernel: tuple[int, int] | None = Field(
        description="height and width of the kernels; null but for convolutions",
        examples=[(3, 3)],
    )
    strides: tuple[int, int] | None = Field(
        description="steps of a convolution or pooling, down and across; null but for those",
        examples=[(1, 1)],
    )
    signed: bool = Field(description="whether values below zero can occur", examples=[True])
    inputs: tuple[str, ...] = Field(
        description="layers whose maps it is computed from; input is the digit itself",
        examples=[("stem.output",)],
    )
    receptive_field: ReceptiveField = Field(description="what each of its values can see")

    @classmethod
    def all_of(cls, manifest: Manifest) -> list[Self]:
        """Describe every layer of a network, in forward order."""
        height, width, _ = manifest.input_shape
        fields = receptive.receptive_fields(manifest.layers, (height, width))
        return [cls._of(layer, fields[layer.name]) for layer in manifest.layers]

    @classmethod
    def _of(cls, layer: LayerInfo, field: receptive.ReceptiveField) -> Self:
        return cls(**vars(layer), receptive_field=ReceptiveField.of(field))
