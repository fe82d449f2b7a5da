"""Experiments equal Keras networks that are built that way, and are measured once."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.core.experiment_results import Curve, curve_point
from skiplens.errors import TrainingError
from skiplens.mnist import Split
from skiplens.network import block_measures, gradient_measures
from skiplens.network.architectures import ARCHITECTURES, stream
from skiplens.network.block_chain import BlockChain, MeasureCurves
from skiplens.network.block_measures import (
    measure,
    measure_early_exits,
    measure_order,
    measure_votes,
    random_order,
    subsets,
)
from skiplens.network.residual import Residual
from tests.network.tiny import SAVES_WITH_KERAS, numpy, randomise

BLOCKS = 4
DIGITS = 8


@pytest.fixture(scope="module")
def residual() -> keras.Model:
    return randomise(stream(BLOCKS), 1)


@pytest.fixture(scope="module")
def plain() -> keras.Model:
    return randomise(stream(BLOCKS, "plain"), 2)


@pytest.fixture(scope="module")
def test() -> Split:
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (DIGITS, 28, 28), np.uint8)
    return Split(images, np.arange(DIGITS).astype(np.uint8))


def quiet(step: int, steps: int) -> None:
    assert step <= steps


def images() -> np.ndarray:
    return np.random.default_rng(3).random((5, 28, 28, 1), dtype=np.float32)


def built(network: keras.Model, order: list[int], factor: float = 1.0) -> np.ndarray:
    """The answers of a network that is built anew from the same layers."""
    x = network.get_layer("stem.conv")(network.input)
    for at in order:
        name = f"block{at + 1}"
        branch = x
        for layer in ("relu1", "conv1", "relu2", "conv2"):
            branch = _layer(network, name, layer)(branch)
        x = branch if "plain" in network.name else layers.Add()([x, factor * branch])
    for layer in network.layers[-3:]:
        x = layer(x)
    return np.asarray(keras.Model(network.input, x)(images()))


def _layer(network: keras.Model, block: str, layer: str) -> layers.Layer:
    found = [one for one in network.layers if one.name == f"{block}.{layer}"]
    if found:
        return found[0]
    residual = network.get_layer(block)
    assert isinstance(residual, Residual)
    return residual.layer.get_layer(f"{block}.{layer}")


def test_a_chain_as_trained_is_the_network(residual: keras.Model, plain: keras.Model) -> None:
    for network in (residual, plain):
        found = BlockChain(network).run(images())
        np.testing.assert_allclose(found, np.asarray(network(images())), atol=1e-5)


def test_removed_blocks_equal_a_network_without_them(
    residual: keras.Model, plain: keras.Model
) -> None:
    for network in (residual, plain):
        found = BlockChain(network).without(images(), (1, 2))
        np.testing.assert_allclose(found, built(network, [0, 3]), atol=1e-5)


def test_reordered_blocks_equal_a_network_in_that_order(residual: keras.Model) -> None:
    found = BlockChain(residual).run(images(), order=[2, 0, 1, 3])
    np.testing.assert_allclose(found, built(residual, [2, 0, 1, 3]), atol=1e-5)


def test_a_single_block_has_no_other_order_and_none_is_told() -> None:
    test = Split(np.zeros((4, 28, 28), np.uint8), np.zeros(4, np.uint8))
    one = BlockChain(randomise(stream(1), 3))
    assert measure_order(one, test, quiet) == ()
    image = keras.Input((28, 28, 1))
    with pytest.raises(TrainingError, match="has no blocks"):
        BlockChain(keras.Model(image, layers.Softmax()(layers.Flatten()(image))))


def test_scaled_branches_equal_a_network_that_scales_them(residual: keras.Model) -> None:
    scales = {f"block{at + 1}": 0.5 for at in range(BLOCKS)}
    found = BlockChain(residual).run(images(), scales=scales)
    np.testing.assert_allclose(found, built(residual, [*range(BLOCKS)], 0.5), atol=1e-5)


def test_few_subsets_are_all_taken_and_of_many_some_with_a_seed() -> None:
    rng = np.random.default_rng(1)
    assert len(subsets(6, 3, rng)) == 20
    assert len(subsets(6, 0, rng)) == 1
    drawn = [subsets(27, 9, np.random.default_rng(1)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == block_measures.SUBSETS
    assert all(len(set(one)) == 9 for one in drawn[0])


def test_the_block_that_is_missed_least_is_removed_first(residual: keras.Model) -> None:
    rng = np.random.default_rng(5)
    digits = Split(
        rng.integers(0, 256, (12, 28, 28), np.uint8), rng.integers(0, 10, 12).astype(np.uint8)
    )
    chain, choosing, others = BlockChain(residual), digits[::2], digits[1::2]
    curves = block_measures.measure_least_needed(chain, digits, quiet)
    assert sorted(curve.name for curve in curves) == ["block1", "block2", "block3", "block4"]

    def likelihood(removed: list[int]) -> float:
        found = chain.without(choosing.inputs(), removed)
        return float(np.log(found[range(6), choosing.labels]).sum())

    order = [int(curve.name.removeprefix("block")) - 1 for curve in curves]
    for count, curve in enumerate(curves, 1):
        left = [at for at in range(BLOCKS) if at not in order[: count - 1]]
        best = max(likelihood([*order[: count - 1], at]) for at in left)
        assert likelihood(order[:count]) == pytest.approx(best)
        right = chain.without(others.inputs(), order[:count]).argmax(axis=-1)
        assert curve.points == (curve_point(count, [float(np.mean(right == others.labels))]),)


def means(curve: Curve) -> list[float]:
    return [point.mean for point in curve.points]


def test_the_last_exit_is_the_network_and_the_first_a_network_without_blocks(
    residual: keras.Model, plain: keras.Model, test: Split
) -> None:
    for one in (BlockChain(residual), BlockChain(plain)):
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


def test_votes_and_bias_add_up_to_the_logits(residual: keras.Model, test: Split) -> None:
    label, others = measure_votes(BlockChain(residual), test, quiet)
    assert (label.name, others.name) == ("label", "others")
    logits = numpy(keras.Model(residual.input, residual.layers[-2].output)(test.inputs()))
    logits = logits - numpy(residual.get_layer("head.logits").bias)
    right = logits[np.arange(DIGITS), test.labels]
    assert sum(means(label)) == pytest.approx(right.mean(), rel=1e-3)
    assert sum(means(others)) == pytest.approx((logits.sum(axis=1) - right).mean() / 9, rel=1e-3)


def test_each_swap_puts_one_more_pair_the_wrong_way_round() -> None:
    for inversions in (0, 1, 7, 15):
        order = random_order(6, inversions, np.random.default_rng(inversions))
        assert sorted(order) == list(range(6))
        pairs = [(a, b) for at, a in enumerate(order) for b in order[at + 1 :]]
        assert sum(a > b for a, b in pairs) == inversions


def test_orders_reach_from_the_trained_to_the_reversed_one(
    residual: keras.Model, test: Split
) -> None:
    chain = BlockChain(residual)
    (curve,) = measure_order(chain, test, quiet)
    assert (curve.points[0].x, curve.points[-1].x) == (0, 1)
    for point, order in ((curve.points[0], None), (curve.points[-1], range(BLOCKS)[::-1])):
        answers = chain.run(test.inputs(), order=order).argmax(axis=-1)
        assert (point.mean, point.runs) == (np.mean(answers == test.labels), 1)


def test_the_spread_is_the_standard_deviation_over_runs() -> None:
    assert curve_point(2, [0.5, 0.7]) == curve_point(2, [0.7, 0.5])
    assert curve_point(2, [0.5, 0.7]).spread == pytest.approx(0.2 / 2**0.5, abs=1e-6)
    assert curve_point(2, [0.5]).spread == 0


def one_block(end: layers.Layer, shape: tuple[int, int, int] = (28, 28, 1)) -> keras.Model:
    x = layers.Conv2D(4, 3, strides=8, padding="same")(image := keras.Input(shape))
    return randomise(keras.Model(image, end(Residual(layers.Conv2D(4, 3, padding="same"))(x))))


@SAVES_WITH_KERAS
@pytest.mark.parametrize(
    ("end", "lines"),
    [
        ([layers.Conv2D(10, 1), layers.GlobalAveragePooling2D(), layers.Softmax()], True),
        ([layers.Flatten(), layers.Dense(10, "sigmoid")], False),
    ],
    ids=["convolution", "sigmoid"],
)
def test_networks_of_digits_are_measured_however_they_end(
    end: list[layers.Layer], lines: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_block(keras.Sequential(end)).save(tmp_path / "network.keras")
    monkeypatch.setattr(gradient_measures, "LINES", 1)
    digits = np.random.default_rng(4).integers(0, 256, (10, 28, 28), np.uint8)
    measure(tmp_path, Split(digits, np.arange(10, dtype=np.uint8)))
    stored = json.loads((tmp_path / "experiments.json").read_text(encoding="utf-8"))
    found = {one["experiment"]: one["curves"] for one in stored["experiments"]}
    assert list(found) == list(block_measures.MEASURES)
    assert bool(found["gradients"]) == lines
    assert found["scale"]
    assert found["classes"]


def test_blocks_with_layers_between_are_no_chain() -> None:
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=8, padding="same")(image)
    x = Residual(layers.Conv2D(4, 3, padding="same"))(x)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = Residual(layers.Conv2D(4, 3, padding="same"))(x)
    output = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    with pytest.raises(TrainingError, match="do not follow one another directly"):
        BlockChain(keras.Model(image, output))


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((32, 32, 3), 10, "10 classes of images of 32 x 32 x 3"),
        ((28, 28, 1), 3, "3 classes of images of 28 x 28 x 1"),
    ],
)
def test_networks_of_other_images_are_refused(
    shape: tuple[int, int, int], classes: int, message: str
) -> None:
    end = keras.Sequential([layers.Flatten(), layers.Dense(classes)])
    with pytest.raises(TrainingError, match=message):
        BlockChain(one_block(end, shape))


@SAVES_WITH_KERAS
def test_what_is_missing_is_measured_and_stored(
    residual: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    residual.save(tmp_path / "network.keras")
    rng = np.random.default_rng(4)
    test = Split(
        rng.integers(0, 256, (40, 28, 28), np.uint8), rng.integers(0, 10, 40).astype(np.uint8)
    )
    measured: list[str] = []

    def fake(name: str) -> MeasureCurves:
        def one(chain: BlockChain, split: Split, on_step: object) -> tuple[Curve, ...]:
            measured.append(name)
            assert len(split) == 40
            return ()

        return one

    real = block_measures.MEASURES["removal"]
    monkeypatch.setattr(block_measures, "MEASURES", {"removal": real, "scale": fake("scale")})
    measure(tmp_path, test, ("removal",))
    stored = json.loads((tmp_path / "experiments.json").read_text(encoding="utf-8"))
    (removal,) = stored["experiments"]
    points = removal["curves"][0]["points"]
    assert [point["runs"] for point in points] == [1, 4, 6, 4, 1]
    assert not measured
    measure(tmp_path, test)
    measure(tmp_path, test)
    assert measured == ["scale"]
    residual.get_layer("head.logits").bias.assign_add(np.ones(10))
    residual.save(tmp_path / "network.keras")
    monkeypatch.setitem(block_measures.MEASURES, "removal", fake("removal"))
    measure(tmp_path, test)
    assert measured == ["scale", "removal", "scale"]
