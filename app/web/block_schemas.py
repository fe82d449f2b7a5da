"""The API's answers about blocks, field by field."""

from typing import Self

from pydantic import BaseModel, Field

from app.core.blocks import block_figures, filter_figures
from app.core.manifest import BlockInfo, Manifest
from app.service import flow
from app.service.catalogue import layer_of
from app.service.examination import Examination
from app.web.fields import BlockName, FilterIndex, LayerName, Probabilities, Shape


class Block(BaseModel):
    """What one block does to what it is given."""

    block: BlockName
    norm_x: float = Field(
        description="norm of the identity as it enters the sum", examples=[76.2286]
    )
    norm_f: float = Field(
        description="norm of the residual as it enters the sum", examples=[102.1797]
    )
    norm_sum: float = Field(description="norm of the sum", examples=[125.8449])
    ratio: float = Field(description="norm_f over norm_x", examples=[1.34044])
    cosine: float | None = Field(
        description="of x and F(x); null without an identity path, or where shapes differ",
        examples=[-0.02661],
    )
    relu_cut: float = Field(
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
    norm_f: float | None = Field(
        description="norm of F(x)'s map; null where none enters the sum", examples=[25.4243]
    )
    norm_sum: float = Field(description="norm of the sum's map", examples=[34.5254])
    ratio: float | None = Field(
        description="norm_f over norm_x; null where either is", examples=[1.58998]
    )
    cosine: float | None = Field(
        description="of the two maps; null where there are not both", examples=[0.35657]
    )
    relu_cut: float = Field(
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
    switchable: bool = Field(description="whether off= may name it", examples=[True])
    filters: list[BlockFilter] = Field(
        description="one entry for each filter of the sum; of F(x) where there is none"
    )

    @classmethod
    def of(cls, examination: Examination, block: BlockInfo) -> Self:
        """Describe a block of an examination."""
        figures = block_figures(block, examination.activations)
        filters = [
            BlockFilter(**vars(one)) for one in filter_figures(block, examination.activations)
        ]
        parts = {name: value for name, value in vars(block).items() if name != "name"}
        return cls(**vars(figures), **parts, filters=filters)


class BlockFlow(BaseModel):
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


class Flow(BaseModel):
    """The flow over depth."""

    target: str = Field(description="class whose log probability is differentiated", examples=["7"])
    blocks: list[BlockFlow] = Field(description="one entry a block, in forward order")

    @classmethod
    def of(cls, manifest: Manifest, computed: flow.Flow) -> Self:
        """Describe a flow."""
        return cls(
            target=manifest.classes[computed.target],
            blocks=[BlockFlow(**vars(one)) for one in computed.blocks],
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
        shape = layer_of(manifest, run[0].output).shape
        return cls(stream=number, shape=shape, blocks=[block.name for block in run])


class Readout(BaseModel):
    """The head's answer at one depth."""

    after: LayerName = Field(
        description="layer whose output the head was applied to", examples=["block6.output"]
    )
    probabilities: Probabilities
