"""Networks as people write them with Keras, and what ``skiplens open`` should make of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import keras
from keras import layers, ops

from skiplens.network.own_network_files import NetworkOptions
from tests.network.test_any_graph import (
    by_operators,
    dense_block,
    functional_resnet,
    inception,
    lenet,
    perceptron,
    squeeze_and_excite,
    tutorial_convnet,
)
from tests.network.tiny import Tensor

NOTHING: Final = NetworkOptions()
SLOW: Final = 1_000_000  # weights; networks that have more keep those that Keras gives them


@dataclass(frozen=True)
class Entry:
    """One network.

    Attributes:
        make: builds it.
        blocks: number of blocks that are found; ``None`` if it is refused.
        refused: part of the reason, if it is refused.
        options: what is told of it on the command line.
        weights: number of its weights, if they are many.
    """

    make: Callable[[], keras.Model]
    blocks: int | None = None
    refused: str = ""
    options: NetworkOptions = NOTHING
    weights: int = 0

    @property
    def name(self) -> str:
        """The name of the network."""
        return self.make.__name__


def image(*shape: int | None) -> Tensor:
    return keras.Input(shape or (28, 28, 1))


def classified(start: Tensor, x: Tensor, classes: int = 10) -> keras.Model:
    """The network that ends in the mean over all positions and a softmax."""
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(start, layers.Dense(classes, activation="softmax")(x))


def stacked(*parts: layers.Layer, shape: tuple[int | None, ...] = (28, 28, 1)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *parts])


def conv(width: int, side: int = 3, **options: object) -> layers.Layer:
    return layers.Conv2D(width, side, padding="same", **options)


# Sequential


def row_of_pixels() -> keras.Model:
    return stacked(
        layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax"), shape=(784,)
    )


def vgg_like() -> keras.Model:
    return stacked(
        *(conv(8, activation="relu"), conv(8, activation="relu"), layers.MaxPooling2D()),
        *(conv(16, activation="relu"), conv(16, activation="relu"), layers.MaxPooling2D()),
        *(layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dropout(0.5)),
        layers.Dense(10, activation="softmax"),
    )


def all_convolutional() -> keras.Model:
    return stacked(
        layers.Conv2D(8, 3, strides=2, activation="elu"),
        layers.Conv2D(8, 3, strides=2, activation="selu"),
        *(layers.Conv2D(10, 1), layers.GlobalAveragePooling2D(), layers.Softmax()),
    )


def with_prelu() -> keras.Model:
    return stacked(
        *(layers.Conv2D(6, 3, strides=3), layers.PReLU(), layers.LeakyReLU(0.2)),
        *(layers.Conv2D(6, 3), layers.Flatten(), layers.Dense(10, activation="softmax")),
    )


def augmented() -> keras.Model:
    return stacked(
        *(layers.RandomRotation(0.1), layers.GaussianNoise(0.1)),
        *(layers.Conv2D(6, 3, strides=3, activation="relu"), layers.SpatialDropout2D(0.2)),
        *(layers.Flatten(), layers.Dense(10, activation="softmax")),
    )


def normalised() -> keras.Model:
    return stacked(
        layers.Normalization(mean=33.0, variance=6000.0),
        *(layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(10)),
    )


def fashion() -> keras.Model:
    return stacked(
        *(layers.Rescaling(1 / 255), conv(8, activation="relu"), layers.MaxPooling2D()),
        *(layers.Flatten(), layers.Dense(10)),
    )


def letters() -> keras.Model:
    return stacked(
        layers.Conv2D(8, 5, strides=2, activation="relu"),
        *(layers.Flatten(), layers.Dense(62, activation="softmax")),
    )


def colour_convnet() -> keras.Model:
    """The convnet of TensorFlow's tutorial on CIFAR."""
    return stacked(
        *(layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D()),
        *(layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D()),
        *(layers.Conv2D(16, 3, activation="relu"), layers.Flatten()),
        *(layers.Dense(16, activation="relu"), layers.Dense(10)),
        shape=(32, 32, 3),
    )


