"""The networks that ship: as large, as deep and as named as they are said to be."""

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.network.architectures import ARCHITECTURES, classic, highway, plain, resnet
from skiplens.network.layers import HighwayGate, Residual
from tests.network.tiny import images, numpy


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

    assert leaves(plain()) == leaves(resnet())
    assert not [layer for layer in plain().layers if isinstance(layer, Residual)]
    projections = [layer.shortcut for layer in resnet().layers if isinstance(layer, Residual)]
    missing = sum(shortcut.count_params() for shortcut in projections if shortcut)
    assert resnet().count_params() - plain().count_params() == missing > 0


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
