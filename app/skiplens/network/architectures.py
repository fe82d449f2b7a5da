"""The shipped architectures and their titles."""

from collections.abc import Callable
from functools import partial
from typing import Final, Literal, NamedTuple

import keras
from keras import layers

from skiplens.network.layers import HighwayGate, Residual

INPUT_SHAPE: Final = (28, 28, 1)
CLASSES: Final = tuple("0123456789")
STAGE_WIDTHS: Final = (16, 32, 64)
BLOCKS_PER_STAGE: Final = 2
HIGHWAY_WIDTH: Final = 26
HIGHWAY_BLOCKS: Final = 6
HIGHWAY_GATE_BIAS: Final = -2.0
CLASSIC_WIDTH: Final = 8
CLASSIC_BLOCKS: Final = 5
STREAM_WIDTH: Final = 16
STREAM_BLOCKS: Final = 27
LADDER: Final = (2, 6, 14, STREAM_BLOCKS)

Kind = Literal["residual", "plain"]
KINDS: Final[tuple[Kind, ...]] = ("residual", "plain")


def _conv(name: str, width: int, *, strides: int = 1, kernel: int = 3) -> layers.Layer:
    """A convolution without bias, because the batch norm after it has one."""
    return layers.Conv2D(
        width,
        kernel,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )


def _branch(name: str, width: int, strides: int) -> list[layers.Layer]:
    """F of one block: conv, norm, ReLU, conv, norm (He et al. 2015, fig. 2)."""
    return [
        _conv(f"{name}.conv1", width, strides=strides),
        layers.BatchNormalization(name=f"{name}.norm1"),
        layers.ReLU(name=f"{name}.relu1"),
        _conv(f"{name}.conv2", width),
        layers.BatchNormalization(name=f"{name}.norm2"),
    ]


def _stem(image: keras.KerasTensor, width: int) -> keras.KerasTensor:
    x = _conv("stem.conv", width)(image)
    x = layers.BatchNormalization(name="stem.norm")(x)
    return layers.ReLU(name="stem.output")(x)


def _head(x: keras.KerasTensor) -> keras.KerasTensor:
    x = layers.GlobalAveragePooling2D(name="head.pool")(x)
    x = layers.Dense(len(CLASSES), name="head.logits")(x)
    return layers.Softmax(name="head.probabilities")(x)


def _stages() -> list[tuple[str, int, int]]:
    """``(name, width, strides)`` of each block of the staged networks."""
    plan: list[tuple[str, int, int]] = []
    for stage, width in enumerate(STAGE_WIDTHS):
        for index in range(BLOCKS_PER_STAGE):
            strides = 2 if stage > 0 and index == 0 else 1
            plan.append((f"block{len(plan) + 1}", width, strides))
    return plan


def _projection(name: str, width: int, strides: int) -> layers.Layer:
    """1x1 convolution that gives x the shape of F(x) (option B of He et al. 2015).

    It takes the mean of each window; a strided convolution alone would ignore three of four values
    of x (He et al. 2019, "Bag of Tricks", fig. 2c).
    """
    return keras.Sequential(
        [
            layers.AveragePooling2D(strides, name=f"{name}.shortcut.pool"),
            _conv(f"{name}.shortcut.conv", width, kernel=1),
            layers.BatchNormalization(name=f"{name}.shortcut.norm"),
        ],
        name=f"{name}.shortcut",
    )


def resnet() -> keras.Model:
    """ResNet for 28x28: three stages of widths 16, 32 and 64 with two blocks each."""
    image = keras.Input(INPUT_SHAPE, name="image")
    x = _stem(image, STAGE_WIDTHS[0])
    for name, width, strides in _stages():
        branch = keras.Sequential(_branch(name, width, strides), name=f"{name}.branch")
        shortcut = _projection(name, width, strides) if strides > 1 else None
        x = Residual(branch, shortcut=shortcut, name=name)(x)
        x = layers.ReLU(name=f"{name}.output")(x)
    return keras.Model(image, _head(x), name="mnist-resnet")


