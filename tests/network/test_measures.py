"""What is measured over depth, in other orders and of gradients equals Keras and arithmetic."""

from math import comb

import keras
import numpy as np
import pytest
import tensorflow as tf

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.experiment_results import Curve
from skiplens.engine.litert import LiteRTEngine
from skiplens.engine.model_folder import open_folder
from skiplens.mnist import Split
from skiplens.network import gradient_measures
from skiplens.network.architectures import ARCHITECTURES, stream
from skiplens.network.block_chain import BlockChain
from skiplens.network.block_measures import (
    measure_early_exits,
    measure_order,
    measure_votes,
    random_order,
)
from skiplens.network.gradient_measures import (
    LAGS,
    POINTS,
    autocorrelation,
    derivatives,
    measure_gradients,
    path_gradients,
    path_shares,
)
from skiplens.network.tracing import load_network
from skiplens.samples import load_samples
from skiplens.service.forward import run_network
from skiplens.service.gradients import shares_by_path_length
from tests.conftest import MODELS
from tests.network.tiny import numpy, randomise

BLOCKS = 3
DIGITS = 8


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return randomise(stream(BLOCKS), 1)


@pytest.fixture(scope="module")
def chain(network: keras.Model) -> BlockChain:
    return BlockChain(network)


@pytest.fixture(scope="module")
def plain() -> BlockChain:
    return BlockChain(randomise(stream(BLOCKS, "plain"), 2))


@pytest.fixture(scope="module")
def test() -> Split:
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (DIGITS, 28, 28), np.uint8)
    return Split(images, np.arange(DIGITS).astype(np.uint8))


def quiet(step: int, steps: int) -> None:
    assert step <= steps


def means(curve: Curve) -> list[float]:
    return [point.mean for point in curve.points]


def test_the_last_exit_is_the_network_and_the_first_a_network_without_blocks(
    chain: BlockChain, plain: BlockChain, test: Split
) -> None:
    for one in (chain, plain):
        (curve,) = measure_early_exits(one, test, quiet)
        assert [point.x for point in curve.points] == list(range(BLOCKS + 1))
        for order, mean in (((), means(curve)[0]), (None, means(curve)[-1])):
            answers = one.run(test.inputs(), order=order).argmax(axis=-1)
            assert mean == np.mean(answers == test.labels)


def test_exits_of_another_shape_are_networks_without_the_later_blocks(test: Split) -> None:
    resnet = BlockChain(randomise(ARCHITECTURES["mnist-resnet"](), 3))
    (curve,) = measure_early_exits(resnet, test, quiet)
    for depth, mean in enumerate(means(curve)):
        removed = range(depth, len(resnet.blocks))
        answers = resnet.without(test.inputs(), removed).argmax(axis=-1)
        assert mean == np.mean(answers == test.labels)
    assert measure_votes(resnet, test, quiet) == ()
    assert measure_order(resnet, test, quiet) == ()


def test_votes_and_bias_add_up_to_the_logits(
    network: keras.Model, chain: BlockChain, test: Split
) -> None:
    label, others = measure_votes(chain, test, quiet)
    assert (label.name, others.name) == ("label", "others")
    logits = numpy(keras.Model(network.input, network.layers[-2].output)(test.inputs()))
    logits = logits - numpy(network.get_layer("head.logits").bias)
    right = logits[np.arange(DIGITS), test.labels]
    assert sum(means(label)) == pytest.approx(right.mean(), rel=1e-3)
    assert sum(means(others)) == pytest.approx((logits.sum(axis=1) - right).mean() / 9, rel=1e-3)


def test_each_swap_puts_one_more_pair_the_wrong_way_round() -> None:
    for inversions in (0, 1, 7, 15):
        order = random_order(6, inversions, np.random.default_rng(inversions))
        assert sorted(order) == list(range(6))
        pairs = [(a, b) for at, a in enumerate(order) for b in order[at + 1 :]]
        assert sum(a > b for a, b in pairs) == inversions


