"""Residual streams: votes, early exits and reordered blocks equal Keras models built that way."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.core.block_order import BlockOrder
from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.engine.litert import run_once
from skiplens.engine.select import open_engines
from skiplens.network.architectures import stream
from skiplens.network.compiling import compile_network
from skiplens.network.tracing import load_network
from skiplens.service.early_exits_and_votes import early_exits, votes
from skiplens.service.forward import ForwardPass, run_network, run_reordered
from tests.conftest import MAX_WAITING, MODELS
from tests.network.tiny import SAVES_WITH_KERAS, numpy, randomise, without_gradients

pytestmark = SAVES_WITH_KERAS

BLOCKS = 4
ORDERS = [(3, 1, 0, 2), (0, 2, 1, 3), (3, 2, 1, 0)]
SCALES = [AS_TRAINED, Scales((("block2", 0.0), ("block3", -0.5)))]


@cache
def networks() -> Mapping[str, keras.Model]:
    return {
        "stream": randomise(stream(BLOCKS), 1),
        "plain": randomise(stream(BLOCKS, "plain"), 2),
        "gated": load_network(MODELS / "mnist-highway" / "network.keras"),
    }


@pytest.fixture(scope="module")
def engines(
    engines: Mapping[str, Engine], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Engine]:
    folder: Path = tmp_path_factory.mktemp("streams")
    for name in ("stream", "plain"):
        (folder / name).mkdir()
        networks()[name].save(folder / name / "network.keras")
        with without_gradients():
            compile_network(folder / name, run_once)
    opened = open_engines(folder, "litert", 1, MAX_WAITING)
    return {**opened, "gated": engines["mnist-highway"]}


def names(order: tuple[int, ...]) -> BlockOrder:
    return BlockOrder(tuple(f"block{at + 1}" for at in order))


def built(network: keras.Model, order: tuple[int, ...], scales: Scales) -> keras.Model:
    """A stream built anew with its blocks in that order; every sum by the block's name."""
    x = image = keras.Input((28, 28, 1))
    x = network.get_layer("stem.conv")(x)
    sums = {}
    for at in order:
        name = f"block{at + 1}"
        block = network.get_layer(name)
        x = x + scales.of(name) * block.layer(x)
        sums[f"{name}.sum"] = x
    x = network.get_layer("head.logits")(network.get_layer("head.pool")(x))
    return keras.Model(image, sums | {"head.logits": x, "head.probabilities": layers.Softmax()(x)})


@pytest.mark.parametrize("scales", SCALES, ids=str)
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_reordered_blocks_equal_a_network_built_in_that_order(
    order: tuple[int, ...], scales: Scales, engines: Mapping[str, Engine], digit: Digit
) -> None:
    forward = run_reordered(engines["stream"], digit, scales, names(order))
    expected = built(networks()["stream"], order, scales)(digit.as_input())
    assert tuple(block.name for block in forward.manifest.blocks) == forward.order.names
    for name, value in expected.items():
        close(forward.activations[name].reshape(value.shape[1:]), numpy(value)[0])
    for before, block in zip(forward.manifest.blocks, forward.manifest.blocks[1:], strict=False):
        assert (block.input, block.identity) == (before.output, before.output)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    magnitude = float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, atol=1e-4 * magnitude)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_so_do_those_of_a_plain_stack(
    order: tuple[int, ...], engines: Mapping[str, Engine], digit: Digit
) -> None:
    network = networks()["plain"]
    x = image = keras.Input((28, 28, 1))
    x = network.get_layer("stem.conv")(x)
    for at in order:
        for part in ("relu1", "conv1", "relu2", "conv2"):
            x = network.get_layer(f"block{at + 1}.{part}")(x)
    x = network.get_layer("head.logits")(network.get_layer("head.pool")(x))
    forward = run_reordered(engines["plain"], digit, AS_TRAINED, names(order))
    expected = numpy(keras.Model(image, x)(digit.as_input()))[0]
    close(forward.activations["head.logits"].reshape(-1), expected)