def plain() -> keras.Model:
    """The plain twin of :func:`resnet`, without identity paths."""
    image = keras.Input(INPUT_SHAPE, name="image")
    x = _stem(image, STAGE_WIDTHS[0])
    for name, width, strides in _stages():
        for layer in _branch(name, width, strides):
            x = layer(x)
        x = layers.ReLU(name=f"{name}.output")(x)
    return keras.Model(image, _head(x), name="mnist-plain")


def highway() -> keras.Model:
    """A strided stem and six gated blocks of constant width on 14x14 maps."""
    image = keras.Input(INPUT_SHAPE, name="image")
    x = _conv("stem.conv", HIGHWAY_WIDTH, strides=2)(image)
    x = layers.BatchNormalization(name="stem.norm")(x)
    x = layers.ReLU(name="stem.output")(x)
    for index in range(1, HIGHWAY_BLOCKS + 1):
        name = f"block{index}"
        branch = _branch(name, HIGHWAY_WIDTH, 1)
        gate = layers.Conv2D(
            HIGHWAY_WIDTH,
            3,
            padding="same",
            bias_initializer=keras.initializers.Constant(HIGHWAY_GATE_BIAS),
            name=f"{name}.gate.conv",
        )
        x = Residual(
            keras.Sequential(branch, name=f"{name}.branch"),
            merge=HighwayGate(gate, name=f"{name}.gate"),
            name=name,
        )(x)
        x = layers.ReLU(name=f"{name}.output")(x)
    return keras.Model(image, _head(x), name="mnist-highway")


def classic() -> keras.Model:
    """The 2016 convnet: conv 3x3x64 relu, conv 3x3x8 relu, five times [Residual(conv 3x3x8),
    relu], max pooling 2, dropout 0.5, dense 10 softmax.
    """
    image = keras.Input(INPUT_SHAPE, name="image")
    x = layers.Conv2D(64, 3, padding="same", name="stem.conv1")(image)
    x = layers.ReLU(name="stem.relu1")(x)
    x = layers.Conv2D(CLASSIC_WIDTH, 3, padding="same", name="stem.conv2")(x)
    x = layers.ReLU(name="stem.output")(x)
    for index in range(1, CLASSIC_BLOCKS + 1):
        name = f"block{index}"
        conv = layers.Conv2D(CLASSIC_WIDTH, 3, padding="same", name=f"{name}.conv")
        x = Residual(conv, name=name)(x)
        x = layers.ReLU(name=f"{name}.output")(x)
    x = layers.MaxPooling2D(2, name="head.pool")(x)
    x = layers.Flatten(name="head.flatten")(x)
    x = layers.Dropout(0.5, name="head.dropout")(x)
    x = layers.Dense(len(CLASSES), name="head.logits")(x)
    x = layers.Softmax(name="head.probabilities")(x)
    return keras.Model(image, x, name="mnist-classic")


def _stream_conv(name: str, initializer: str, strides: int = 1) -> layers.Layer:
    """A convolution of the stream, with a bias: no norm follows it."""
    return layers.Conv2D(
        STREAM_WIDTH,
        3,
        strides=strides,
        padding="same",
        kernel_initializer=initializer,
        name=name,
    )


def _stream_branch(name: str, last: str) -> list[layers.Layer]:
    """F of one block: ReLU, conv, ReLU, conv (He et al. 2016, "Identity Mappings", fig. 4e,
    without its norms).
    """
    return [
        layers.ReLU(name=f"{name}.relu1"),
        _stream_conv(f"{name}.conv1", "he_normal"),
        layers.ReLU(name=f"{name}.relu2"),
        _stream_conv(f"{name}.conv2", last),
    ]


