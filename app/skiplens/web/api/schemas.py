"""Response models of the API.

Records of the core and the service are response models themselves. Here are those that hold
addresses or parts of several records.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, Self

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from skiplens.core.experiments import MeasuredRun
from skiplens.core.feature_stats import FilterStatistics, extent
from skiplens.core.manifest import (
    DESCRIBED,
    BlockInfo,
    BlockMetrics,
    FilterMetrics,
    LayerInfo,
    Manifest,
    NetworkSimilarity,
)
from skiplens.core.receptive_field import ReceptiveField, receptive_fields
from skiplens.core.unit_explanation import (
    ActivationStep,
    Arithmetic,
    BatchNorm,
    Convolution,
    GRUGate,
    GRUState,
    Merge,
    Unit,
)
from skiplens.engine.base import Engine
from skiplens.service.analysis import BlockGradient
from skiplens.service.comparison import LayerComparison
from skiplens.service.dataset.activation_index import ActivationIndex, ResultPage
from skiplens.service.dataset.indexer import DatasetIndexer
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.service.digit_store import DigitRecord
from skiplens.service.early_exits_and_votes import Votes as VotesOfBlocks
from skiplens.service.forward import ForwardPass
from skiplens.service.images import FeatureMapTable, Grid, GridCell
from skiplens.web import links

Pair = tuple[float, float]
Position = tuple[int, int]
Box = tuple[int, int, int, int]
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
Function = Annotated[
    str | None, Field(description="Activation function applied to the total; null if there is none")
]
Bias = Annotated[float | None, Field(description="Added to the sum; null if the layer has none")]
BlockNames = Annotated[tuple[str, ...], Field(description="Names of the blocks, in forward order")]
_KIND = Field(description="Kind of arithmetic")


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


class Network(BaseModel):
    """A loaded network."""

    id: NetworkId
    title: str = Field(description="Display name")
    summary: str = Field(description="One sentence about the network")
    input_shape: tuple[int, int, int] = Field(description="Height, width, channels")
    classes: tuple[str, ...] = Field(
        description="Label of each class, in the order of the probabilities"
    )
    parameters: int = Field(description="Number of weights")
    test_accuracy: float | None = Field(
        description="Accuracy on MNIST's test digits, 0 to 1; null if not measured"
    )
    test_accuracy_interval: Pair | None = Field(
        description="95 % Wilson score interval of the accuracy; null if not measured"
    )
    engine: str = Field(description="What runs the network: `litert` or `keras`")
    device: str = Field(description="Device that the engine runs on")
    blocks: BlockNames
    can_disable: tuple[str, ...] = Field(description="Blocks that scale= may name")
    url: str = Field(description="Path of the network in the API")

    @classmethod
    def of(cls, engine: Engine) -> Self:
        manifest = engine.manifest
        accuracy = manifest.test_accuracy
        return cls(
            id=manifest.id,
            title=manifest.title,
            summary=manifest.summary,
            input_shape=manifest.input_shape,
            classes=manifest.classes,
            parameters=manifest.parameters,
            test_accuracy=accuracy.value if accuracy else None,
            test_accuracy_interval=accuracy.interval if accuracy else None,
            engine=engine.name,
            device=engine.device,
            blocks=tuple(block.name for block in manifest.blocks),
            can_disable=manifest.disableable_blocks,
            url=links.api_network(manifest.id),
        )


class Layer(Joined):
    """A layer of a network."""

    records = ("layer",)
    layer: LayerInfo
    receptive_field: ReceptiveField = Field(
        description="Part of the input that each of its values depends on"
    )

    @classmethod
    def all_of(cls, manifest: Manifest) -> list[Self]:
        """Every layer of a network, in forward order."""
        height, width, _ = manifest.input_shape
        fields = receptive_fields(manifest.layers, (height, width))
        return [cls(layer=layer, receptive_field=fields[layer.name]) for layer in manifest.layers]


class Prediction(BaseModel):
    """The prediction of a network for a digit."""

    label: str = Field(description="Most probable class")
    probabilities: Probabilities
    network: NetworkId
    digit: DigitId
    scale: dict[str, float] = Field(
        description="Factor of the residual branch of each block whose factor is not 1"
    )
    order: tuple[str, ...] = Field(
        description="Every block, in the order in which they ran; empty for the trained order"
    )
    baseline: list[float] | None = Field(
        None,
        description="Probabilities of the network as trained; null if no factor and no order "
        "differs from it",
    )

    @classmethod
    def of(cls, forward: ForwardPass, baseline: ForwardPass | None = None) -> Self:
        """The prediction of a forward pass, with that of the baseline, if any."""
        changed = forward.scales or forward.order
        return cls(
            label=forward.manifest.classes[forward.label],
            probabilities=forward.probabilities.tolist(),
            network=forward.manifest.id,
            digit=forward.digit.id,
            scale=dict(forward.scales.factors),
            order=forward.order.names,
            baseline=baseline.probabilities.tolist() if baseline and changed else None,
        )


class Filter(Joined):
    """Statistics of a filter's map."""

    records = ("statistics",)
    statistics: FilterStatistics
    values: Rows | None = Field(
        None, description="Values of the map, H x W; null unless values= asks for them"
    )