def test_orders_reach_from_the_trained_to_the_reversed_one(chain: BlockChain, test: Split) -> None:
    (curve,) = measure_order(chain, test, quiet)
    assert (curve.points[0].x, curve.points[-1].x) == (0, 1)
    for point, order in ((curve.points[0], None), (curve.points[-1], (2, 1, 0))):
        answers = chain.run(test.inputs(), order=order).argmax(axis=-1)
        assert (point.mean, point.runs) == (np.mean(answers == test.labels), 1)


def test_gradients_of_all_lengths_add_up_to_the_gradient(
    network: keras.Model, chain: BlockChain, test: Split
) -> None:
    images = test.inputs()
    found = path_gradients(chain, images, test.labels)
    assert len(found) == BLOCKS + 1
    rest = keras.Model(network.get_layer("stem.conv").output, network.layers[-2].output)
    x = tf.constant(network.get_layer("stem.conv")(images))
    with tf.GradientTape() as tape:
        tape.watch(x)
        chosen = tf.gather(rest(x), test.labels.astype(int), axis=1, batch_dims=1)
    np.testing.assert_allclose(found.sum(axis=0), tape.gradient(chosen, x), atol=1e-5)


def test_the_gradient_of_paths_without_branches_is_that_of_the_head(
    network: keras.Model, chain: BlockChain, test: Split
) -> None:
    found = path_gradients(chain, test.inputs(), test.labels)
    kernel = numpy(network.get_layer("head.logits").kernel)
    expected = kernel.T[test.labels][:, None, None] / (14 * 14)
    np.testing.assert_allclose(found[0], np.broadcast_to(expected, found[0].shape), atol=1e-7)


def test_shares_of_linear_branches_are_binomial(test: Split) -> None:
    """Where F(x) = x, every path has the same gradient."""
    network = randomise(stream(BLOCKS), 4)
    chain = BlockChain(network)
    chain.apply = lambda at, maps: 2 * maps  # type: ignore[method-assign]
    found = path_shares(chain, test)
    expected = [comb(BLOCKS, k) / 2**BLOCKS for k in range(BLOCKS + 1)]
    np.testing.assert_allclose(found, np.tile(expected, (DIGITS, 1)), rtol=1e-5)


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


def test_noise_is_alike_at_no_distance_and_a_constant_at_every() -> None:
    noise = autocorrelation(np.random.default_rng(6).normal(size=100_000).astype(np.float32))
    assert noise[0] == pytest.approx(1)
    assert np.abs(noise[1:]).max() < 0.02
    assert (autocorrelation(np.full(POINTS, 3, np.float32)) == 1).all()
    slow = autocorrelation(np.sin(np.linspace(0, 2 * np.pi, POINTS)).astype(np.float32))
    assert len(slow) == LAGS
    assert slow[1] > 0.99


def test_gradients_are_measured_at_the_start_and_at_the_end(
    chain: BlockChain, test: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradient_measures, "LINES", 3)
    curves = {curve.name: curve for curve in measure_gradients(chain, test, quiet)}
    assert sum(means(curves["paths"])) == pytest.approx(1, abs=1e-4)
    assert means(curves["autocorrelation.start"]) == [1.0] * LAGS  # the branches begin at zero
    assert np.std(means(curves["line.start"])) < 1e-4
    assert np.std(means(curves["line.trained"])) > 0.01


def test_the_shares_of_one_digit_equal_those_of_keras() -> None:
    folder, sample = MODELS / "mnist-stream-6", load_samples()[0]
    engine = LiteRTEngine(open_folder(folder), 1, 0)
    forward = run_network(engine, sample.digit, AS_TRAINED)
    chain = BlockChain(load_network(folder / "network.keras"))
    split = Split(sample.digit.pixels[None], np.array([3], np.uint8))
    found = shares_by_path_length(forward, engine.weights, 3)
    np.testing.assert_allclose(found, path_shares(chain, split)[0], atol=1e-4)
