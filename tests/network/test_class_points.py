"""Test digits as points: stored, and read as the network has them."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.mnist import Split
from skiplens.network.architectures import stream
from skiplens.network.block_chain import BlockChain
from skiplens.network.class_points import (
    mean_features,
    measure_classes,
    nearest_mean_accuracy,
    write_points,
)
from skiplens.service.experiment_results import ExperimentResults
from skiplens.service.forward import run_network
from skiplens.web.pages.experiments.classes import scatter
from tests.conftest import MODELS
from tests.network.tiny import randomise

BLOCKS = 2


@pytest.fixture(scope="module")
def chain() -> BlockChain:
    return BlockChain(randomise(stream(BLOCKS), 1))


@pytest.fixture(scope="module")
def test() -> Split:
    rng = np.random.default_rng(5)
    return Split(
        rng.integers(0, 256, (30, 28, 28), np.uint8), (np.arange(30) % 10).astype(np.uint8)
    )


def test_features_are_what_the_head_takes(chain: BlockChain, test: Split) -> None:
    features = mean_features(chain, test)
    assert len(features) == BLOCKS + 1
    logits = features[-1] @ chain.head_kernel + np.asarray(
        chain.network.get_layer("head.logits").bias
    )
    answers = chain.run(test.inputs()).argmax(axis=-1)
    np.testing.assert_array_equal(logits.argmax(axis=-1), answers)


def test_points_are_stored_beside_the_network(
    chain: BlockChain, test: Split, tmp_path: Path
) -> None:
    measure_classes(
        chain, test, lambda step, steps: None, partial(write_points, tmp_path, test, "digest")
    )
    with np.load(tmp_path / "points.npz") as arrays:
        assert str(arrays["sha256"]) == "digest"
        assert arrays["points"].shape == (BLOCKS + 1, 30, 2)
        for at, features in enumerate(mean_features(chain, test)):
            expected = (features - arrays[f"mean{at}"]) @ arrays[f"axes{at}"].T
            np.testing.assert_allclose(arrays["points"][at], expected, rtol=1e-2, atol=1e-2)


def test_examples_are_counted_that_are_nearest_to_their_own_mean() -> None:
    features = np.array([[0, 0], [0, 1], [9, 0], [1, 0]], np.float32)
    assert nearest_mean_accuracy(features, np.array([0, 0, 1, 1], np.uint8)) == 0.75


def test_shares_are_measured_at_every_depth(chain: BlockChain, test: Split) -> None:
    nearest, explained = measure_classes(chain, test, lambda step, steps: None)
    for curve in (nearest, explained):
        assert [point.x for point in curve.points] == list(range(BLOCKS + 1))
        assert all(0 <= point.mean <= 1 for point in curve.points)


@pytest.mark.parametrize("name", ["mnist-stream", "mnist-resnet"])
def test_the_page_s_digit_is_among_them(
    name: str, engines: dict[str, Engine], digit: Digit
) -> None:
    engine = engines[name]
    found = ExperimentResults(MODELS).points(engine.manifest)
    assert found is not None
    blocks = len(engine.manifest.blocks)
    drawn = scatter(found, run_network(engine, digit, AS_TRAINED), blocks)
    assert len(drawn.dots) == len(found.labels)
    assert {dot.label for dot in drawn.dots} == set(range(10))
    assert all(0 <= place <= 100 for dot in drawn.dots for place in (dot.x, dot.y))
    assert drawn.path.count("L") == blocks
    assert drawn.path.endswith(f"{drawn.x[:-1]} {drawn.y[:-1]}")
