"""Response models of the API."""

from collections.abc import Callable
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from skiplens.core import receptive_field as core_receptive_field
from skiplens.core.block_metrics import block_metrics, filter_metrics
from skiplens.core.digit import SIDE
from skiplens.core.feature_stats import FilterStatistics, extent
from skiplens.core.file_formats import FLOAT_BYTES, pack
from skiplens.core.manifest import BlockInfo, LayerInfo, Manifest
from skiplens.core.unit_explanation import (
    ActivationStep,
    Arithmetic,
    BatchNorm,
    Convolution,
    Dense,
    Merge,
    Pooling,
    Softmax,
    Unit,
)
from skiplens.core.value_range import Normalisation
from skiplens.engine.base import Engine
from skiplens.service import analysis
from skiplens.service.analysis import all_block_metrics
from skiplens.service.dataset.activation_index import Index, Listing
from skiplens.service.dataset.indexer import DatasetIndexer
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.service.digit_store import StoredDigit
from skiplens.service.forward import ForwardPass
from skiplens.service.images import FeatureMapTable, Grid
from skiplens.service.registry import find_layer
from skiplens.web import links

Pair = tuple[float, float]

NetworkId = Annotated[
    str, Field(description="id of a network, as addresses have it", examples=["mnist-resnet"])
]
LayerName = Annotated[
    str, Field(description="address of a layer by place and role", examples=["block1.sum"])
]
BlockName = Annotated[
    str, Field(description="name of a block, as addresses have it", examples=["block1"])
]
FilterIndex = Annotated[int, Field(description="index in the layer, from 0", examples=[3])]
Shape = Annotated[
    tuple[int, int, int],
    Field(description="H, W, C: height, width, number of filters", examples=[(28, 28, 16)]),
]
Probabilities = Annotated[
    list[float],
    Field(
        description="of each class, 0 to 1, adding up to 1",
        examples=[
            [
                *(3.7e-08, 2.28e-05, 1.7e-06, 1.8e-06, 4.3e-06),
                *(2.4e-08, 6.8e-09, 0.999962, 4.5e-08, 7.4e-06),
            ]
        ],
    ),
]

DigitId = Annotated[
    str,
    Field(
        description="id of a digit: the first 16 hex digits of the SHA-256 of its 784 bytes",
        examples=["68348ce2256ddc1e"],
    ),
]
DigitUrl = Annotated[
    str,
    Field(description="path of the digit in the API", examples=["/api/v1/digits/68348ce2256ddc1e"]),
]
InputUrl = Annotated[
    str,
    Field(
        description="path of the 28x28 that networks are given, as a picture",
        examples=["/api/v1/digits/68348ce2256ddc1e/input.png"],
    ),
]
GalleryUrl = Annotated[
    str,
    Field(
        description="path of the page that shows a network on the digit",
        examples=["/networks/mnist-resnet/digits/68348ce2256ddc1e"],
    ),
]
Label = Annotated[int, Field(description="what the digit is meant to be, 0 to 9", examples=[7])]
Inverted = Annotated[
    bool, Field(description="whether the source was dark on light", examples=[False])
]
InkBox = Annotated[
    tuple[int, int, int, int],
    Field(
        description="ink in the source: x, y, width, height, in pixels", examples=[(6, 7, 14, 20)]
    ),
]
Warnings = Annotated[
    list[str],
    Field(description="a sentence for each thing that may have spoilt the digit", examples=[[]]),
]

