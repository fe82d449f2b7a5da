"""The API's answers, field by field. Values are finite: they are checked where they enter."""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.core.manifest import LayerInfo
from app.core.statistics import FilterStatistics, extent
from app.engine.protocol import Engine
from app.service.examination import Examination
from app.web import urls
from app.web.fields import (
    DigitId,
    FilterIndex,
    InkBox,
    Inverted,
    LayerName,
    NetworkId,
    Pair,
    Probabilities,
    Shape,
    Warnings,
)

_BLOCKS: Final = [f"block{number}" for number in range(1, 7)]
_FILTER: Final[dict[str, JsonValue]] = {
    "index": 48,
    "min": 0.0,
    "max": 0.06524,
    "mean": 0.00199455,
    "std": 0.0102192,
    "zero_share": 0.9591836734693877,
    "dead": False,
    "constant": False,
}
_SILENT: Final[JsonValue] = [0.0] * 7
_VALUES: Final[JsonValue] = [*[_SILENT] * 6, [0.0, 0.0, 0.06524, 0.03249, 0.0, 0.0, 0.0]]
_LAYER: Final[dict[str, JsonValue]] = {
    "layer": "block6.output",
    "shape": [7, 7, 64],
    "range": [0.0, 12.6962],
}


class Network(BaseModel):
    """A network that is loaded."""

    id: NetworkId
    title: str = Field(description="name for people", examples=["Residual network"])
    summary: str = Field(
        description="one sentence for people",
        examples=[
            (
                "Three stages of two residual blocks each: every block adds a correction to what "
                "it is given."
            )
        ],
    )
    input_shape: tuple[int, int, int] = Field(
        description="height, width, channels", examples=[(28, 28, 1)]
    )
    classes: list[str] = Field(
        description="label of each class, in the order of the probabilities",
        examples=[list("0123456789")],
    )
    parameters: int = Field(description="number of weights", examples=[176090])
    test_accuracy: float | None = Field(
        description="share of MNIST's test digits read correctly; null where it was not measured",
        examples=[0.997],
    )
    test_accuracy_interval: Pair | None = Field(
        description="its 95 % Wilson interval; null where it was not measured",
        examples=[(0.9957, 0.9979)],
    )
    engine: str = Field(description="what runs it: `litert` or `keras`", examples=["litert"])
    device: str = Field(description="what it runs on, as its engine names it", examples=["CPU"])
    blocks: list[str] = Field(description="names, in forward order", examples=[_BLOCKS])
    switchable: list[str] = Field(description="blocks that off= may name", examples=[_BLOCKS])
    url: str = Field(
        description="path of the network in the API", examples=["/api/v1/networks/mnist-resnet"]
    )

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Describe a loaded network."""
        manifest = engine.manifest
        accuracy = manifest.test_accuracy
        return cls(
            id=manifest.id,
            title=manifest.title,
            summary=manifest.summary,
            input_shape=manifest.input_shape,
            classes=list(manifest.classes),
            parameters=manifest.parameters,
            test_accuracy=accuracy.value if accuracy else None,
            test_accuracy_interval=accuracy.interval if accuracy else None,
            engine=engine.name,
            device=engine.device,
            blocks=[block.name for block in manifest.blocks],
            switchable=list(manifest.switches),
            url=urls.api_network(manifest.id),
        )


class Prediction(BaseModel):
    """How a network answers a digit."""

    label: str = Field(description="the most probable class", examples=["7"])
    probabilities: Probabilities
    network: NetworkId
    digit: DigitId
    off: list[str] = Field(description="blocks that were switched off", examples=[[]])
    baseline: list[float] | None = Field(
        None,
        description="probabilities with every block on; null where none is off",
        examples=[None],
    )

    @classmethod
    def of(cls, examination: Examination, whole: Examination | None = None) -> Self:
        """The prediction of an examination, beside that of the whole network where it is given."""
        return cls(
            label=examination.manifest.classes[examination.label],
            probabilities=examination.probabilities.tolist(),
            network=examination.manifest.id,
            digit=examination.digit.id,
            off=list(examination.off),
            baseline=whole.probabilities.tolist() if whole and examination.off else None,
        )


class Filter(BaseModel):
    """A filter's map in numbers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_FILTER, "values": _VALUES}]})

    index: FilterIndex
    min: float = Field(description="smallest value of the map")
    max: float = Field(description="largest value of the map")
    mean: float = Field(description="over all positions")
    std: float = Field(description="population standard deviation over all positions")
    zero_share: float = Field(description="share of positions that are exactly zero, 0 to 1")
    dead: bool = Field(description="every position is zero")
    constant: bool = Field(description="every position has the same value, and there are several")
    values: list[list[float]] | None = Field(
        None, description="the map itself, H x W; only where values= asks for it"
    )

    @classmethod
    def of(cls, statistics: FilterStatistics) -> Self:
        """A filter without its values."""
        return cls(**vars(statistics))


class Activations(BaseModel):
    """The maps of a layer in numbers."""

    layer: LayerName = Field(examples=[_LAYER["layer"]])
    shape: Shape = Field(examples=[_LAYER["shape"]])
    range: Pair = Field(
        description="smallest and largest value of the whole layer", examples=[_LAYER["range"]]
    )
    filters: list[Filter] = Field(
        description="one entry a filter: those that filters= names, all by default"
    )

    @classmethod
    def of(
        cls,
        examination: Examination,
        layer: LayerInfo,
        filters: tuple[int, ...] | None = None,
        *,
        values: bool = False,
    ) -> Self:
        """Describe the chosen filters of a layer; all by default."""
        maps = examination.maps(layer)
        statistics = examination.statistics(layer)
        chosen = range(layer.filters) if filters is None else filters
        described = [Filter.of(statistics[index]) for index in chosen]
        if values:
            for one in described:
                one.values = maps[:, :, one.index].tolist()
        return cls(layer=layer.name, shape=layer.shape, range=extent(maps), filters=described)


class Summary(BaseModel):
    """One call: the prediction and every layer in numbers."""

    prediction: Prediction = Field(description="what the network reads")
    inverted: Inverted
    box: InkBox
    warnings: Warnings
    layers: list[Activations] = Field(
        description="every layer in forward order, with all of its filters and no values",
        examples=[[{**_LAYER, "filters": [_FILTER]}]],
    )
