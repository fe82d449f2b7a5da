"""The API's answers about two examinations side by side, field by field."""

from typing import Final, Self

from pydantic import BaseModel, Field, JsonValue

from app.service import comparison
from app.service.examination import Examination
from app.web.fields import LayerName, Shape
from app.web.schemas import Prediction

_B: Final[dict[str, JsonValue]] = {
    "label": "7",
    "probabilities": [
        *(1.1e-07, 1.08e-05, 7.9e-07, 4.5e-06, 6.0e-06),
        *(1.9e-07, 1.2e-09, 0.999947, 9.4e-08, 3.04e-05),
    ],
    "network": "mnist-highway",
    "digit": "68348ce2256ddc1e",
    "off": [],
}


class LayerComparison(BaseModel):
    """One layer of both."""

    layer: LayerName = Field(examples=["head.logits"])
    shape: Shape = Field(examples=[(1, 1, 10)])
    norm_a: float = Field(description="Euclidean norm of A's maps", examples=[17.6013])
    norm_b: float = Field(description="Euclidean norm of B's maps", examples=[19.5285])
    norm_difference: float = Field(description="norm of A - B", examples=[5.3074])
    cosine: float = Field(
        description="of A's and B's maps, -1 to 1; 0 where either is zero", examples=[0.9644]
    )


class Comparison(BaseModel):
    """Two examinations side by side."""

    a: Prediction = Field(description="what A's network reads")
    b: Prediction = Field(description="what B's network reads", examples=[_B])
    layers: list[LayerComparison] = Field(
        description="those that both have in one shape, in forward order"
    )

    @classmethod
    def of(cls, a: Examination, b: Examination) -> Self:
        """Compare two examinations."""
        layers = [LayerComparison(**vars(one)) for one in comparison.compare(a, b)]
        return cls(a=Prediction.of(a), b=Prediction.of(b), layers=layers)