PictureWidth = Annotated[int, Field(description="of the picture, in pixels")]
PictureHeight = Annotated[int, Field(description="of the picture, in pixels")]
Zoom = Annotated[int, Field(description="pixels along a side of one value, 1 to 16")]
PaletteUsed = Annotated[
    str, Field(description="pair of palettes, as palette= takes it", examples=["dusk"])
]
EndsOfPalette = Annotated[Pair, Field(description="values at the two ends of the palette")]


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
    can_disable: list[str] = Field(description="blocks that off= may name", examples=[_BLOCKS])
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
            can_disable=list(manifest.disableable_blocks),
            url=links.api_network(manifest.id),
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
    def of(cls, forward: ForwardPass, whole: ForwardPass | None = None) -> Self:
        """The prediction of an forward, beside that of the whole network where it is given."""
        return cls(
            label=forward.manifest.classes[forward.label],
            probabilities=forward.probabilities.tolist(),
            network=forward.manifest.id,
            digit=forward.digit.id,
            off=list(forward.off),
            baseline=whole.probabilities.tolist() if whole and forward.off else None,
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
        forward: ForwardPass,
        layer: LayerInfo,
        filters: tuple[int, ...] | None = None,
        *,
        values: bool = False,
    ) -> Self:
        """Describe the chosen filters of a layer; all by default."""
        maps = forward.maps(layer)
        statistics = forward.statistics(layer)
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
    def of(cls, found: Dense) -> Self:
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
    def of(cls, found: ActivationStep) -> Self:
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
    Dense: WeightedSumSchema.of,
    Pooling: PoolingSchema.of,
    BatchNorm: BatchNormSchema.of,
    ActivationStep: ApplicationSchema.of,
    Merge: MergeSchema.of,
    Softmax: SoftmaxSchema.of,
}


def described(found: Arithmetic) -> ArithmeticSchema:
    """The schema of a record."""
    return _SCHEMAS[type(found)](found)


class Block(BaseModel):
    """What one block does to what it is given."""

    block: BlockName
    norm_x: float = Field(
        description="norm of the identity as it enters the sum", examples=[76.2286]
    )
    norm_residual: float = Field(
        description="norm of the residual as it enters the sum", examples=[102.1797]
    )
    norm_sum: float = Field(description="norm of the sum", examples=[125.8449])
    ratio: float = Field(description="norm_residual over norm_x", examples=[1.34044])
    cosine: float | None = Field(
        description="of x and F(x); null without an identity path, or where shapes differ",
        examples=[-0.02661],
    )
    relu_zeroed: float = Field(
        description="share of the sum that the activation cuts", examples=[0.33323]
    )


class Blocks(BaseModel):
    """Every block, in forward order."""

    blocks: list[Block] = Field(description="what each of them does to what it is given")


class BlockFilter(BaseModel):
    """One filter of a block's sum: the same figures, of its maps alone."""

    filter: FilterIndex = Field(description="index in the sum; in F(x) where there is none")
    norm_x: float | None = Field(
        description="norm of the identity's map; null where none enters the sum", examples=[15.9903]
    )
    norm_residual: float | None = Field(
        description="norm of F(x)'s map; null where none enters the sum", examples=[25.4243]
    )
    norm_sum: float = Field(description="norm of the sum's map", examples=[34.5254])
    ratio: float | None = Field(
        description="norm_residual over norm_x; null where either is", examples=[1.58998]
    )
    cosine: float | None = Field(
        description="of the two maps; null where there are not both", examples=[0.35657]
    )
    relu_zeroed: float = Field(
        description="share of the map that the activation cuts", examples=[0.48222]
    )


class BlockDetail(Block):
    """One block: figures in all and by filter, and the layers that play its parts."""

    merge: str | None = Field(
        description="how x and F(x) are made one, `add` or `highway` among others; null without "
        "an identity path",
        examples=["add"],
    )
    input: LayerName = Field(description="layer that gives the block x", examples=["stem.output"])
    identity: str | None = Field(
        description="layer that enters the sum as x: the input itself, or its projection; null "
        "without an identity path",
        examples=["stem.output"],
    )
    residual: LayerName = Field(description="layer that is F(x)", examples=["block1.residual"])
    gate: str | None = Field(
        description="layer that is T(x) of a highway's block; null in others", examples=[None]
    )
    sum: str | None = Field(
        description="layer that is x and F(x) made one; null without an identity path",
        examples=["block1.sum"],
    )
    output: LayerName = Field(description="layer behind the activation", examples=["block1.output"])
    can_disable: bool = Field(description="whether off= may name it", examples=[True])
    filters: list[BlockFilter] = Field(
        description="one entry for each filter of the sum; of F(x) where there is none"
    )

    @classmethod
    def of(cls, forward: ForwardPass, block: BlockInfo) -> Self:
        """Describe a block of an forward."""
        figures = block_metrics(block, forward.activations)
        filters = [BlockFilter(**vars(one)) for one in filter_metrics(block, forward.activations)]
        parts = {name: value for name, value in vars(block).items() if name != "name"}
        return cls(**vars(figures), **parts, filters=filters)


