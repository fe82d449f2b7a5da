"""The shipped architectures and their titles."""

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.core.ladder import LADDER
from skiplens.network.architectures import (
    ARCHITECTURES,
    TITLES,
    classic,
    highway,
    plain,
    resnet,
    rows,
    stream,
    title_of,
)
from skiplens.network.residual import HighwayGate, Residual
from tests.network.tiny import images, numpy, randomise


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_takes_a_digit_and_gives_probabilities_under_its_own_name(name: str) -> None:
    network = ARCHITECTURES[name]()
    assert network.name == name
    probabilities = numpy(network(images(2), training=False))
    assert probabilities.shape == (2, 10)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-5)


def test_the_default_network_has_about_175_000_parameters() -> None:
    assert resnet().count_params() == pytest.approx(175_000, rel=0.02)


def test_the_staged_networks_have_two_blocks_at_each_width() -> None:
    outputs = [layer.output.shape[1:] for layer in resnet().layers if "output" in layer.name]
    widths = [(28, 28, 16)] * 3 + [(14, 14, 32)] * 2 + [(7, 7, 64)] * 2
    assert outputs == widths


def test_the_plain_twin_lacks_the_identity_paths_and_nothing_else() -> None:
    def leaves(network: keras.Model) -> dict[str, int]:
        found: dict[str, int] = {}
        for layer in network.layers:
            inner = layer.layer.layers if isinstance(layer, Residual) else [layer]
            found |= {one.name: one.count_params() for one in inner if one.count_params()}
        return found

    with_skips, without = resnet(), plain()
    assert leaves(without) == leaves(with_skips)
    assert not [layer for layer in without.layers if isinstance(layer, Residual)]
    projections = [layer.shortcut for layer in with_skips.layers if isinstance(layer, Residual)]
    missing = sum(shortcut.count_params() for shortcut in projections if shortcut)
    assert with_skips.count_params() - without.count_params() == missing > 0


def test_highway_gates_start_almost_shut_at_one_width() -> None:
    blocks = [layer for layer in highway().layers if isinstance(layer, Residual)]
    assert len(blocks) == 6
    assert len({block.output.shape for block in blocks}) == 1
    for block in blocks:
        assert isinstance(block.merge, HighwayGate)
        assert np.array_equal(numpy(block.merge.layer.bias), np.full(26, -2.0, np.float32))


def test_the_classic_network_is_that_of_2016() -> None:
    network = classic()
    found = [type(layer).__name__ for layer in network.layers]
    stem = ["InputLayer", "Conv2D", "ReLU", "Conv2D", "ReLU"]
    head = ["MaxPooling2D", "Flatten", "Dropout", "Dense", "Softmax"]
    assert found == [*stem, *["Residual", "ReLU"] * 5, *head]
    convs = [9 * 64 + 64, 9 * 64 * 8 + 8, *[9 * 8 * 8 + 8] * 5]
    assert network.count_params() == sum(convs) + 14 * 14 * 8 * 10 + 10
    assert network.get_layer("head.dropout").rate == 0.5
    assert network.get_layer("head.pool").pool_size == (2, 2)
    assert {layer.merge.__name__ for layer in network.layers if isinstance(layer, Residual)} == {
        "add"
    }
    assert all(
        isinstance(layer.layer, layers.Conv2D)
        for layer in network.layers
        if isinstance(layer, Residual)
    )


def test_nothing_stands_on_the_stream_but_sums() -> None:
    network = stream(6)
    blocks = [layer for layer in network.layers if isinstance(layer, Residual)]
    assert [layer.name for layer in blocks] == [f"block{index}" for index in range(1, 7)]
    kinds = [type(layer).__name__ for layer in network.layers]
    head = ["GlobalAveragePooling2D", "Dense", "Softmax"]
    assert kinds == ["InputLayer", "Conv2D", *["Residual"] * 6, *head]
    assert {layer.output.shape[1:] for layer in blocks} == {(14, 14, 16)}
    assert all(layer.shortcut is None for layer in blocks)