def cats_and_dogs() -> keras.Model:
    """One probability, of one of two classes."""
    return stacked(
        *(layers.Rescaling(1 / 255), layers.Conv2D(4, 3, strides=4, activation="relu")),
        *(layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid")),
        shape=(96, 128, 3),
    )


def multilabel() -> keras.Model:
    return stacked(
        *(layers.Conv2D(4, 3, strides=4), layers.Flatten()), layers.Dense(10, activation="sigmoid")
    )


def many_classes() -> keras.Model:
    start = image(48, 48, 3)
    x = conv(8, strides=4, activation="relu")(start)
    return classified(start, layers.Add()([x, conv(8)(x)]), 1000)


# Residual networks


def cifar_resnet(blocks: int = 1) -> keras.Model:
    """ResNet-8, -20 and so on of He et al. 2015, for CIFAR."""
    start = image(32, 32, 3)
    x = layers.ReLU()(layers.BatchNormalization()(conv(16, use_bias=False)(start)))
    for width in (16, 32, 64):
        for number in range(blocks):
            strides = 2 if width > 16 and not number else 1
            y = layers.ReLU()(layers.BatchNormalization()(conv(width, strides=strides)(x)))
            y = layers.BatchNormalization()(conv(width)(y))
            shortcut = (
                x if strides == 1 and x.shape[-1] == width else conv(width, 1, strides=strides)(x)
            )
            x = layers.ReLU()(layers.Add()([shortcut, y]))
    return classified(start, x)


def preactivated() -> keras.Model:
    start = image()
    x = conv(8, strides=2)(start)
    for width, strides in ((8, 1), (16, 2), (16, 1)):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        shortcut = layers.Conv2D(width, 1, strides=strides)(y) if strides > 1 else x
        y = conv(width, strides=strides)(y)
        y = conv(width)(layers.ReLU()(layers.BatchNormalization()(y)))
        x = layers.Add()([shortcut, y])
    return classified(start, x)


def bottlenecks() -> keras.Model:
    start = image()
    x = conv(8, strides=2, activation="relu")(start)
    for _ in range(2):
        y = conv(4, activation="relu")(layers.Conv2D(4, 1, activation="relu")(x))
        x = layers.Activation("relu")(layers.Add()([layers.Conv2D(8, 1)(y), x]))
    return classified(start, x)


def inverted_residuals() -> keras.Model:
    start = image()
    x = conv(8, strides=2)(start)
    for _ in range(2):
        y = layers.ReLU(6.0)(layers.Conv2D(24, 1)(x))
        y = layers.ReLU(6.0)(layers.DepthwiseConv2D(3, padding="same")(y))
        x = layers.Add()([x, layers.BatchNormalization()(layers.Conv2D(8, 1)(y))])
    return classified(start, x)


def convnext_like() -> keras.Model:
    start = image()
    x = layers.LayerNormalization()(layers.Conv2D(8, 4, strides=4)(start))
    for _ in range(2):
        y = layers.LayerNormalization()(layers.DepthwiseConv2D(7, padding="same")(x))
        x = layers.Add()([x, layers.Dense(8)(layers.Dense(32, activation="gelu")(y))])
    return classified(start, x)


def xception_like() -> keras.Model:
    start = image()
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(start)
    shortcut = conv(12, 1, strides=2)(x)
    y = layers.SeparableConv2D(12, 3, padding="same")(x)
    y = layers.MaxPooling2D(3, 2, padding="same")(y)
    return classified(start, layers.add([y, shortcut]))


def shuffled() -> keras.Model:
    start = image()
    x = conv(8, strides=4)(start)
    y = layers.Reshape((7, 7, 2, 4))(layers.Conv2D(8, 1, groups=2, activation="relu")(x))
    y = layers.Reshape((7, 7, 8))(layers.Permute((1, 2, 4, 3))(y))
    y = layers.Conv2D(8, 1, groups=2)(layers.DepthwiseConv2D(3, padding="same")(y))
    return classified(start, layers.ReLU()(layers.Add()([x, y])))


def highway_by_operators() -> keras.Model:
    start = image()
    x = conv(6, strides=4)(start)
    h, t = conv(6, activation="relu")(x), conv(6, activation="sigmoid")(x)
    return classified(start, t * h + (1 - t) * x)


def other_merges() -> keras.Model:
    start = image()
    x = layers.Conv2D(4, 3, strides=4)(start)
    x = layers.Maximum()([x, layers.Conv2D(4, 1)(x)])
    x = layers.Average()([x, layers.Conv2D(4, 1)(x)])
    x = layers.Multiply()([x, layers.Conv2D(4, 1, activation="sigmoid")(x)])
    return classified(start, x)


def sliced() -> keras.Model:
    start = image()
    x = conv(4, activation="relu")(start)[:, ::2, ::2]
    return classified(start, layers.Add()([x, conv(4)(x)]))


def u_shaped() -> keras.Model:
    start = image()
    a = conv(4, activation="relu")(start)
    b = conv(6, activation="relu")(layers.MaxPooling2D(2)(a))
    up = layers.Conv2DTranspose(4, 2, 2)(b)
    return classified(start, conv(4, activation="relu")(layers.Concatenate()([a, up])))


# Nested and shared


def shared_three_times() -> keras.Model:
    inner = keras.Sequential([conv(6, activation="relu"), layers.BatchNormalization()])
    start = image()
    x = conv(6, strides=4)(start)
    for _ in range(3):
        x = layers.Add()([x, inner(x)])
    return classified(start, x)


def model_in_a_sequence() -> keras.Model:
    return keras.Sequential([tutorial_convnet()])


def transfer() -> keras.Model:
    """A trained network without its top, and a new one, as tutorials on transfer write it."""
    base = keras.Sequential(
        [keras.Input((32, 32, 3)), conv(8, activation="relu"), layers.MaxPooling2D()], name="base"
    )
    start = image(32, 32, 3)
    x = layers.GlobalAveragePooling2D()(base(start, training=False))
    return keras.Model(start, layers.Dense(3)(layers.Dropout(0.2)(x)))


# Sequences and attention


def vision_transformer() -> keras.Model:
    start = image()
    x = layers.Reshape((16, 12))(layers.Conv2D(12, 7, strides=7)(start))
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(2, 6)(y, y)
        y = layers.LayerNormalization()(x)
        x = x + layers.Dense(12)(layers.Dense(24, activation="gelu")(y))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(start, layers.Dense(10, activation="softmax")(x))


def two_lstms() -> keras.Model:
    return stacked(
        *(layers.LSTM(16, return_sequences=True), layers.LSTM(8)),
        layers.Dense(10, activation="softmax"),
        shape=(28, 28),
    )


def two_ways() -> keras.Model:
    parts = layers.Bidirectional(layers.LSTM(8)), layers.Dense(10, activation="softmax")
    return stacked(*parts, shape=(28, 28))


def residual_gru() -> keras.Model:
    start = image(28, 28)
    x = layers.Dense(12)(start)
    x = layers.Add()([x, layers.GRU(12, return_sequences=True)(x)])
    x = layers.GlobalMaxPooling1D()(x)
    return keras.Model(start, layers.Dense(10, activation="softmax")(x))


def of_steps() -> keras.Model:
    return stacked(
        layers.Conv1D(16, 3, padding="causal", activation="relu", dilation_rate=2),
        *(layers.MaxPooling1D(2), layers.Conv1D(16, 3, activation="relu")),
        *(layers.GlobalMaxPooling1D(), layers.Dense(10, activation="softmax")),
        shape=(28, 28),
    )


# What the command line has to tell, and what is refused


def of_any_size() -> keras.Model:
    start = image(None, None, 3)
    return classified(start, layers.Conv2D(4, 3, activation="relu")(start))


# As frameworks and habits have it


def in_half_precision() -> keras.Model:
    half = {"dtype": "mixed_float16"}
    return stacked(
        *(layers.Conv2D(6, 3, strides=2, activation="relu", **half), layers.Flatten(**half)),
        *(layers.Dense(10, **half), layers.Activation("softmax", dtype="float32")),
    )


def of_named_tensors() -> keras.Model:
    start = keras.Input((28, 28, 1), name="image")
    x = layers.Flatten()(layers.Conv2D(2, 3, strides=4)(start))
    return keras.Model({"image": start}, {"digit": layers.Dense(10, name="digit")(x)})


def sigmoid_of_its_own() -> keras.Model:
    return stacked(
        *(layers.Conv2D(4, 3, strides=3), layers.Flatten(), layers.Dense(1)),
        layers.Activation("sigmoid"),
    )


def one_logit() -> keras.Model:
    model = stacked(layers.Conv2D(4, 3, strides=3), layers.Flatten(), layers.Dense(1))
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def logarithms() -> keras.Model:
    return stacked(
        layers.Conv2D(4, 3, strides=3), layers.Flatten(), layers.Dense(10, "log_softmax")
    )


def dilated_branches() -> keras.Model:
    start = image(32, 32, 3)
    x = conv(6, activation="relu")(start)
    branches = [conv(4, dilation_rate=rate, activation="relu")(x) for rate in (1, 2, 4)]
    mean = layers.Conv2D(4, 1)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return classified(start, layers.Concatenate()([*branches, layers.UpSampling2D(32)(mean)]))


def spatial_attention() -> keras.Model:
    start = image(32, 32, 3)
    x = conv(8, activation="relu")(start)
    seen = [ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)]
    return classified(start, x * conv(1, 7, activation="sigmoid")(layers.Concatenate()(seen)))