class BlockGradient(BaseModel):
    """The gradient at one block's input."""

    block: BlockName
    total: float = Field(description="norm of the gradient", examples=[2.1946e-05])
    identity: float | None = Field(
        description="of the part through the identity; null without an identity path",
        examples=[1.3618e-05],
    )
    residual: float = Field(description="of the part through F", examples=[1.6214e-05])
    cosine: float | None = Field(
        description="of the two parts; null without an identity path", examples=[0.0754]
    )


class GradientByPath(BaseModel):
    """The flow over depth."""

    target: str = Field(description="class whose log probability is differentiated", examples=["7"])
    blocks: list[BlockGradient] = Field(description="one entry a block, in forward order")

    @classmethod
    def of(cls, manifest: Manifest, computed: analysis.GradientByPath) -> Self:
        """Describe a flow."""
        return cls(
            target=manifest.classes[computed.target],
            blocks=[BlockGradient(**vars(one)) for one in computed.blocks],
        )


class Stream(BaseModel):
    """A run of blocks whose outputs have one shape."""

    stream: int = Field(description="counted from 1", examples=[1])
    shape: Shape
    blocks: list[str] = Field(
        description="names, in forward order", examples=[["block1", "block2"]]
    )

    @classmethod
    def of(cls, manifest: Manifest, number: int, run: tuple[BlockInfo, ...]) -> Self:
        """Describe a run."""
        shape = find_layer(manifest, run[0].output).shape
        return cls(stream=number, shape=shape, blocks=[block.name for block in run])


class EarlyExit(BaseModel):
    """The head's answer at one depth."""

    after: LayerName = Field(
        description="layer whose output the head was applied to", examples=["block6.output"]
    )
    probabilities: Probabilities


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
    """Two forward_passes side by side."""

    a: Prediction = Field(description="what A's network reads")
    b: Prediction = Field(description="what B's network reads", examples=[_B])
    layers: list[LayerComparison] = Field(
        description="those that both have in one shape, in forward order"
    )

    @classmethod
    def of(cls, a: ForwardPass, b: ForwardPass) -> Self:
        """Compare two forward_passes."""
        layers = [LayerComparison(**vars(one)) for one in analysis.compare(a, b)]
        return cls(a=Prediction.of(a), b=Prediction.of(b), layers=layers)


_CONFUSION: Final = [
    [980, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1134, 0, 0, 0, 0, 0, 1, 0, 0],
    [1, 0, 1029, 0, 0, 0, 0, 2, 0, 0],
    [0, 0, 0, 1009, 0, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, 980, 0, 0, 0, 0, 2],
    [0, 0, 0, 2, 0, 888, 2, 0, 0, 0],
    [1, 2, 0, 0, 1, 1, 952, 0, 1, 0],
    [0, 2, 1, 0, 0, 0, 0, 1025, 0, 0],
    [0, 0, 2, 0, 0, 0, 0, 0, 971, 1],
    [0, 0, 0, 0, 7, 0, 0, 0, 0, 1002],
]


class Dataset(BaseModel):
    """How a network reads the data set, as far as that is known."""

    network: NetworkId
    state: Literal["indexing", "ready", "failed"] = Field(
        description="whether the network is still reading, has read every digit, or gave up",
        examples=["ready"],
    )
    digits: int = Field(description="how many there are", examples=[10000])
    done: int = Field(description="how many the network has read so far", examples=[10000])
    correct: int | None = Field(
        description="how many it reads correctly; null until it is ready", examples=[9970]
    )
    accuracy: float | None = Field(
        description="the same as a share; null until it is ready", examples=[0.997]
    )
    confusion: list[list[int]] | None = Field(
        description="digits of each label, by row, that are read as each class, by column; null "
        "until it is ready",
        examples=[_CONFUSION],
    )
    digits_url: str = Field(
        description="path of its digits in the API",
        examples=["/api/v1/networks/mnist-resnet/dataset/digits"],
    )
    page_url: str = Field(
        description="path of the page that shows them",
        examples=["/networks/mnist-resnet/dataset"],
    )

    @classmethod
    def of(cls, indexes: DatasetIndexer, engine: Engine) -> Self:
        """The state of a network's index, and what is known once it is ready.

        Raises:
            NoDatasetError: there is no data set.
        """
        progress, network = indexes.progress(engine), engine.manifest.id
        confusion = None
        if progress.state == "ready":
            confusion = indexes.of_dataset(engine).confusion(indexes.dataset.split.labels)
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


