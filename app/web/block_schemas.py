"""The API's answers about blocks, field by field."""

from typing import Self

from pydantic import BaseModel, Field

from app.core.blocks import block_figures, filter_figures
from app.core.manifest import BlockInfo, Manifest
from app.service import comparison, flow
from app.service.catalogue import layer_of
from app.service.examination import Examination
from app.service.matrices import Matrix
from app.web.schemas import Pair, Prediction


class Block(BaseModel):
    """What one block does to what it is given."""

    block: str = Field(examples=["block1"])
    norm_x: float = Field(description="norm of the identity as it enters the sum")
    norm_f: float = Field(description="norm of the residual as it enters the sum")
    norm_sum: float = Field(description="norm of the sum")
    ratio: float = Field(description="norm_f over norm_x")
    cosine: float | None = Field(
        description="of x and F(x); null without an identity path, or where shapes differ"
    )
    relu_cut: float = Field(description="share of the sum that the activation cuts")


class Blocks(BaseModel):
    """Every block, in forward order."""

    blocks: list[Block]


class BlockFilter(BaseModel):
    """One filter of a block's sum: the same figures, of its maps alone."""

    filter: int = Field(description="index in the sum; in F(x) where there is none")
    norm_x: float | None = Field(description="null where no map of the identity enters it")
    norm_f: float | None = Field(description="null where no map of F(x) enters it")
    norm_sum: float
    ratio: float | None = Field(description="norm_f over norm_x; null where either is")
    cosine: float | None = Field(description="of the two maps; null where there are not both")
    relu_cut: float = Field(description="share of the map that the activation cuts")


class BlockDetail(Block):
    """One block: figures in all and by filter, and the layers that play its parts."""

    merge: str | None = Field(examples=["add"])
    input: str
    identity: str | None
    residual: str
    gate: str | None
    sum: str | None
    output: str
    switchable: bool
    filters: list[BlockFilter]

    @classmethod
    def of(cls, examination: Examination, block: BlockInfo) -> Self:
        """Describe a block of an examination."""
        figures = block_figures(block, examination.activations)
        filters = [
            BlockFilter(**vars(one)) for one in filter_figures(block, examination.activations)
        ]
        parts = {name: value for name, value in vars(block).items() if name != "name"}
        return cls(**vars(figures), **parts, filters=filters)


class MatrixRow(BaseModel):
    """One row of a matrix."""

    role: str = Field(examples=["F(x)"])
    layer: str
    range: Pair = Field(description="values at the two ends of the palette")
    first: int = Field(description="column of its first filter")
    filters: int = Field(description="how many it has")


class MatrixDescription(BaseModel):
    """A matrix of maps in words: rows are layers, columns are filters."""

    width: int
    height: int
    zoom: int
    palette: str
    columns: int
    rows: list[MatrixRow]
    boxes: list[tuple[int, int, int, int]] = Field(description="of each map, row by row")

    @classmethod
    def of(cls, matrix: Matrix) -> Self:
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


class BlockFlow(BaseModel):
    """The gradient at one block's input."""

    block: str
    total: float = Field(description="norm of the gradient")
    identity: float | None = Field(description="of the part through the identity")
    residual: float = Field(description="of the part through F")
    cosine: float | None = Field(description="of the two parts")


class Flow(BaseModel):
    """The flow over depth."""

    target: str = Field(description="class whose log probability is differentiated")
    blocks: list[BlockFlow]

    @classmethod
    def of(cls, manifest: Manifest, computed: flow.Flow) -> Self:
        """Describe a flow."""
        return cls(
            target=manifest.classes[computed.target],
            blocks=[BlockFlow(**vars(one)) for one in computed.blocks],
        )


class Stream(BaseModel):
    """A run of blocks whose outputs have one shape."""

    stream: int = Field(description="counted from 1")
    shape: tuple[int, int, int]
    blocks: list[str]

    @classmethod
    def of(cls, manifest: Manifest, number: int, run: tuple[BlockInfo, ...]) -> Self:
        """Describe a run."""
        shape = layer_of(manifest, run[0].output).shape
        return cls(stream=number, shape=shape, blocks=[block.name for block in run])


class Readout(BaseModel):
    """The head's answer at one depth."""

    after: str = Field(description="layer whose output the head was applied to")
    probabilities: list[float]


class LayerComparison(BaseModel):
    """One layer of both."""

    layer: str
    shape: tuple[int, int, int]
    norm_a: float
    norm_b: float
    norm_difference: float = Field(description="norm of A - B")
    cosine: float


class Comparison(BaseModel):
    """Two examinations side by side."""

    a: Prediction
    b: Prediction
    layers: list[LayerComparison] = Field(description="those that both have in one shape")

    @classmethod
    def of(cls, a: Examination, b: Examination) -> Self:
        """Compare two examinations."""
        layers = [LayerComparison(**vars(one)) for one in comparison.compare(a, b)]
        return cls(a=Prediction.of(a), b=Prediction.of(b), layers=layers)