def stream(blocks: int = STREAM_BLOCKS) -> keras.Model:
    """A pure residual stream: a strided stem, blocks of one width at 14x14 without norms, and
    nothing on the stream between them, so that the logits are a sum of each block's share.

    Every branch begins at zero, so that the stream begins as the identity (Zhang, Dauphin and Ma
    2019, "Fixup", section 3: the last layer of each branch). Fixup's other rule, to scale the first
    layer down with the depth, is left out: on held-out digits Adam learnt no better with it, and
    worse from a branch scaled by a number of its own (ReZero, SkipInit) or by the depth alone.
    """
    image = keras.Input(INPUT_SHAPE, name="image")
    x = _stream_conv("stem.conv", "he_normal", strides=2)(image)
    for index in range(1, blocks + 1):
        name = f"block{index}"
        branch = keras.Sequential(_stream_branch(name, "zeros"), name=f"{name}.branch")
        x = Residual(branch, name=name)(x)
    return keras.Model(image, _head(x), name=stream_name("residual", blocks))


def stream_plain(blocks: int = STREAM_BLOCKS) -> keras.Model:
    """The twin of :func:`stream` with every identity path removed, begun as suits it: each
    convolution keeps the scale of its input (He et al. 2015, "Delving Deep", eq. 10).
    """
    image = keras.Input(INPUT_SHAPE, name="image")
    x = _stream_conv("stem.conv", "he_normal", strides=2)(image)
    for index in range(1, blocks + 1):
        for layer in _stream_branch(f"block{index}", "he_normal"):
            x = layer(x)
        x = layers.Identity(name=f"block{index}.output")(x)  # marks where the block ends
    return keras.Model(image, _head(x), name=stream_name("plain", blocks))


def stream_name(kind: Kind, blocks: int) -> str:
    """The id of a rung of the ladder; the deepest two bear no number."""
    name = "mnist-stream" if kind == "residual" else "mnist-stream-plain"
    return name if blocks == STREAM_BLOCKS else f"{name}-{blocks}"


ARCHITECTURES: Final[dict[str, Callable[[], keras.Model]]] = {
    "mnist-resnet": resnet,
    "mnist-plain": plain,
    "mnist-highway": highway,
    "mnist-classic": classic,
    **{stream_name("residual", blocks): partial(stream, blocks) for blocks in LADDER},
    **{stream_name("plain", blocks): partial(stream_plain, blocks) for blocks in LADDER},
}


class Title(NamedTuple):
    """A network's title and its one-sentence summary."""

    title: str
    summary: str


TITLES: Final[dict[str, Title]] = {
    "mnist-resnet": Title(
        "Residual network",
        "Three stages of two residual blocks each: every block adds a correction to its input.",
    ),
    "mnist-plain": Title(
        "Plain twin",
        "The residual network without its identity paths; layers and training are the same, so "
        "any difference comes from the skip connections.",
    ),
    "mnist-highway": Title(
        "Highway network",
        "Six gated blocks of constant width: a learned gate weights each block's branch, value "
        "by value.",
    ),
    "mnist-classic": Title(
        "Classic of 2016",
        "The 2016 convnet: eight filters throughout, and five small blocks of a single "
        "convolution each.",
    ),
    **{
        stream_name("residual", blocks): Title(
            f"Residual stream of {blocks} blocks",
            "Blocks of one width that only ever add to the stream: no norm and no ReLU stands on "
            "it, so the answer is a sum of the blocks' shares.",
        )
        for blocks in LADDER
    },
    **{
        stream_name("plain", blocks): Title(
            f"Plain stack of {blocks} blocks",
            "The residual stream's layers without the identity: all that is known of the digit "
            "has to pass through every one of them.",
        )
        for blocks in LADDER
    },
}


def title_of(network: str) -> Title:
    """Title of a shipped network; the id and a generic summary for any other."""
    return TITLES.get(network, Title(network, "A network compiled by its user."))