class Activations(BaseModel):
    """Statistics of a layer's maps."""

    layer: LayerName
    shape: Shape
    range: Pair = Field(description="Smallest and largest value of the whole layer")
    filters: list[Filter] = Field(description="The filters that filters= names; all by default")

    @classmethod
    def of(
        cls,
        forward: ForwardPass,
        layer: LayerInfo,
        filters: tuple[int, ...] | None = None,
        *,
        values: bool = False,
    ) -> Self:
        """Statistics of filters of a layer; all by default."""
        maps = forward.maps(layer)
        statistics = forward.statistics(layer)
        described = [
            Filter(
                statistics=statistics[index], values=maps[:, :, index].tolist() if values else None
            )
            for index in (range(layer.filters) if filters is None else filters)
        ]
        return cls(layer=layer.name, shape=layer.shape, range=extent(maps), filters=described)


class Summary(BaseModel):
    """Prediction and statistics of every layer."""

    prediction: Prediction = Field(description="Prediction of the network")
    inverted: Inverted
    box: InkBox
    warnings: Warnings
    layers: list[Activations] = Field(
        description="Every layer in forward order, with all filters and no values"
    )


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
    function: Function

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
            total=found.total,
            function=found.function,
        )


_from_array: Final = BeforeValidator(np.ndarray.tolist)
Floats = Annotated[list[float], _from_array]


class DenseStep(BaseModel):
    """Products of values and weights, summed, plus the bias."""

    kind: Annotated[Literal["weighted_sum"], _KIND] = "weighted_sum"
    values: Floats = Field(description="Values of the input maps in row-major order (H, W, C)")
    weights: Floats = Field(description="One weight for each value")
    bias: Bias
    total: float = Field(description="Sum of all products plus the bias")
    function: Function


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


class Blocks(BaseModel):
    """Metrics of every block."""

    blocks: tuple[BlockMetrics, ...] = Field(description="Every block, in forward order")


class BlockDetail(Joined):
    """Metrics of a block and of its filters, and the layers that form its parts."""

    records = ("metrics", "parts")
    left_out = frozenset({"name"})  # the metrics have it as ``block``
    metrics: BlockMetrics
    parts: BlockInfo
    filters: tuple[FilterMetrics, ...] = Field(
        description="One entry for each filter of the sum; of F(x) without an identity path"
    )


class GradientByPath(BaseModel):
    """Norms of the gradient of a class's logit at every block's input, by path."""

    target: str = Field(description="Class whose logit is differentiated")
    blocks: tuple[BlockGradient, ...] = Field(description="Every block, in forward order")


class StepGradient(Joined):
    """Norms of the gradient at one step of a sequence."""

    records = ("gradient",)
    left_out = frozenset({"block"})  # the same at every step
    gradient: BlockGradient
    step: int = Field(description="Step of the sequence, from 0: in mnist-rows a row of the digit")