def test_the_stream_begins_as_the_identity() -> None:
    network = stream(6)
    ends = ("stem.conv", "block6", "block1")
    model = keras.Model(network.input, [network.get_layer(name).output for name in ends])
    stem, last, first = (numpy(value) for value in model(images(2)))
    assert np.array_equal(last, stem)
    assert np.array_equal(first, stem)
    assert np.ptp(stem) > 0


def test_the_logits_of_the_stream_are_a_sum_of_the_blocks_shares() -> None:
    network = randomise(stream(6))
    ends = ("stem.conv", *(f"block{index}" for index in range(1, 7)), "head.logits")
    model = keras.Model(network.input, [network.get_layer(name).output for name in ends])
    *depths, logits = (numpy(value) for value in model(images(2)))
    kernel, bias = (numpy(weight) for weight in network.get_layer("head.logits").weights)
    added = np.diff(np.stack(depths), axis=0)
    shares = [one.mean(axis=(1, 2)) @ kernel for one in (depths[0], *added)]
    np.testing.assert_allclose(bias + np.sum(shares, axis=0), logits, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("blocks", LADDER)
def test_stream_and_plain_stack_have_the_same_layers(blocks: int) -> None:
    def weights(network: keras.Model) -> dict[str, tuple[int, ...]]:
        return {"/".join(one.path.split("/")[-2:]): one.shape for one in network.weights}

    residual = stream(blocks)
    assert weights(residual) == weights(stream(blocks, "plain"))
    assert residual.count_params() == 160 + blocks * 2 * (9 * 256 + 16) + 170


def test_the_plain_stack_keeps_the_scale_of_what_it_is_given() -> None:
    keras.utils.set_random_seed(0)
    network = stream(27, "plain")
    ends = ("block1.output", "block27.output")
    model = keras.Model(network.input, [network.get_layer(name).output for name in ends])
    first, last = (float(numpy(value).std()) for value in model(images(8)))
    assert 1e-3 < last / first < 1e3  # other initialisations miss it by a factor at every layer


def test_rows_are_read_one_after_another_and_blocks_add_their_states() -> None:
    network = randomise(rows())
    ends = ("stem.rows", "stem.output", "block1", "block2", "head.pool")
    model = keras.Model(network.input, [network.get_layer(name).output for name in ends])
    digits = images(2)
    steps, x, first, second, pooled = (numpy(value) for value in model(digits))
    assert np.array_equal(steps, digits[..., 0])
    assert x.shape == first.shape == second.shape == (2, 28, 64)
    states = network.get_layer("block2").layer.layers[0]
    assert (states.forward_layer.units, states.merge_mode) == (32, "concat")
    np.testing.assert_allclose(second - first, numpy(states(first)), rtol=1e-4, atol=1e-5)
    assert np.array_equal(pooled, second.max(axis=1))
    cut = digits.copy()
    cut[:, 14:] = 0  # what reads downwards knows nothing of the rows below
    found = numpy(model(cut)[2])
    np.testing.assert_allclose(found[:, :14, :32], first[:, :14, :32], rtol=1e-4, atol=1e-5)
    assert not np.allclose(found[:, :14, 32:], first[:, :14, 32:], atol=1e-2)


def test_the_twin_of_the_rows_has_the_same_layers() -> None:
    residual, without = rows(), rows("plain")
    assert [one.shape for one in residual.weights] == [one.shape for one in without.weights]
    assert not [layer for layer in without.layers if isinstance(layer, Residual)]
    assert residual.count_params() == without.count_params()


def test_every_network_that_ships_has_its_own() -> None:
    assert TITLES.keys() == ARCHITECTURES.keys()
    assert len({title.title for title in TITLES.values()}) == len(TITLES)
    assert all(title.summary.endswith(".") for title in TITLES.values())
    assert title_of("mnist-classic") == TITLES["mnist-classic"]


def test_any_other_is_called_by_its_id() -> None:
    assert title_of("my-network") == ("my-network", "A network compiled by its user.")