class DatasetDigit(BaseModel):
    """A digit of the data set, and how a network reads it."""

    id: DigitId = Field(examples=["0b258885ce0579ec"])
    index: int = Field(description="its place in the data set, from 0", examples=[3422])
    label: Label = Field(examples=[6])
    prediction: int = Field(description="index of the most probable class", examples=[0])
    wrong: bool = Field(description="whether the two differ", examples=[True])
    probability: float = Field(description="of the most probable class", examples=[0.97487])
    label_probability: float = Field(description="of what it is meant to be", examples=[0.02499])
    url: DigitUrl = Field(examples=["/api/v1/digits/0b258885ce0579ec"])
    input_url: InputUrl = Field(examples=["/api/v1/digits/0b258885ce0579ec/input.png"])
    page_url: GalleryUrl = Field(examples=["/networks/mnist-resnet/digits/0b258885ce0579ec"])

    @classmethod
    def of(cls, collection: LabelledDigits, index: Index, place: int, network: str) -> Self:
        """The digit at a place."""
        digit, label = collection.ids[place], collection.label(place)
        probabilities, prediction = index.probabilities[place], int(index.predictions[place])
        return cls(
            id=digit,
            index=place,
            label=label,
            prediction=prediction,
            wrong=label != prediction,
            probability=float(probabilities[prediction]),
            label_probability=float(probabilities[label]) if label < len(probabilities) else 0.0,
            url=links.api_digit(digit),
            input_url=links.input_png(digit),
            page_url=links.gallery(network, digit),
        )


class DatasetDigits(BaseModel):
    """A page of the digits that were chosen."""

    total: int = Field(description="digits on all pages", examples=[1])
    page: int = Field(description="number of this page, from 1", examples=[1])
    pages: int = Field(description="how many there are", examples=[1])
    sheet_url: str | None = Field(
        description="path of the digits of this page as one picture; null where there are none",
        examples=["/api/v1/dataset/digits.png?indices=3422&version=c3f9adf9c66e"],
    )
    digits: list[DatasetDigit] = Field(description="those of this page, in the order asked for")

    @classmethod
    def of(cls, collection: LabelledDigits, index: Index, listing: Listing, network: str) -> Self:
        """Describe a page."""
        return cls(
            total=listing.total,
            page=listing.page,
            pages=listing.pages,
            sheet_url=links.dataset_png(listing.places, collection.sha256)
            if listing.places
            else None,
            digits=[DatasetDigit.of(collection, index, place, network) for place in listing.places],
        )


class Sample(BaseModel):
    """A digit that ships."""

    id: DigitId
    label: Label
    style: str = Field(
        description="how it is shaped, in a word; `ambiguous` where people may disagree",
        examples=["plain"],
    )
    url: DigitUrl
    input_url: InputUrl
    page_url: GalleryUrl


class Digit(BaseModel):
    """A digit and how it came about."""

    id: DigitId
    url: DigitUrl
    input_url: InputUrl
    page_url: GalleryUrl
    inverted: Inverted
    box: InkBox
    warnings: Warnings
    label: int | None = Field(
        description="what it is meant to be, 0 to 9; null where it is neither a sample nor of the "
        "data set",
        examples=[7],
    )
    index: int | None = Field(
        description="its place in the data set, from 0; null where it is not of it",
        examples=[None],
    )

    @classmethod
    def of(cls, stored: StoredDigit, network: str) -> Self:
        """Describe a stored digit; its page is that of ``network``."""
        digit = stored.digit.id
        return cls(
            id=digit,
            url=links.api_digit(digit),
            input_url=links.input_png(digit),
            page_url=links.gallery(network, digit),
            inverted=stored.inverted,
            box=stored.box,
            warnings=list(stored.warnings),
            label=stored.label,
            index=stored.place,
        )