class GradientByStep(BaseModel):
    """Norms of the gradient of a class's logit at each step of the first block's input."""

    target: str = Field(description="Class whose logit is differentiated")
    block: str = Field(description="Name of the first block")
    steps: tuple[StepGradient, ...] = Field(description="Every step, from the first to the last")


class Stage(BaseModel):
    """A run of blocks whose outputs have one shape."""

    stage: int = Field(description="Number, from 1")
    shape: Shape
    blocks: BlockNames


class EarlyExit(BaseModel):
    """Prediction of the network's head after one block."""

    after: str = Field(description="Layer whose output the head is applied to")
    probabilities: Probabilities
    projected: bool = Field(
        description="Whether the layer has another shape than the head takes, so that its maps "
        "went on through the projections of the later blocks, whose branches were off"
    )


class RowExit(BaseModel):
    """Prediction of the network for the first rows of the digit alone."""

    row: int = Field(
        description="Last row that the network received, from 0 at the top; rows below it are blank"
    )
    probabilities: Probabilities


ClassScores = Annotated[list[float], Field(description="One number for each class")]


class BlockVotes(BaseModel):
    """What one block adds to each logit."""

    block: str = Field(description="Name of the block")
    votes: ClassScores = Field(description="What F(x) adds to the logit of each class")
    filters: list[list[float]] | None = Field(
        None,
        description="What each filter of F(x) adds to the logit of each class, filters x classes; "
        "null unless filters= asks for it",
    )


class Votes(BaseModel):
    """The logits as a sum: bias, stem, and the votes of every block."""

    bias: ClassScores = Field(description="Bias of the head, for each class")
    stem: ClassScores = Field(
        description="What the first block's input adds to the logit of each class"
    )
    blocks: tuple[BlockVotes, ...] = Field(
        description="Every block, in the order in which they run"
    )
    logits: ClassScores = Field(
        description="Logits of the network, which the sum equals but for rounding"
    )

    @classmethod
    def of(cls, found: VotesOfBlocks, *, filters: bool) -> Self:
        """The votes of a forward pass; with those of single filters if wanted."""
        return cls(
            bias=found.bias.tolist(),
            stem=found.stem.tolist(),
            blocks=tuple(
                BlockVotes(
                    block=one.block,
                    votes=one.total.tolist(),
                    filters=one.filters.tolist() if filters else None,
                )
                for one in found.blocks
            ),
            logits=found.logits.tolist(),
        )


class Comparison(BaseModel):
    """Two forward passes compared."""

    a: Prediction = Field(description="Prediction for A")
    b: Prediction = Field(description="Prediction for B")
    layers: tuple[LayerComparison, ...] = Field(
        description="Every layer of one network; of two, layers at the same place: of the same "
        "role on the same path, blocks matched by their share of the depth. In forward order"
    )
    similarity: NetworkSimilarity | None = Field(
        description="Linear CKA (Kornblith et al. 2019) of A's layers with B's over test digits; "
        "null for one network, and where it was not measured"
    )


class Dataset(BaseModel):
    """State of a network's data set index, and its accuracy."""

    network: NetworkId
    state: Literal["indexing", "ready", "failed"] = Field(
        description="Whether indexing is running, complete or has failed"
    )
    digits: int = Field(description="Number of digits in the data set")
    done: int = Field(description="Number of digits indexed so far")
    correct: int | None = Field(
        description="Number of digits classified correctly; null until ready"
    )
    accuracy: float | None = Field(
        description="Share of digits classified correctly, 0 to 1; null until ready"
    )
    confusion: list[list[int]] | None = Field(
        description="Confusion matrix: a row for each label, a column for each predicted class; "
        "null until ready"
    )
    digits_url: str = Field(description="Path of the digits in the API")
    page_url: str = Field(description="Path of the data set's page")

    @classmethod
    def of(cls, indexes: DatasetIndexer, engine: Engine) -> Self:
        """The state of a network's index, and the results once it is ready.

        Raises:
            NoDatasetError: there is no data set.
        """
        progress, network = indexes.progress(engine), engine.manifest.id
        confusion = None
        if progress.state == "ready":
            confusion = indexes.dataset_index(engine).confusion(indexes.dataset.split.labels)
        correct = None if confusion is None else int(confusion.trace())
        return cls(
            network=network,
            state=progress.state,
            digits=progress.digits,
            done=progress.done,
            correct=correct,
            accuracy=None if correct is None else correct / progress.digits,
            confusion=None if confusion is None else confusion.tolist(),
            digits_url=links.api_dataset_digits(network),
            page_url=links.dataset_page(network),
        )


