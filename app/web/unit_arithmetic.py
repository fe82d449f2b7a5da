"""The arithmetic behind one value, field by field: a schema for each way of working it out."""

from collections.abc import Callable
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, Field

from app.core.units.steps import Application, BatchNorm, Merge, Softmax
from app.core.units.sums import Convolution, Pooling, WeightedSum
from app.core.units.working import Arithmetic

Place = tuple[int, int]
Rows = list[list[float]]

_KIND = Field(description="which of the ways of working a value out this is")
_BIAS = Field(description="added to the sums; null where the layer has none")
_FUNCTION = Field(description="applied to the total, `relu` for one; null where none is")


class ChannelSchema(BaseModel):
    """What one of the maps given contributes to a convolution."""

    channel: int = Field(description="index of the map")
    patch: Rows = Field(description="what the kernel lies over; 0 beyond the edge")
    kernel: Rows = Field(description="weights for this map, in the shape of the patch")
    sum: float = Field(description="of the products, patch times kernel")


class ConvolutionSchema(BaseModel):
    """Patch times kernel, added up over every map given, and the bias."""

    kind: Annotated[Literal["convolution"], _KIND] = "convolution"
    corner: Place = Field(description="row and column of the patch's first value in the maps given")
    dilation: Place = Field(description="from one value of the patch to the next, down and across")
    channels: list[ChannelSchema] = Field(description="one for each map that the filter looks at")
    bias: float | None = _BIAS
    total: float = Field(description="all sums and the bias")
    function: str | None = _FUNCTION

    @classmethod
    def of(cls, found: Convolution) -> Self:
        """Describe a convolution."""
        return cls(
            corner=found.corner,
            dilation=found.dilation,
            channels=[
                ChannelSchema(
                    channel=found.first + at,
                    patch=found.patch[:, :, at].tolist(),
                    kernel=found.kernel[:, :, at].tolist(),
                    sum=total,
                )
                for at, total in enumerate(found.sums.tolist())
            ],
            bias=found.bias,
            total=found.total,
            function=found.function,
        )


class WeightedSumSchema(BaseModel):
    """Values times weights, added up, and the bias."""

    kind: Annotated[Literal["weighted_sum"], _KIND] = "weighted_sum"
    values: list[float] = Field(description="of the maps given, in row-major order (H, W, C)")
    weights: list[float] = Field(description="one for each of the values")
    bias: float | None = _BIAS
    total: float = Field(description="all products and the bias")
    function: str | None = _FUNCTION

    @classmethod
    def of(cls, found: WeightedSum) -> Self:
        """Describe a weighted sum."""
        return cls(
            values=found.values.tolist(),
            weights=found.weights.tolist(),
            bias=found.bias,
            total=found.total,
            function=found.function,
        )


class PoolingSchema(BaseModel):
    """The largest value of a window, or their mean."""

    kind: Annotated[Literal["pooling"], _KIND] = "pooling"
    operation: str = Field(description="`max` or `mean`", examples=["max"])
    window: Rows = Field(description="values of the map, as far as the window lies on it")
    corner: Place = Field(description="row and column of the window's first value")

    @classmethod
    def of(cls, found: Pooling) -> Self:
        """Describe a pooling."""
        return cls(operation=found.operation, window=found.window.tolist(), corner=found.corner)


class BatchNormSchema(BaseModel):
    """(value - mean) / sqrt(variance + epsilon) * gamma + beta."""

    kind: Annotated[Literal["batch_norm"], _KIND] = "batch_norm"
    value: float = Field(description="of the map given, in the same place")
    mean: float = Field(description="of the filter's values, as it was usual in training")
    variance: float = Field(description="of the filter's values, as it was usual in training")
    epsilon: float = Field(description="small number that keeps the root above zero")
    gamma: float = Field(description="learned scale of the filter; 1 where there is none")
    beta: float = Field(description="learned shift of the filter; 0 where there is none")

    @classmethod
    def of(cls, found: BatchNorm) -> Self:
        """Describe a batch norm."""
        return cls(**vars(found))


class ApplicationSchema(BaseModel):
    """A value after a function, times the switch of its block's branch."""

    kind: Annotated[Literal["application"], _KIND] = "application"
    value: float = Field(description="of the map given, in the same place")
    function: str | None = Field(description="`relu`, `sigmoid` or `tanh`; null where none is")
    switch: float | None = Field(
        description="1 where the branch is on, 0 where it is off; null where no switch acts"
    )

    @classmethod
    def of(cls, found: Application) -> Self:
        """Describe a value passed on."""
        return cls(**vars(found))


class MergeSchema(BaseModel):
    """x and F(x), and T(x) of a highway, made one."""

    kind: Annotated[Literal["merge"], _KIND] = "merge"
    operation: str = Field(
        description="`add`, `multiply`, `average`, `maximum` or `highway`",
        examples=["add", "highway"],
    )
    terms: list[float] = Field(description="one for each of the inputs")

    @classmethod
    def of(cls, found: Merge) -> Self:
        """Describe a merge."""
        return cls(operation=found.operation, terms=list(found.terms))


class SoftmaxSchema(BaseModel):
    """exp(score) over the sum of all."""

    kind: Annotated[Literal["softmax"], _KIND] = "softmax"
    scores: list[float] = Field(description="logits of all classes, in their order")
    index: int = Field(description="which of them the value is the share of")

    @classmethod
    def of(cls, found: Softmax) -> Self:
        """Describe a softmax."""
        return cls(scores=found.scores.tolist(), index=found.index)


ArithmeticSchema = Annotated[
    ConvolutionSchema
    | WeightedSumSchema
    | PoolingSchema
    | BatchNormSchema
    | ApplicationSchema
    | MergeSchema
    | SoftmaxSchema,
    Field(discriminator="kind"),
]


_SCHEMAS: Final[dict[type[Arithmetic], Callable[..., ArithmeticSchema]]] = {
    Convolution: ConvolutionSchema.of,
    WeightedSum: WeightedSumSchema.of,
    Pooling: PoolingSchema.of,
    BatchNorm: BatchNormSchema.of,
    Application: ApplicationSchema.of,
    Merge: MergeSchema.of,
    Softmax: SoftmaxSchema.of,
}


def described(found: Arithmetic) -> ArithmeticSchema:
    """The schema of a record."""
    return _SCHEMAS[type(found)](found)