class GridCell(BaseModel):
    """One map in a grid."""

    filter: FilterIndex
    box: tuple[int, int, int, int] = Field(
        description="x, y, width, height in the picture", examples=[(2, 9, 84, 84)]
    )
    range: EndsOfPalette = Field(examples=[(0.0, 8.21)])
    dead: bool = Field(description="every position is zero", examples=[False])
    constant: bool = Field(
        description="every position has the same value, so that the map is drawn flat",
        examples=[False],
    )


class GridDescription(BaseModel):
    """A grid in words."""

    width: PictureWidth = Field(examples=[88])
    height: PictureHeight = Field(examples=[95])
    zoom: Zoom = Field(examples=[3])
    columns: int = Field(description="maps in a row", examples=[1])
    palette: PaletteUsed
    diverging: bool = Field(
        description="whether the palette is the signed one, centred on zero", examples=[False]
    )
    normalize: str = Field(
        description="what shares one range, as normalize= takes it; `layer` where `block` comes "
        "to that",
        examples=["block"],
    )
    sort: str = Field(description="order of the maps, as sort= takes it", examples=["index"])
    cells: list[GridCell] = Field(description="in the order of the picture, row by row")

    @classmethod
    def of(cls, grid: Grid) -> Self:
        """Describe a grid."""
        return cls(
            width=grid.geometry.width,
            height=grid.geometry.height,
            zoom=grid.geometry.zoom,
            columns=grid.geometry.columns,
            palette=grid.options.palette,
            diverging=grid.diverging,
            normalize=grid.options.normalisation,
            sort=grid.options.sort,
            cells=[GridCell(**vars(cell)) for cell in grid.cells],
        )


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
    def of(cls, field: core_receptive_field.ReceptiveField) -> Self:
        """Describe a receptive field."""
        return cls(start=field.start, stride=field.stride, size=field.size)


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
        fields = core_receptive_field.receptive_fields(manifest.layers, (height, width))
        return [cls._of(layer, fields[layer.name]) for layer in manifest.layers]

    @classmethod
    def _of(cls, layer: LayerInfo, field: core_receptive_field.ReceptiveField) -> Self:
        return cls(**vars(layer), receptive_field=ReceptiveField.of(field))


class LiveLayer(BaseModel):
    """One layer's maps in the frame."""

    name: LayerName
    shape: Shape
    offset: int = Field(description="of its first byte, counted from the end of the header")
    block_range: Pair = Field(description="smallest and largest value under normalize=block")


class LiveBlock(Block):
    """One block, with what its part of the spine is drawn from."""

    norm_input: float = Field(description="norm of what the block is given")
    norm_output: float = Field(description="norm of its output")


class LiveHeader(Prediction):
    """The prediction, how the digit came about, and where the arrays are."""

    inverted: Inverted
    warnings: Warnings
    input_shape: tuple[int, int] = Field(description="height and width of the digit, in pixels")
    network_range: Pair = Field(description="smallest and largest value under normalize=network")
    layers: list[LiveLayer] = Field(description="those that layers= names, in that order")
    blocks: list[LiveBlock] = Field(description="every block, in forward order")

    @classmethod
    def describe(
        cls,
        forward: ForwardPass,
        whole: ForwardPass,
        drawn: StoredDigit,
        layers: tuple[LayerInfo, ...],
    ) -> Self:
        """The header of a frame with the maps of these layers."""
        ends = np.cumsum([forward.maps(layer).size for layer in layers], dtype=int)
        starts = [0, *ends.tolist()][: len(layers)]
        return cls(
            **vars(Prediction.of(forward, whole)),
            inverted=drawn.inverted,
            warnings=list(drawn.warnings),
            input_shape=(SIDE, SIDE),
            network_range=forward.network_range,
            layers=[
                LiveLayer(
                    name=layer.name,
                    shape=layer.shape,
                    offset=SIDE * SIDE + FLOAT_BYTES * start,
                    block_range=forward.scope(layer, Normalisation.BLOCK),
                )
                for layer, start in zip(layers, starts, strict=True)
            ],
            blocks=_blocks(forward),
        )


def _blocks(forward: ForwardPass) -> list[LiveBlock]:
    return [
        LiveBlock(
            **vars(found),
            norm_input=_norm(forward, block.input),
            norm_output=_norm(forward, block.output),
        )
        for block, found in zip(forward.manifest.blocks, all_block_metrics(forward), strict=True)
    ]


