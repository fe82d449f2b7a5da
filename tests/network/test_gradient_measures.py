"""Gradients by length of path and along lines equal Keras and arithmetic."""

from math import comb

import keras
import numpy as np
import pytest
import tensorflow as tf

from skiplens.core.experiment_results import Curve
from skiplens.core.gradients import path_shares
from skiplens.errors import DatasetError
from skiplens.mnist import Split
from skiplens.network import gradient_measures
from skiplens.network.architectures import stream
from skiplens.network.block_chain import BlockChain
from skiplens.network.gradient_measures import (
    LAGS,
    POINTS,
    autocorrelation,
    derivatives,
    gradients_by_length,
    measure_gradients,
)
from skiplens.network.tracing import instrument
from tests.network.tiny import Array, numpy, randomise

BLOCKS = 3
DIGITS = 8


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return randomise(stream(BLOCKS), 1)


@pytest.fixture(scope="module")
def test() -> Split:
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (DIGITS, 28, 28), np.uint8)
    return Split(images, np.arange(DIGITS).astype(np.uint8))


@pytest.fixture(scope="module")
def by_length(network: keras.Model, test: Split) -> Array:
    return np.stack([*gradients_by_length(instrument(network), test)])


def quiet(step: int, steps: int) -> None:
    assert step <= steps


def means(curve: Curve) -> list[float]:
    return [point.mean for point in curve.points]


def test_gradients_of_all_lengths_add_up_to_the_gradient(
    network: keras.Model, by_length: Array, test: Split
) -> None:
    assert by_length.shape[:3:2] == (DIGITS, BLOCKS + 1)
    rest = keras.Model(network.get_layer("stem.conv").output, network.layers[-2].output)
    x = tf.constant(network.get_layer("stem.conv")(test.inputs()))
    with tf.GradientTape() as tape:
        tape.watch(x)
        chosen = tf.gather(rest(x), test.labels.astype(int), axis=1, batch_dims=1)
    found = by_length.sum(axis=2).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, tape.gradient(chosen, x), atol=1e-5)


def test_the_gradient_of_paths_without_branches_is_that_of_the_head(
    network: keras.Model, by_length: Array, test: Split
) -> None:
    kernel = numpy(network.get_layer("head.logits").kernel)
    expected = kernel.T[test.labels][:, :, None, None] / (14 * 14)
    found = by_length[:, :, 0]
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=1e-7)


def test_shares_of_linear_branches_are_binomial(test: Split) -> None:
    """Where F(x) = x, as kernels pass positive values on, every path has the same gradient."""
    network = randomise(stream(BLOCKS), 4)
    for weight in network.weights:
        if weight.path.startswith("stem"):
            weight.assign(np.abs(numpy(weight)))
        elif "conv" in weight.path:
            passes = np.zeros(weight.shape, np.float32)
            if weight.name == "kernel":
                passes[1, 1] = np.eye(weight.shape[-1])
            weight.assign(passes)
    expected = [comb(BLOCKS, k) / 2**BLOCKS for k in range(BLOCKS + 1)]
    for found in gradients_by_length(instrument(network), test):
        np.testing.assert_allclose(path_shares(found), expected, rtol=1e-5)


def test_derivatives_are_those_of_the_logit_along_the_line(
    network: keras.Model, test: Split
) -> None:
    lines = derivatives(network, test)
    assert lines.shape[1] == POINTS
    images, rng = test.inputs(), np.random.default_rng(28)
    a, b = rng.choice(DIGITS, 2, replace=False)
    ends = np.stack([images[a], images[b]])
    logits = numpy(keras.Model(network.input, network.layers[-2].output)(ends))[:, test.labels[b]]
    integral = np.trapezoid(lines[0], dx=1 / (POINTS - 1))
    assert integral == pytest.approx(logits[1] - logits[0], rel=0.02, abs=1e-3)


@pytest.mark.parametrize("count", [1, DIGITS])
def test_digits_of_one_class_have_no_lines_between_them(
    network: keras.Model, test: Split, count: int
) -> None:
    alike = Split(test.images[:count], np.full(count, 7, np.uint8))
    with pytest.raises(DatasetError, match="all test digits are 7s"):
        derivatives(network, alike)


def test_noise_is_alike_at_no_distance_and_a_constant_at_every() -> None:
    noise = autocorrelation(np.random.default_rng(6).normal(size=100_000).astype(np.float32))
    assert noise[0] == pytest.approx(1)
    assert np.abs(noise[1:]).max() < 0.02
    assert (autocorrelation(np.full(POINTS, 3, np.float32)) == 1).all()
    slow = autocorrelation(np.sin(np.linspace(0, 2 * np.pi, POINTS)).astype(np.float32))
    assert len(slow) == LAGS
    assert slow[1] > 0.99


def test_gradients_are_measured_at_the_start_and_at_the_end(
    network: keras.Model, test: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradient_measures, "LINES", 3)
    curves = {curve.name: curve for curve in measure_gradients(BlockChain(network), test, quiet)}
    assert sum(means(curves["paths"])) == pytest.approx(1, abs=1e-4)
    assert means(curves["autocorrelation.start"]) == [1.0] * LAGS  # the branches begin at zero
    assert np.std(means(curves["line.start"])) < 1e-4
    assert np.std(means(curves["line.trained"])) > 0.01
