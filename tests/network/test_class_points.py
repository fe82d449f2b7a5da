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
    facing,
    mean_features,
    measure_classes,
    nearest_mean_accuracy,
    principal_plane,
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


@pytest.fixture
def features() -> np.ndarray:
    rng = np.random.default_rng(7)
    spread = np.array([5, 1, 3, 0.5], np.float32)
    turned, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    return np.asarray((rng.normal(size=(300, 4)) * spread) @ turned + 2, np.float32)


def test_axes_are_the_eigenvectors_of_the_two_largest_variances(features: np.ndarray) -> None:
    plane = principal_plane(features)
    variances, vectors = np.linalg.eigh(np.cov(features.T))
    for axis, vector in zip(plane.axes, vectors.T[::-1], strict=False):
        assert abs(axis @ vector) == pytest.approx(1, abs=1e-4)
    points = plane.points(features)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(points.var(axis=0, ddof=1), variances[::-1][:2], rtol=1e-3)
    assert plane.explained == pytest.approx(variances[-2:].sum() / variances.sum(), rel=1e-4)


def test_axes_are_turned_round_to_where_the_digits_were(features: np.ndarray) -> None:
    plane = principal_plane(features)
    before = plane.points(features) * (-1, 1)
    turned = facing(plane, features, before)
    np.testing.assert_allclose(turned.points(features), before, rtol=1e-4, atol=1e-4)
    assert turned.explained == plane.explained


def test_equal_features_have_no_variance() -> None:
    plane = principal_plane(np.ones((5, 3), np.float32))
    assert plane.explained == 0
    assert (plane.points(np.ones((5, 3), np.float32)) == 0).all()


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
