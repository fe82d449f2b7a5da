"""Fields that several answers have, described once.

The examples here are of one view, so that they fit together: ``mnist-resnet`` on the sample that is
plainly a seven.
"""

from typing import Annotated

from pydantic import Field

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
