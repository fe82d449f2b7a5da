"""The header of a live frame, field by field; what follows it is described by the offsets in it."""

from typing import Final, Self

import numpy as np
from pydantic import BaseModel, Field

from app.core.digit import SIDE
from app.core.frames import FLOAT_BYTES, pack
from app.core.manifest import LayerInfo
from app.core.scaling import Normalisation
from app.service.blocks import figures
from app.service.digits import StoredDigit
from app.service.examination import Examination
from app.web.block_schemas import Block
from app.web.fields import Inverted, LayerName, Pair, Shape, Warnings
from app.web.schemas import Prediction


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
        examination: Examination,
        whole: Examination,
        drawn: StoredDigit,
        layers: tuple[LayerInfo, ...],
    ) -> Self:
        """The header of a frame with the maps of these layers."""
        ends = np.cumsum([examination.maps(layer).size for layer in layers], dtype=int)
        starts = [0, *ends.tolist()][: len(layers)]
        return cls(
            **vars(Prediction.of(examination, whole)),
            inverted=drawn.inverted,
            warnings=list(drawn.warnings),
            input_shape=(SIDE, SIDE),
            network_range=examination.network_range,
            layers=[
                LiveLayer(
                    name=layer.name,
                    shape=layer.shape,
                    offset=SIDE * SIDE + FLOAT_BYTES * start,
                    block_range=examination.scope(layer, Normalisation.BLOCK),
                )
                for layer, start in zip(layers, starts, strict=True)
            ],
            blocks=_blocks(examination),
        )


def _blocks(examination: Examination) -> list[LiveBlock]:
    return [
        LiveBlock(
            **vars(found),
            norm_input=_norm(examination, block.input),
            norm_output=_norm(examination, block.output),
        )
        for block, found in zip(examination.manifest.blocks, figures(examination), strict=True)
    ]


def _norm(examination: Examination, layer: str) -> float:
    return float(np.linalg.norm(examination.activations[layer].astype(np.float64)))


def live_frame(
    examination: Examination,
    whole: Examination,
    drawn: StoredDigit,
    layers: tuple[LayerInfo, ...],
) -> bytes:
    """The frame: header, the digit's 784 bytes, the maps of these layers.

    ``whole`` is of the same digit with every block on.
    """
    header = LiveHeader.describe(examination, whole, drawn, layers).model_dump_json().encode()
    maps = (examination.maps(layer) for layer in layers)
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