@dataclass(frozen=True)
class LinkedDigit:
    """A digit and where to find it."""

    __pydantic_config__ = DESCRIBED

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


class DatasetDigit(Joined):
    """A digit of the data set and its prediction."""

    records = ("linked",)
    linked: LinkedDigit
    index: DatasetIndex
    label: Label
    prediction: int = Field(description="Index of the most probable class")
    wrong: bool = Field(description="Whether it is misclassified")
    probability: float = Field(description="Probability of the most probable class")
    label_probability: float = Field(description="Probability of the label's class")

    @classmethod
    def of(cls, collection: LabelledDigits, index: ActivationIndex, at: int, network: str) -> Self:
        """The digit at an index of the data set."""
        label, prediction = collection.label(at), int(index.predictions[at])
        probabilities = index.probabilities[at]
        return cls(
            linked=LinkedDigit.of(collection.ids[at], network),
            index=at,
            label=label,
            prediction=prediction,
            wrong=label != prediction,
            probability=float(probabilities[prediction]),
            label_probability=float(probabilities[label]) if label < len(probabilities) else 0.0,
        )


class DatasetDigits(Joined):
    """One page of the selected digits."""

    records = ("listing",)
    left_out = frozenset({"indices"})
    listing: ResultPage
    sheet_url: str | None = Field(
        description="Path of an image of all digits of this page; null if the page is empty"
    )
    digits: list[DatasetDigit] = Field(description="Digits of this page, in the requested order")

    @classmethod
    def of(
        cls, collection: LabelledDigits, index: ActivationIndex, listing: ResultPage, network: str
    ) -> Self:
        return cls(
            listing=listing,
            sheet_url=links.dataset_png(listing.indices, collection.sha256)
            if listing.indices
            else None,
            digits=[DatasetDigit.of(collection, index, at, network) for at in listing.indices],
        )


class TopDigit(BaseModel):
    """A digit that activates a filter strongly."""

    id: DigitId
    index: DatasetIndex
    label: Label
    value: float = Field(description="Maximum of the filter's map, above zero")
    url: DigitUrl
    page_url: str = Field(description="Path of the filter's page for this digit")


class TopActivations(BaseModel):
    """The digits that activate a filter most, with no block disabled."""

    layer: LayerName
    filter: FilterIndex
    collection: Literal["samples", "dataset"] = Field(
        description="Digits that were searched: the data set once it is indexed, otherwise the "
        "samples"
    )
    searched: int = Field(description="Number of digits searched")
    digits: list[TopDigit] = Field(description="Digits by descending value")

    @classmethod
    def of(
        cls,
        engine: Engine,
        layer: LayerInfo,
        index: int,
        best: tuple[LabelledDigits, ActivationIndex],
    ) -> Self:
        """The digits of a collection that activate a filter most."""
        collection, found = best
        return cls(
            layer=layer.name,
            filter=index,
            collection=collection.kind,
            searched=len(collection),
            digits=[
                TopDigit(
                    id=(digit := collection.ids[top.index]),
                    index=top.index,
                    label=collection.label(top.index),
                    value=top.value,
                    url=links.api_digit(digit),
                    page_url=links.filter_page(engine.manifest.id, digit, layer.name, index),
                )
                for top in found.top_activations(engine.manifest, layer, index)
            ],
        )


class Sample(Joined):
    """A digit that ships with the program."""

    records = ("linked",)
    linked: LinkedDigit
    label: Label
    style: str = Field(
        description="Style of the handwriting; `ambiguous` if people may disagree about the label"
    )