def causal_convolutions() -> keras.Model:
    return stacked(
        layers.Conv1D(8, 3, padding="causal", activation="relu"),
        *(layers.MaxPooling1D(2), layers.Conv1D(8, 3, dilation_rate=2, activation="relu")),
        *(layers.GlobalMaxPooling1D(), layers.Dense(10, activation="softmax")),
        shape=(28, 28),
    )


def simple_rnns() -> keras.Model:
    return stacked(
        layers.Masking(),
        layers.Bidirectional(layers.SimpleRNN(6, return_sequences=True)),
        *(layers.SimpleRNN(8), layers.Dense(10, activation="softmax")),
        shape=(28, 28),
    )


def convolutional_lstm() -> keras.Model:
    return stacked(
        *(layers.Reshape((4, 7, 28, 1)), layers.ConvLSTM2D(4, 3, padding="same")),
        *(layers.Flatten(), layers.Dense(10, activation="softmax")),
    )


def prepared_inside() -> keras.Model:
    return stacked(
        *(layers.Resizing(40, 40), layers.Rescaling(1 / 127.5, offset=-1)),
        *(layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomContrast(0.1)),
        *(layers.ZeroPadding2D(((1, 2), (0, 3))), layers.Cropping2D(((2, 1), (1, 1)))),
        *(layers.Conv2D(6, 3, strides=(2, 3), activation="relu"), layers.SpatialDropout2D(0.2)),
        *(layers.UnitNormalization(), layers.Flatten(), layers.Dense(5, activation="softmax")),
        shape=(48, 48, 3),
    )


