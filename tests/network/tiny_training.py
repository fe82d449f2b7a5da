"""A training run so small that a test can afford several."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partialmethod

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.mnist import Split
from skiplens.network.augmentation import Augmentation
from skiplens.network.recipe import Phase, Recipe

RECIPE = Recipe(
    "tiny",
    (
        Phase(epochs=1, warmup_epochs=0.5),
        Phase(epochs=2, warmup_epochs=0.0, augmentation=Augmentation(thickness=0.5)),
    ),
    batch_size=32,
    validation=20,
    seed=7,
)


@contextmanager
def eager_steps() -> Iterator[None]:
    """Train op by op: to trace a step takes longer than a few steps on these digits do."""
    with pytest.MonkeyPatch.context() as patch:
        eager = partialmethod(keras.Model.compile, run_eagerly=True)
        patch.setattr(keras.Model, "compile", eager)
        yield


def network() -> keras.Model:
    """A nested norm and a dropout: whatever keeps a state of its own between steps."""
    image = keras.Input((28, 28, 1), name="image")
    conv = layers.Conv2D(3, 4, strides=4, name="conv")
    x = keras.Sequential([conv, layers.BatchNormalization(name="norm")], name="stem")(image)
    x = layers.Conv2D(3, 1, name="block1.conv")(layers.ReLU(name="stem.output")(x))
    x = layers.Flatten(name="head.flatten")(layers.ReLU(name="block1.output")(x))
    x = layers.Dropout(0.5, name="head.dropout")(x)
    x = layers.Dense(10, name="head.logits")(x)
    return keras.Model(image, layers.Softmax(name="head.probabilities")(x), name="tiny")


def digits(count: int = 100) -> Split:
    """Bars of noise, each label at a height of its own, so that there is something to learn."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 10, count, np.uint8)
    images = rng.integers(0, 90, (count, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 3 : 2 * label + 7] += 160
    return Split(images, labels)
