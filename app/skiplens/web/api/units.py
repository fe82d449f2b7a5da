"""API route for one value: the arithmetic that produces it."""

from functools import partial
from typing import Annotated, Final, Literal, Self

import numpy as np
from fastapi import Path as PathParameter
from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter

from skiplens.core.unit_arithmetic import (
    ActivationStep,
    Arithmetic,
    BatchNorm,
    Convolution,
    GRUGate,
    GRUState,
    Merge,
    Unit,
)
from skiplens.service.registry import check_filter
from skiplens.service.units import check_position, explain
from skiplens.web.api.activations import LAYER
from skiplens.web.api.routing import Router
from skiplens.web.api.schemas import FilterIndex, LayerName, Position, Rows
from skiplens.web.parameters import ForwardPassDep, LayerDep, NetworkDep

router = Router("views")

Function = Annotated[None, Field(description="Always null: an activation is a layer of its own")]
Bias = Annotated[float | None, Field(description="Added to the sum; null if the layer has none")]
_KIND = Field(description="Kind of arithmetic")


class ConvolutionChannel(BaseModel):
    """Contribution of one input map to a convolution."""

    channel: int = Field(description="Index of the input map")
    patch: Rows = Field(description="Input values under the kernel; 0 in the padding")
    kernel: Rows = Field(description="Weights for this map, in the shape of the patch")
    sum: float = Field(description="Sum of the products of patch and kernel")


class ConvolutionStep(BaseModel):
    """Products of patch and kernel, summed over all input maps, plus the bias."""

    kind: Annotated[Literal["convolution"], _KIND] = "convolution"
    corner: Position = Field(
        description="Row and column of the patch's first value in the input maps; negative in the"
        " padding"
    )
    dilation: Position = Field(
        description="Vertical and horizontal distance between values of the patch"
    )
    channels: list[ConvolutionChannel] = Field(
        description="One entry for each input map of the filter"
    )
    bias: Bias
    total: float = Field(description="All sums plus the bias")
    function: Function = None

    @classmethod
    def of(cls, found: Convolution) -> Self:
        return cls(
            corner=found.corner,
            dilation=found.dilation,
            channels=[
                ConvolutionChannel(
                    channel=found.first + at,
                    patch=found.patch[:, :, at].tolist(),
                    kernel=found.kernel[:, :, at].tolist(),
                    sum=total,
                )
                for at, total in enumerate(found.sums.tolist())
            ],
            bias=found.bias,
            total=found.result,
        )


_from_array: Final = BeforeValidator(np.ndarray.tolist)
Floats = Annotated[list[float], _from_array]


class DenseStep(BaseModel):
    """Products of values and weights, summed, plus the bias."""

    kind: Annotated[Literal["weighted_sum"], _KIND] = "weighted_sum"
    values: Floats = Field(description="Values of the input maps in row-major order (H, W, C)")
    weights: Floats = Field(description="One weight for each value")
    bias: Bias
    total: float = Field(validation_alias="result", description="Sum of all products plus the bias")
    function: Function = None


class PoolingStep(BaseModel):
    """The maximum or the mean of a window."""

    kind: Annotated[Literal["pooling"], _KIND] = "pooling"
    operation: str = Field(description="`max` or `mean`")
    window: Annotated[Rows, _from_array] = Field(
        description="Values of the input map in the window, without padding"
    )
    corner: Position = Field(description="Row and column of the window's first value")


class SoftmaxStep(BaseModel):
    """exp(score) divided by the sum over all scores."""

    kind: Annotated[Literal["softmax"], _KIND] = "softmax"
    scores: Floats = Field(description="Logits of all classes")
    index: int = Field(description="Index of the class whose probability this is")


Step = Annotated[
    ConvolutionStep
    | DenseStep
    | PoolingStep
    | BatchNorm
    | ActivationStep
    | Merge
    | GRUGate
    | GRUState
    | SoftmaxStep,
    Field(discriminator="kind"),
]
_STEP: Final = TypeAdapter[Step](Step)


def _step(found: Arithmetic) -> Step:
    """Arithmetic without NumPy arrays."""
    if isinstance(found, Convolution):
        return ConvolutionStep.of(found)
    return _STEP.validate_python(found, from_attributes=True)


class UnitValue(BaseModel):
    """One value of a map, and the arithmetic that produces it."""

    layer: LayerName
    filter: FilterIndex
    row: int = Field(description="Row of the map, from 0 at the top")
    column: int = Field(description="Column of the map, from 0 at the left")
    value: float = Field(description="The value in float32, as the network computed it")
    inputs: tuple[str, ...] = Field(
        description="Layers that the value is computed from; `input` is the digit"
    )
    result: float | None = Field(
        description="Result of the arithmetic in float64, equal to the value to about six digits;"
        " null if there is none"
    )
    arithmetic: Step | None = Field(
        description="The numbers that the value is computed from; null for unknown kinds of layers"
    )

    @classmethod
    def of(cls, unit: Unit) -> Self:
        found = unit.arithmetic
        row, column = unit.position
        return cls(
            layer=unit.layer.name,
            filter=unit.filter,
            row=row,
            column=column,
            value=unit.value,
            inputs=unit.layer.inputs,
            result=None if found is None else found.result,
            arithmetic=None if found is None else _step(found),
        )


_Coordinate: Final = partial(PathParameter, ge=0, le=999_999_999)
Index = Annotated[int, _Coordinate(alias="filter", description="index of a filter", examples=[3])]
Row = Annotated[int, _Coordinate(description="row of the map, from 0 at the top", examples=[5])]
Column = Annotated[
    int, _Coordinate(description="column of the map, from 0 at the left", examples=[12])
]


@router.get(
    f"{LAYER}/filters/{{filter}}/units/{{row}},{{column}}",
    summary="One value of a map and the arithmetic that produces it",
    description="The operands of the value at a row and a column: for a convolution the input "
    "patch, the kernel and the contribution of each input map; for a batch normalisation mean, "
    "variance, gamma and beta; for a block's sum x and F(x); and so on. `result` is computed from "
    "them and equals the value of the map.",
)
def unit(
    engine: NetworkDep,
    forward: ForwardPassDep,
    layer: LayerDep,
    index: Index,
    row: Row,
    column: Column,
) -> UnitValue:
    position = check_position(layer, row, column)
    return UnitValue.of(explain(engine, forward, layer, check_filter(layer, index), position))