def of_groups_and_ranks() -> keras.Model:
    start = image(32, 32, 3)
    x = layers.Conv2D(8, 3, padding="same")(start)
    y = layers.Conv2D(8, 3, padding="same")(ops.relu(layers.GroupNormalization(4)(x)))
    x = layers.RMSNormalization()(layers.Add()([x, y]))
    best = ops.top_k(ops.reshape(x, (-1, 32 * 32 * 8)), k=20)[0]
    return keras.Model(start, layers.Dense(10, activation="softmax")(best))


def channels_first() -> keras.Model:
    first = {"data_format": "channels_first"}
    return stacked(
        *(layers.Conv2D(4, 3, **first), layers.MaxPooling2D(2, **first)),
        *(layers.Flatten(), layers.Dense(10)),
        shape=(3, 32, 32),
    )


def two_outputs() -> keras.Model:
    start = image()
    x = layers.Flatten()(layers.Conv2D(2, 3, strides=4)(start))
    return keras.Model(start, [layers.Dense(10, name="digit")(x), layers.Dense(2, name="even")(x)])


def two_inputs() -> keras.Model:
    first, second = image(), image()
    shared = layers.Conv2D(2, 3)
    x = layers.Subtract()([shared(first), shared(second)])
    return keras.Model([first, second], layers.Dense(2, activation="softmax")(layers.Flatten()(x)))


def autoencoder() -> keras.Model:
    start = image()
    x = conv(4, strides=2, activation="relu")(start)
    x = layers.Conv2DTranspose(1, 3, 2, padding="same", activation="sigmoid")(x)
    return keras.Model(start, x)


def one_value() -> keras.Model:
    return stacked(layers.Conv2D(4, 3, strides=3), layers.Flatten(), layers.Dense(1))


def with_a_lambda() -> keras.Model:
    double = layers.Lambda(lambda x: x * 2.0)
    return stacked(double, layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(10))