def _norm(forward: ForwardPass, layer: str) -> float:
    return float(np.linalg.norm(forward.activations[layer].astype(np.float64)))


def live_frame(
    forward: ForwardPass,
    whole: ForwardPass,
    drawn: StoredDigit,
    layers: tuple[LayerInfo, ...],
) -> bytes:
    """The frame: header, the digit's 784 bytes, the maps of these layers.

    ``whole`` is of the same digit with every block on.
    """
    header = LiveHeader.describe(forward, whole, drawn, layers).model_dump_json().encode()
    maps = (forward.maps(layer) for layer in layers)
    return pack(header, (drawn.digit.pixels, *maps))


FRAME: Final = "application/octet-stream"
FRAME_ANSWER: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": (
            "One frame. A little-endian uint32 says how many bytes the header has. The header is "
            "JSON in UTF-8, filled up with spaces to a multiple of four bytes: `label, "
            "probabilities, network, digit, off, baseline, inverted, warnings, input_shape, "
            "network_range`, "
            "then `layers: [{name, shape, offset, block_range}]` and `blocks`, which are the "
            "figures of every block with `norm_input` and `norm_output`. Behind it follow the "
            "input, 28 x 28 uint8, row by row with ink 255, and each layer's maps, float32 "
            "`(H, W, C)` with the lowest byte first, at its `offset` from the end of the header. "
            "`digit` is the id that the image would have if it were brought to `/digits`."
        ),
        "content": {FRAME: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class MatrixRow(BaseModel):
    """One row of a matrix."""

    role: str = Field(
        description="`x`, `projected x`, `F(x)`, `gate`, `sum` or `output` in a strip; in a "
        "stream's matrix the name of the block",
        examples=["F(x)"],
    )
    layer: LayerName = Field(examples=["block1.residual"])
    range: EndsOfPalette = Field(examples=[(-8.21, 8.21)])
    first: int = Field(description="column of its first filter, from 0", examples=[0])
    filters: int = Field(description="how many it has", examples=[16])


class MatrixDescription(BaseModel):
    """A matrix of maps in words: rows are layers, columns are filters."""

    width: PictureWidth = Field(examples=[930])
    height: PictureHeight = Field(examples=[241])
    zoom: Zoom = Field(examples=[2])
    palette: PaletteUsed
    columns: int = Field(description="one for each filter", examples=[16])
    rows: list[MatrixRow] = Field(description="top to bottom")
    boxes: list[tuple[int, int, int, int]] = Field(
        description="of each map, row by row: x, y, width, height in the picture",
        examples=[[(2, 9, 56, 56), (60, 9, 56, 56)]],
    )

    @classmethod
    def of(cls, matrix: FeatureMapTable) -> Self:
        """Describe a matrix."""
        return cls(
            width=matrix.geometry.width,
            height=matrix.geometry.height,
            zoom=matrix.geometry.zoom,
            palette=matrix.palette,
            columns=matrix.geometry.columns,
            rows=[
                MatrixRow(
                    role=row.role,
                    layer=row.layer.name,
                    range=row.range,
                    first=row.first,
                    filters=row.layer.filters,
                )
                for row in matrix.rows
            ],
            boxes=list(matrix.geometry.boxes),
        )


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


class TopActivations(BaseModel):
    """The digits that excite a filter most, with every block on."""

    layer: LayerName = Field(examples=["block1.conv1"])
    filter: FilterIndex
    collection: Literal["samples", "dataset"] = Field(
        description="where they were looked for: the data set once it is indexed, else the samples",
        examples=["dataset"],
    )
    searched: int = Field(description="how many digits were looked at", examples=[10000])
    digits: list[StrongDigit] = Field(description="top_activations first")

    @classmethod
    def of(
        cls, engine: Engine, layer: LayerInfo, index: int, best: tuple[LabelledDigits, Index]
    ) -> Self:
        """The top_activations digits of a filter in a collection."""
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
                    url=links.api_digit(collection.ids[one.place]),
                    page_url=links.filter_page(
                        network, collection.ids[one.place], layer.name, index
                    ),
                )
                for one in found.top_activations(engine.manifest, layer, index)
            ],
        )


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
