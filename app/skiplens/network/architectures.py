"""The shipped architectures and their titles."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import keras
from keras import layers

from skiplens.core.ladder import DEEPEST, KINDS, LADDER, LadderKind, stream_name
from skiplens.network.residual import HighwayGate, Residual

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
ROWS_WIDTH: Final = 64
ROWS_BLOCKS: Final = 2


def _conv(
    name: str, width: int, kernel: int = 3, strides: int = 1, **options: Any
) -> layers.Conv2D:
    return layers.Conv2D(width, kernel, strides=strides, padding="same", name=name, **options)


# Without a bias, because the batch norm after it has one.
_conv_before_norm = partial(_conv, use_bias=False, kernel_initializer="he_normal")


def _branch(name: str, width: int, strides: int) -> list[layers.Layer]:
    """F of one block: conv, norm, ReLU, conv, norm (He et al. 2015, fig. 2)."""
    return [
        _conv_before_norm(f"{name}.conv1", width, strides=strides),
        layers.BatchNormalization(name=f"{name}.norm1"),
        layers.ReLU(name=f"{name}.relu1"),
        _conv_before_norm(f"{name}.conv2", width),
        layers.BatchNormalization(name=f"{name}.norm2"),
    ]


def _stem(image: keras.KerasTensor, width: int, strides: int = 1) -> keras.KerasTensor:
    x = _conv_before_norm("stem.conv", width, strides=strides)(image)
    x = layers.BatchNormalization(name="stem.norm")(x)
    return layers.ReLU(name="stem.output")(x)


def _classify(x: keras.KerasTensor) -> keras.KerasTensor:
    x = layers.Dense(len(CLASSES), name="head.logits")(x)
    return layers.Softmax(name="head.probabilities")(x)


def _head(x: keras.KerasTensor) -> keras.KerasTensor:
    return _classify(layers.GlobalAveragePooling2D(name="head.pool")(x))


def _projection(name: str, width: int, strides: int) -> layers.Layer:
    """1x1 convolution that gives x the shape of F(x) (option B of He et al. 2015).

    It takes the mean of each window; a strided convolution alone would ignore three of four values
    of x (He et al. 2019, "Bag of Tricks", fig. 2c).
    """
    parts = [
        layers.AveragePooling2D(strides, name=f"{name}.shortcut.pool"),
        _conv_before_norm(f"{name}.shortcut.conv", width, kernel=1),
        layers.BatchNormalization(name=f"{name}.shortcut.norm"),
    ]
    return keras.Sequential(parts, name=f"{name}.shortcut")


def _block(
    name: str,
    parts: list[layers.Layer],
    x: keras.KerasTensor,
    *,
    skip: bool,
    shortcut: layers.Layer | None = None,
) -> keras.KerasTensor:
    """A residual block of these parts; without the skip, the parts in a row."""
    if skip:
        branch = keras.Sequential(parts, name=f"{name}.branch")
        return Residual(branch, shortcut=shortcut, name=name)(x)
    for layer in parts:
        x = layer(x)
    return x


def _staged(network: str, *, skip: bool) -> keras.Model:
    image = keras.Input(INPUT_SHAPE, name="image")
    x = _stem(image, STAGE_WIDTHS[0])
    widths = [width for width in STAGE_WIDTHS for _ in range(BLOCKS_PER_STAGE)]
    for index, width in enumerate(widths, 1):
        name, strides = f"block{index}", 1 if width == x.shape[-1] else 2
        parts = _branch(name, width, strides)
        shortcut = _projection(name, width, strides) if skip and strides > 1 else None
        x = _block(name, parts, x, skip=skip, shortcut=shortcut)
        x = layers.ReLU(name=f"{name}.output")(x)
    return keras.Model(image, _head(x), name=network)


def resnet() -> keras.Model:
    """ResNet for 28x28: three stages of widths 16, 32 and 64 with two blocks each."""
    return _staged("mnist-resnet", skip=True)


def plain() -> keras.Model:
    """The plain twin of :func:`resnet`, without identity paths."""
    return _staged("mnist-plain", skip=False)


def highway() -> keras.Model:
    """A strided stem and six gated blocks of constant width on 14x14 maps."""
    image = keras.Input(INPUT_SHAPE, name="image")
    x = _stem(image, HIGHWAY_WIDTH, strides=2)
    shut = keras.initializers.Constant(HIGHWAY_GATE_BIAS)
    for index in range(1, HIGHWAY_BLOCKS + 1):
        name = f"block{index}"
        branch = keras.Sequential(_branch(name, HIGHWAY_WIDTH, 1), name=f"{name}.branch")
        logits = _conv(f"{name}.gate.conv", HIGHWAY_WIDTH, bias_initializer=shut)
        x = Residual(branch, merge=HighwayGate(logits, name=f"{name}.gate"), name=name)(x)
        x = layers.ReLU(name=f"{name}.output")(x)
    return keras.Model(image, _head(x), name="mnist-highway")


def classic() -> keras.Model:
    """The 2016 convnet: conv 3x3x64 relu, conv 3x3x8 relu, five times [Residual(conv 3x3x8),
    relu], max pooling 2, dropout 0.5, dense 10 softmax.
    """
    image = keras.Input(INPUT_SHAPE, name="image")
    x = layers.ReLU(name="stem.relu1")(_conv("stem.conv1", 64)(image))
    x = layers.ReLU(name="stem.output")(_conv("stem.conv2", CLASSIC_WIDTH)(x))
    for index in range(1, CLASSIC_BLOCKS + 1):
        name = f"block{index}"
        x = Residual(_conv(f"{name}.conv", CLASSIC_WIDTH), name=name)(x)
        x = layers.ReLU(name=f"{name}.output")(x)
    x = layers.MaxPooling2D(2, name="head.pool")(x)
    x = layers.Flatten(name="head.flatten")(x)
    x = layers.Dropout(0.5, name="head.dropout")(x)
    return keras.Model(image, _classify(x), name="mnist-classic")


def _stream_branch(name: str, last: str) -> list[layers.Layer]:
    """F of one block: ReLU, conv, ReLU, conv (He et al. 2016, "Identity Mappings", fig. 4e,
    without its norms); ``last`` initialises the second convolution.
    """
    return [
        layers.ReLU(name=f"{name}.relu1"),
        _conv(f"{name}.conv1", STREAM_WIDTH, kernel_initializer="he_normal"),
        layers.ReLU(name=f"{name}.relu2"),
        _conv(f"{name}.conv2", STREAM_WIDTH, kernel_initializer=last),
    ]


def stream(blocks: int, kind: LadderKind = "residual") -> keras.Model:
    """A pure residual stream: a strided stem, blocks of one width at 14x14 without norms, and
    nothing on the stream between them, so that the logits are a sum of each block's share. Its
    plain twin has every identity path removed.

    Every residual branch begins at zero, so that the stream begins as the identity (Zhang, Dauphin
    and Ma 2019, "Fixup", section 3: the last layer of each branch). Fixup's other rule, to scale
    the first layer down with the depth, is left out: on held-out digits Adam learnt no better with
    it, and worse from a branch scaled by a number of its own (ReZero, SkipInit) or by the depth
    alone. The twin begins as suits it: each convolution keeps the scale of its input (He et al.
    2015, "Delving Deep", eq. 10).
    """
    image = keras.Input(INPUT_SHAPE, name="image")
    x = _conv("stem.conv", STREAM_WIDTH, strides=2, kernel_initializer="he_normal")(image)
    last = "zeros" if kind == "residual" else "he_normal"
    for index in range(1, blocks + 1):
        name = f"block{index}"
        x = _block(name, _stream_branch(name, last), x, skip=kind == "residual")
        if kind == "plain":
            x = layers.Identity(name=f"{name}.output")(x)  # marks where the block ends
    return keras.Model(image, _head(x), name=stream_name(kind, blocks))


def rows(kind: LadderKind = "residual") -> keras.Model:
    """A digit read row by row: every row of 28 pixels embedded by one dense layer, two residual
    blocks of a bidirectional GRU (Cho et al. 2014) along the 28 rows, and the maximum over them.
    Its plain twin has the identity paths removed.

    Half of a block's units read downwards, half upwards.
    """
    image = keras.Input(INPUT_SHAPE, name="image")
    x = layers.Reshape(INPUT_SHAPE[:2], name="stem.rows")(image)
    x = layers.Dense(ROWS_WIDTH, name="stem.output")(x)
    for index in range(1, ROWS_BLOCKS + 1):
        name = f"block{index}"
        gru = layers.GRU(ROWS_WIDTH // 2, return_sequences=True, name=f"{name}.gru")
        branch = layers.Bidirectional(gru, name=f"{name}.states")
        x = _block(name, [branch], x, skip=kind == "residual")
        if kind == "plain":
            x = layers.Identity(name=f"{name}.output")(x)  # marks where the block ends
    x = layers.GlobalMaxPooling1D(name="head.pool")(x)
    return keras.Model(image, _classify(x), name=ROWS_NAMES[kind])


ROWS_NAMES: Final[dict[LadderKind, str]] = {"residual": "mnist-rows", "plain": "mnist-rows-plain"}
ARCHITECTURES: Final[dict[str, Callable[[], keras.Model]]] = {
    "mnist-resnet": resnet,
    "mnist-plain": plain,
    "mnist-highway": highway,
    "mnist-classic": classic,
    **{
        stream_name(kind, blocks): partial(stream, blocks, kind)
        for kind in KINDS
        for blocks in LADDER
    },
    **{name: partial(rows, kind) for kind, name in ROWS_NAMES.items()},
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
        "The residual network without its identity paths and their projections; all other layers "
        "and the training are the same.",
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
    stream_name("residual", DEEPEST): Title(
        f"Residual stream of {DEEPEST} blocks",
        "Blocks of one width that only add to the stream: no normalisation and no ReLU follows a "
        "sum, so each logit is a sum of the blocks' shares.",
    ),
    stream_name("plain", DEEPEST): Title(
        f"Plain stack of {DEEPEST} blocks",
        "The residual stream's layers without the identity: all that is known of the digit has to "
        "pass through every one of them.",
    ),
    **{
        stream_name("residual", blocks): Title(
            f"Residual stream of {blocks} blocks", f"The residual stream with {blocks} blocks."
        )
        for blocks in LADDER[:-1]
    },
    **{
        stream_name("plain", blocks): Title(
            f"Plain stack of {blocks} blocks", f"The plain stack with {blocks} blocks."
        )
        for blocks in LADDER[:-1]
    },
    "mnist-rows": Title(
        "Rows, one after another",
        "A recurrent network that reads the digit as 28 rows of pixels, down and up: each of two "
        "residual GRUs adds what it has read so far.",
    ),
    "mnist-rows-plain": Title(
        "Plain twin of the rows",
        "The recurrent network without its identity paths: what the first GRU makes of the rows "
        "is all that the second one reads.",
    ),
}


def title_of(network: str) -> Title:
    """Title of a shipped network; the id and a generic summary for any other."""
    return TITLES.get(network, Title(network, "A network compiled by its user."))
