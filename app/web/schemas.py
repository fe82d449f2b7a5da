"""The API's answers, field by field. Values are finite: they are checked where they enter."""

from typing import Self

from pydantic import BaseModel, Field

from app.core.manifest import LayerInfo
from app.core.statistics import FilterStatistics, extent
from app.engine.protocol import Engine
from app.service.digits import StoredDigit
from app.service.examination import Examination
from app.web import urls

Pair = tuple[float, float]


class Network(BaseModel):
    """A network that is loaded."""

    id: str = Field(examples=["mnist-resnet"])
    title: str
    summary: str
    input_shape: tuple[int, int, int] = Field(description="height, width, channels")
    classes: list[str]
    parameters: int = Field(description="number of weights")
    test_accuracy: float | None = Field(description="share of MNIST's test digits read correctly")
    test_accuracy_interval: Pair | None = Field(description="its 95 % Wilson interval")
    engine: str = Field(examples=["litert"])
    device: str = Field(examples=["CPU"])
    blocks: list[str]
    switchable: list[str] = Field(description="blocks that off= may name")
    url: str

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


class Sample(BaseModel):
    """A digit that ships."""

    id: str
    label: int
    style: str
    url: str
    input_url: str
    page_url: str


class Digit(BaseModel):
    """A digit and how it came about."""

    id: str
    url: str
    input_url: str
    page_url: str
    inverted: bool = Field(description="whether the source was dark on light")
    box: tuple[int, int, int, int] = Field(description="ink in the source: x, y, width, height")
    warnings: list[str]
    label: int | None = Field(
        description="what it is meant to be; of samples and the data set's digits only"
    )
    index: int | None = Field(description="its place in the data set, from 0; of its digits only")

    @classmethod
    def of(cls, stored: StoredDigit, network: str) -> Self:
        """Describe a stored digit; its page is that of ``network``."""
        digit = stored.digit.id
        return cls(
            id=digit,
            url=urls.api_digit(digit),
            input_url=urls.input_png(digit),
            page_url=urls.gallery(network, digit),
            inverted=stored.inverted,
            box=stored.box,
            warnings=list(stored.warnings),
            label=stored.label,
            index=stored.place,
        )


class Prediction(BaseModel):
    """How a network answers a digit."""

    label: str = Field(description="the most probable class", examples=["7"])
    probabilities: list[float] = Field(description="of each class, adding up to 1")
    network: str
    digit: str
    off: list[str] = Field(description="blocks that were switched off")
    baseline: list[float] | None = Field(
        None, description="probabilities with every block on; null where none is off"
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

    index: int
    min: float
    max: float
    mean: float
    std: float
    zero_share: float = Field(description="share of positions that are exactly zero")
    dead: bool = Field(description="every position is zero")
    constant: bool = Field(description="every position has the same value")
    values: list[list[float]] | None = Field(None, description="the map itself, H x W")

    @classmethod
    def of(cls, statistics: FilterStatistics) -> Self:
        """A filter without its values."""
        return cls(**vars(statistics))


class Activations(BaseModel):
    """The maps of a layer in numbers."""

    layer: str
    shape: tuple[int, int, int]
    range: Pair = Field(description="smallest and largest value of the whole layer")
    filters: list[Filter]

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

    prediction: Prediction
    inverted: bool
    box: tuple[int, int, int, int]
    warnings: list[str]
    layers: list[Activations]