def test_so_do_gated_blocks_with_norms(engines: Mapping[str, Engine], digit: Digit) -> None:
    network, order = networks()["gated"], (5, 0, 2, 1, 4, 3)
    x = image = keras.Input((28, 28, 1))
    for name in ("stem.conv", "stem.norm", "stem.output"):
        x = network.get_layer(name)(x)
    for at in order:
        for name in (f"block{at + 1}", f"block{at + 1}.output"):
            x = network.get_layer(name)(x)
    x = network.get_layer("head.logits")(network.get_layer("head.pool")(x))
    forward = run_reordered(engines["gated"], digit, AS_TRAINED, names(order))
    expected = numpy(keras.Model(image, x)(digit.as_input()))[0]
    close(forward.activations["head.logits"].reshape(-1), expected)


def test_the_trained_order_is_the_network(engines: Mapping[str, Engine], digit: Digit) -> None:
    engine = engines["stream"]
    forward = run_reordered(engine, digit, AS_TRAINED, BlockOrder())
    assert forward.manifest is engine.manifest
    trained = [block.name for block in engine.manifest.blocks]
    assert BlockOrder.of(trained, trained) == BlockOrder()
    moved = BlockOrder().with_move("block1", 2, trained)
    assert moved.text(trained) == "block2,block3,block1"
    assert moved.with_move("block1", 0, trained) == BlockOrder()


def passes(engine: Engine, digit: Digit) -> list[ForwardPass]:
    found = [run_network(engine, digit, scales) for scales in SCALES]
    return [*found, run_reordered(engine, digit, SCALES[1], names(ORDERS[0]))]


def test_votes_add_up_to_the_logits(engines: Mapping[str, Engine], digit: Digit) -> None:
    engine, network = engines["stream"], networks()["stream"]
    kernel, bias = (numpy(weight) for weight in network.get_layer("head.logits").weights)
    for forward in passes(engine, digit):
        found = votes(forward, engine.weights)
        total = found.bias + found.stem + sum(one.total for one in found.blocks)
        order = [int(block.name.removeprefix("block")) - 1 for block in forward.manifest.blocks]
        outputs = built(network, tuple(order), forward.scales)(digit.as_input())
        close(total, numpy(outputs["head.logits"])[0])
        close(found.logits, numpy(outputs["head.logits"])[0])
        np.testing.assert_array_equal(found.bias, bias)
        x = numpy(network.get_layer("stem.conv")(digit.as_input()))[0]
        close(found.stem, x.mean(axis=(0, 1)) @ kernel)
        for one in found.blocks:
            after = numpy(outputs[f"{one.block}.sum"])[0]
            close(one.total, (after - x).mean(axis=(0, 1)) @ kernel)
            close(one.filters, (after - x).mean(axis=(0, 1))[:, None] * kernel)
            x = after


def test_early_exits_are_the_head_at_every_depth(
    engines: Mapping[str, Engine], digit: Digit
) -> None:
    engine, network = engines["stream"], networks()["stream"]
    pool, dense = network.get_layer("head.pool"), network.get_layer("head.logits")
    for forward in passes(engine, digit):
        order = [int(block.name.removeprefix("block")) - 1 for block in forward.manifest.blocks]
        outputs = built(network, tuple(order), forward.scales)(digit.as_input())
        found = early_exits(forward, engine.weights)
        depths = [f"block{at + 1}.sum" for at in order]
        assert [one.after for one in found] == ["stem.conv", *depths]
        for one in found[1:]:
            expected = keras.ops.softmax(dense(pool(outputs[one.after])))
            np.testing.assert_allclose(one.probabilities, numpy(expected)[0], atol=1e-4)


def test_each_exit_is_the_network_with_every_later_branch_off(
    engines: Mapping[str, Engine], digit: Digit
) -> None:
    engine = engines["stream"]
    found = early_exits(run_network(engine, digit, AS_TRAINED), engine.weights)
    for at, one in enumerate(found):
        scales = Scales(tuple((f"block{n}", 0.0) for n in range(at + 1, BLOCKS + 1)))
        cut = run_network(engine, digit, scales)
        np.testing.assert_allclose(one.probabilities, cut.probabilities, atol=1e-5)