class DigitCandidate(Joined):
    """Something in an image that may be the digit meant."""

    records = ("linked",)
    linked: LinkedDigit
    box: InkBox


class Digit(Joined):
    """A digit and its provenance."""

    records = ("linked",)
    linked: LinkedDigit
    inverted: Inverted
    box: InkBox
    warnings: Warnings
    candidates: list[DigitCandidate] = Field(
        description="All that may be the digit meant in the uploaded image, the likeliest first, "
        "this one included; empty for samples and digits of the data set"
    )
    label: int | None = Field(description="Label, 0 to 9; null for uploaded digits")
    index: int | None = Field(description="Index in the data set, from 0; null for other digits")

    @classmethod
    def of(cls, stored: DigitRecord, network: str) -> Self:
        """A stored digit; its page is that of ``network``."""
        return cls(
            linked=LinkedDigit.of(stored.digit.id, network),
            inverted=stored.inverted,
            box=stored.box,
            warnings=stored.warnings,
            candidates=[
                DigitCandidate(linked=LinkedDigit.of(one.digit, network), box=one.box)
                for one in stored.candidates
            ],
            label=stored.label,
            index=stored.dataset_index,
        )


class ImageLayout(BaseModel):
    """Size and palette of an image of maps."""

    width: int = Field(description="Width of the image in pixels")
    height: int = Field(description="Height of the image in pixels")
    zoom: int = Field(description="Pixels along a side of one value, 1 to 16")
    palette: str = Field(description="Name of the palette, as in palette=")


class GridDescription(ImageLayout):
    """Layout and value ranges of a grid."""

    columns: int = Field(description="Number of maps in a row")
    diverging: bool = Field(description="Whether the diverging palette is used, centred on zero")
    normalize: str = Field(
        description="Which maps share one range, as in normalize=; `layer` where `block` means "
        "the same"
    )
    sort: str = Field(description="Order of the maps, as in sort=")
    cells: tuple[GridCell, ...] = Field(description="Maps in the order of the image, row by row")

    @classmethod
    def of(cls, grid: Grid) -> Self:
        return cls(
            width=grid.geometry.width,
            height=grid.geometry.height,
            zoom=grid.geometry.zoom,
            columns=grid.geometry.columns,
            palette=grid.options.palette,
            diverging=grid.diverging,
            normalize=grid.options.normalisation,
            sort=grid.options.sort,
            cells=grid.cells,
        )


class MapTableRow(BaseModel):
    """One row of a table of maps."""

    role: str = Field(
        description="`x`, `projected x`, `F(x)`, `gate`, `sum` or `output` for a block; the "
        "block's name for a run of blocks"
    )
    layer: LayerName
    range: Pair = Field(description="Values at the two ends of the palette")
    first: int = Field(description="Column of the row's first filter, from 0")
    filters: int = Field(description="Number of filters")


class MapTable(ImageLayout):
    """Layout of a table of maps: rows are layers, columns are filters."""

    columns: int = Field(description="Number of columns, one for each filter")
    rows: list[MapTableRow] = Field(description="Rows from top to bottom")
    boxes: tuple[Box, ...] = Field(
        description="x, y, width, height of each map in pixels, row by row"
    )

    @classmethod
    def of(cls, table: FeatureMapTable) -> Self:
        return cls(
            width=table.geometry.width,
            height=table.geometry.height,
            zoom=table.geometry.zoom,
            palette=table.palette,
            columns=table.geometry.columns,
            rows=[
                MapTableRow(
                    role=row.role,
                    layer=row.layer.name,
                    range=row.range,
                    first=row.first,
                    filters=row.layer.filters,
                )
                for row in table.rows
            ],
            boxes=table.geometry.boxes,
        )


class DepthExperiment(BaseModel):
    """Networks of several depths."""

    runs: tuple[MeasuredRun, ...] = Field(
        description="Every trained network: with the skip first, from the fewest blocks up"
    )
