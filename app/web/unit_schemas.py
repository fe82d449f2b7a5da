"""The API's answer about one value of a map, and an example of it."""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.core.units.working import Unit
from app.web.fields import FilterIndex, LayerName
from app.web.unit_arithmetic import ArithmeticSchema, described

_EXAMPLE: Final[dict[str, JsonValue]] = {
    "layer": "block1.norm1",
    "filter": 3,
    "row": 5,
    "column": 12,
    "value": 0.6254667639732361,
    "inputs": ["block1.conv1"],
    "result": 0.6254667701673174,
    "arithmetic": {
        "kind": "batch_norm",
        "value": 1.452095627784729,
        "mean": -0.4118497371673584,
        "variance": 12.24205207824707,
        "epsilon": 0.001,
        "gamma": 1.0777666568756104,
        "beta": 0.051333025097846985,
    },
}


class UnitSchema(BaseModel):
    """One value of a map, and how it comes about."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    layer: LayerName
    filter: FilterIndex
    row: int = Field(description="of the map, from 0 at the top")
    column: int = Field(description="of the map, from 0 at the left")
    value: float = Field(description="as the network computed it, in float32")
    inputs: list[str] = Field(description="layers that it is computed from; `input` is the digit")
    result: float | None = Field(
        description="what the arithmetic comes to in float64: the value, to about six digits; null "
        "where there is none"
    )
    arithmetic: ArithmeticSchema | None = Field(
        description="the numbers that went in; null for kinds of layers that are not known"
    )

    @classmethod
    def of(cls, unit: Unit) -> Self:
        """Describe a unit."""
        found = unit.arithmetic
        row, column = unit.place
        return cls(
            layer=unit.layer.name,
            filter=unit.filter,
            row=row,
            column=column,
            value=unit.value,
            inputs=list(unit.layer.inputs),
            result=None if found is None else found.result,
            arithmetic=None if found is None else described(found),
        )
