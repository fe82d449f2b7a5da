"""Evaluation on test digits."""

from dataclasses import fields
from itertools import combinations

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.core.block_metrics import block_metrics
from skiplens.core.manifest import Accuracy, BlockMetrics, Evaluation
from skiplens.mnist import Split
from skiplens.network.evaluation import evaluation
from skiplens.network.tracing import InstrumentedModel, instrument
from tests.network.tiny import Array, images, numpy, randomise, tiny_network

COUNT = 30


def outputs(
    traced: InstrumentedModel, split: Split, branch_scales: tuple[float, ...]
) -> dict[str, Array]:
    inputs = {"image": split.inputs()}
    if branch_scales:
        inputs["branch_scales"] = np.array([branch_scales] * len(split), np.float32)
    return {name: numpy(value) for name, value in traced.model(inputs, training=False).items()}


def test_pairs_are_left_out_where_they_would_be_hundreds(
    traced: InstrumentedModel, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skiplens.network.evaluation._MAX_BLOCKS_FOR_PAIRS", 2)
    found = evaluation(traced, split[:2], batch_size=2)[1]
    assert [ablation.off for ablation in found.ablations] == [("block1",), ("block2",), ("block3",)]


@pytest.fixture(scope="module")
def traced() -> InstrumentedModel:
    return instrument(tiny_network())


@pytest.fixture(scope="module")
def split(traced: InstrumentedModel) -> Split:
    """Noise, two thirds of it labelled as the network reads it: there is something to lose."""
    pixels = np.round(images(COUNT)[..., 0] * 255).astype(np.uint8)
    unlabelled = Split(pixels, np.zeros(COUNT, np.uint8))
    labels = outputs(traced, unlabelled, (1.0, 1.0, 1.0))["head.probabilities"].argmax(axis=-1)
    labels[::3] = (labels[::3] + 1) % 10
    return Split(pixels, labels.astype(np.uint8))


@pytest.fixture(scope="module")
def found(traced: InstrumentedModel, split: Split) -> tuple[Accuracy, Evaluation]:
    return evaluation(traced, split, batch_size=15)


def test_accuracy_is_the_share_read_right(found: tuple[Accuracy, Evaluation]) -> None:
    assert found[0] == Accuracy.of(20, COUNT)
    assert found[1].digits == COUNT


def test_lesions_are_each_block_alone_then_each_pair(
    found: tuple[Accuracy, Evaluation], traced: InstrumentedModel, split: Split
) -> None:
    names = ["block1", "block2", "block3"]
    wanted = [*combinations(names, 1), *combinations(names, 2)]
    assert [ablation.off for ablation in found[1].ablations] == wanted
    for ablation in found[1].ablations:
        branch_scales = tuple(float(name not in ablation.off) for name in names)
        answers = outputs(traced, split, branch_scales)["head.probabilities"].argmax(axis=-1)
        assert ablation.correct == np.sum(answers == split.labels)
        assert ablation.accuracy_drop == pytest.approx((20 - ablation.correct) / COUNT)
    assert any(ablation.accuracy_drop > 0 for ablation in found[1].ablations)


def usual_by_hand(
    traced: InstrumentedModel, split: Split, branch_scales: tuple[float, ...]
) -> list[BlockMetrics]:
    maps = outputs(traced, split, branch_scales)
    usual = []
    for block in traced.blocks:
        digits = [
            block_metrics(block, {name: value[row] for name, value in maps.items()})
            for row in range(len(split))
        ]
        names = [field.name for field in fields(BlockMetrics)][1:]
        columns = [[getattr(one, name) for one in digits] for name in names]
        means = [None if None in column else float(np.mean(column)) for column in columns]
        usual.append(BlockMetrics(block.name, *means))  # type: ignore[arg-type]  # cosine may be None
    return usual


def assert_same(found: tuple[BlockMetrics, ...], wanted: list[BlockMetrics]) -> None:
    for one, other in zip(found, wanted, strict=True):
        figures, same = dict(vars(one)), dict(vars(other))
        assert figures.pop("block") == same.pop("block")
        if same["cosine"] is None:
            assert figures.pop("cosine") is same.pop("cosine")
        assert figures == pytest.approx(same, rel=1e-4, abs=1e-6)


def test_usual_figures_are_means_over_all_digits(
    found: tuple[Accuracy, Evaluation], traced: InstrumentedModel, split: Split
) -> None:
    assert_same(found[1].blocks, usual_by_hand(traced, split, (1.0, 1.0, 1.0)))


def test_a_network_without_switches_has_figures_and_no_lesions(split: Split) -> None:
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(2, 3, strides=7, name="stem.conv")(image)
    for block in ("block1", "block2"):
        x = layers.Conv2D(2, 3, padding="same", name=f"{block}.conv")(x)
        x = layers.ReLU(name=f"{block}.output")(x)
    x = layers.Dense(10, name="head.logits")(layers.Flatten()(x))
    traced = instrument(randomise(keras.Model(image, layers.Softmax(name="head.probabilities")(x))))
    few = split[slice(4)]
    _, measured = evaluation(traced, few, batch_size=3)
    assert measured.ablations == ()
    assert all(block.cosine is None for block in measured.blocks)
    assert_same(measured.blocks, usual_by_hand(traced, few, ()))