def of_words() -> keras.Model:
    return keras.Sequential(
        [keras.Input((20,)), layers.Embedding(50, 8), layers.GRU(8), layers.Dense(2)]
    )


def of_four_channels() -> keras.Model:
    start = image(16, 16, 4)
    return classified(start, layers.Conv2D(4, 3)(start))


class _Subclassed(keras.Model):  # type: ignore[misc]  # Keras ships no types
    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.dense = layers.Dense(10)

    def call(self, x: Tensor) -> Tensor:
        return self.dense(ops.reshape(x, (-1, 784)))


def subclassed() -> keras.Model:
    model = _Subclassed()
    model(ops.zeros((1, 28, 28, 1)))
    return model


def application(name: str) -> Callable[[], keras.Model]:
    def make() -> keras.Model:
        return getattr(keras.applications, name)(weights=None)

    make.__name__ = name
    return make


ENTRIES: Final = (
    *(Entry(tutorial_convnet, 0), Entry(lenet, 0), Entry(perceptron, 0), Entry(row_of_pixels, 0)),
    *(Entry(vgg_like, 0), Entry(all_convolutional, 0), Entry(with_prelu, 0), Entry(augmented, 0)),
    *(
        Entry(normalised, 0),
        Entry(fashion, 0, options=NetworkOptions(kind="image")),
        Entry(letters, 0),
    ),
    *(Entry(colour_convnet, 0), Entry(cats_and_dogs, 0), Entry(multilabel, 0)),
    *(Entry(many_classes, 1), Entry(functional_resnet, 2), Entry(cifar_resnet, 3)),
    *(Entry(preactivated, 3), Entry(bottlenecks, 2), Entry(inverted_residuals, 2)),
    *(Entry(convnext_like, 2), Entry(xception_like, 1), Entry(shuffled, 1)),
    *(Entry(highway_by_operators, 1), Entry(other_merges, 3), Entry(sliced, 1)),
    *(Entry(by_operators, 1), Entry(dense_block, 2), Entry(squeeze_and_excite, 1)),
    *(Entry(inception, 0), Entry(u_shaped, 1), Entry(shared_three_times, 3)),
    *(Entry(model_in_a_sequence, 0), Entry(transfer, 0), Entry(vision_transformer, 4)),
    *(Entry(two_lstms, 0), Entry(two_ways, 0), Entry(residual_gru, 1), Entry(of_steps, 0)),
    *(Entry(in_half_precision, 0), Entry(of_named_tensors, 0), Entry(sigmoid_of_its_own, 0)),
    *(Entry(one_logit, 0), Entry(logarithms, 0), Entry(dilated_branches, 0)),
    *(Entry(spatial_attention, 1), Entry(causal_convolutions, 0), Entry(simple_rnns, 0)),
    *(Entry(convolutional_lstm, 0), Entry(prepared_inside, 0), Entry(of_groups_and_ranks, 1)),
    Entry(of_any_size, 0, options=NetworkOptions(size=(40, 56))),
    Entry(two_outputs, 0, options=NetworkOptions(output="digit")),
    Entry(two_inputs, refused="must be a functional or sequential model of one image"),
    Entry(autoencoder, refused="it must have one for each class"),
    Entry(one_value, refused="it must have one for each class"),
    Entry(with_a_lambda, refused="Its code is run with --trust"),
    Entry(of_words, refused="reads text"),
    Entry(of_four_channels, refused="images have one channel, or three"),
    Entry(channels_first, refused="has its channels first"),
    Entry(subclassed, refused="A file that defines it can be run first"),
    *(
        Entry(application(name), options=NetworkOptions(size=(224, 224)), weights=SLOW + 1)
        for name in ("MobileNetV3Small", "MobileNetV3Large")
    ),
    *(
        Entry(application(name), blocks, weights=SLOW + 1)
        for name, blocks in (
            *(("MobileNet", 0), ("MobileNetV2", 10)),
            *(("EfficientNetB0", 25), ("EfficientNetV2B0", 31)),
            *(("DenseNet121", 58), ("DenseNet169", 82), ("NASNetMobile", None)),
            *(("ResNet50", 16), ("ResNet50V2", 16), ("Xception", 12), ("InceptionV3", 0)),
        )
    ),
)
