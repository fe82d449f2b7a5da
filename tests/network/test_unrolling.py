"""Graphs that are no plain chain: branches that fork, models in models, blocks in blocks."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers, ops

from skiplens.errors import CompileError
from skiplens.network.layers import Residual
from skiplens.network.tracing import InstrumentedModel, instrument
from tests.network.tiny import Array, Tensor, images, numpy, randomise

WIDTH = 3


def conv(name: str) -> layers.Layer:
    return layers.Conv2D(WIDTH, 3, padding="same", name=name)


def network(body: Callable[[Tensor], Tensor]) -> keras.Model:
    """A stem, what is to be unrolled, and a head."""
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(WIDTH, 3, strides=4, padding="same", name="stem.conv")(image)
    x = layers.GlobalAveragePooling2D(name="head.pool")(body(x))
    return randomise(keras.Model(image, layers.Dense(4, name="head.logits")(x)))


def outputs(
    traced: InstrumentedModel, branch_scales: list[float] | None = None
) -> dict[str, Array]:
    inputs = {"image": images()}
    if "branch_scales" in traced.model.input:
        width = traced.model.input["branch_scales"].shape[-1]
        inputs["branch_scales"] = np.array([branch_scales or [1.0] * width], np.float32)
    return {name: numpy(value) for name, value in traced.model(inputs, training=False).items()}


def agrees(model: keras.Model) -> dict[str, Array]:
    """What the traced network puts out, after it was held against the network itself."""
    found = outputs(instrument(model))
    wanted = numpy(model(images(), training=False))
    np.testing.assert_allclose(found["head.logits"], wanted, rtol=1e-4, atol=1e-6)
    return found


def forking_branch(entry: Tensor) -> keras.Model:
    left, right = conv("block1.left")(entry), conv("block1.right")(entry)
    return keras.Model(entry, layers.Multiply(name="block1.product")([left, right]))


def test_a_functional_branch_is_opened() -> None:
    branch = forking_branch(keras.Input((7, 7, WIDTH)))
    found = agrees(network(Residual(branch, name="block1")))
    product = found["block1.left"] * found["block1.right"]
    np.testing.assert_allclose(found["block1.product"], product, rtol=1e-5)
    assert np.array_equal(found["block1.residual"], found["block1.product"])


def test_a_sum_of_kerass_own_is_recorded_with_both_its_inputs() -> None:
    def body(x: Tensor) -> Tensor:
        x = layers.ReLU(name="stem.output")(x)
        return layers.Add(name="block1.sum")([x, conv("block1.conv")(x)])

    model = network(body)
    found = agrees(model)
    total = found["stem.output"] + found["block1.conv"]
    np.testing.assert_allclose(found["block1.sum"], total, rtol=1e-6)
    info = next(layer for layer in instrument(model).layers if layer.name == "block1.sum")
    assert (info.kind, info.role, info.block) == ("Add", "sum", "block1")


def test_functions_of_keras_count_as_layers_without_weights() -> None:
    def body(x: Tensor) -> Tensor:
        return ops.relu(x) + ops.multiply(conv("second")(x), 0.5)

    model = network(body)
    agrees(model)
    kinds = {layer.kind: layer.parameters for layer in instrument(model).layers}
    assert kinds["Relu"] == kinds["Multiply"] == kinds["Add"] == 0


def test_models_in_models_are_opened() -> None:
    inner = keras.Sequential([conv("inner.conv"), layers.ReLU(name="inner.relu")], name="inner")
    outer = keras.Sequential([inner, conv("outer.conv")], name="outer")
    found = agrees(network(outer))
    assert np.array_equal(found["inner.relu"], np.maximum(found["inner.conv"], 0))
    assert "outer" not in found


def nested() -> keras.Model:
    inside = Residual(conv("block1.inner.conv"), name="inner")
    branch = keras.Sequential([inside, conv("block1.conv")], name="block1.branch")

    def body(x: Tensor) -> Tensor:
        x = Residual(branch, name="block1")(x)
        return Residual(conv("block2.conv"), merge="maximum", name="block2")(x)

    return network(body)


def test_nested_blocks_are_each_opened_and_switched_by_their_own_gate() -> None:
    model = nested()
    traced = instrument(model, routes=True)
    whole = agrees(model)
    assert [block.name for block in traced.blocks] == ["inner", "block1", "block2"]
    assert [block.can_disable for block in traced.blocks] == [True, True, False]
    inner, block1 = traced.blocks[:2]
    assert inner.input == block1.input == "stem.conv"
    without_inner = outputs(traced, [0.0, 1.0])
    assert np.array_equal(without_inner["inner.sum"], whole["stem.conv"])
    assert without_inner["block1.residual"].any()
    without_outer = outputs(traced, [1.0, 0.0])
    assert np.array_equal(without_outer["block1.sum"], whole["stem.conv"])
    assert without_outer["inner.residual"].any()


def test_vectors_can_be_switched_too() -> None:
    def body(x: Tensor) -> Tensor:
        x = layers.GlobalMaxPooling2D(name="stem.pool", keepdims=False)(x)
        x = Residual(layers.Dense(WIDTH, name="block1.dense"), name="block1")(x)
        return layers.Reshape((1, 1, WIDTH), name="reshape")(x)

    model = network(body)
    found, off = agrees(model), outputs(instrument(model), [0.0])
    assert found["block1.residual"].shape == (1, WIDTH)
    assert np.array_equal(off["block1.sum"], found["stem.pool"])


def test_dropout_before_a_block_is_looked_through() -> None:
    def body(x: Tensor) -> Tensor:
        x = layers.ReLU(name="stem.output")(x)
        x = layers.Dropout(0.5, name="stem.dropout")(x, training=True)
        return Residual(conv("block1.conv"), name="block1")(x)

    traced = instrument(network(body))
    assert traced.blocks[0].input == "stem.output"
    assert "stem.dropout" not in {layer.name for layer in traced.layers}
    found = outputs(traced)
    total = found["stem.output"] + found["block1.residual"]
    np.testing.assert_allclose(found["block1.sum"], total, atol=1e-6)


def test_a_block_without_an_activation_puts_out_its_sum() -> None:
    block = instrument(network(Residual(conv("block1.conv"), name="block1"))).blocks[0]
    assert block.output == block.sum == "block1.sum"


class Opaque(keras.Model):  # type: ignore[misc]  # keras ships no types
    """A model that can be called but not walked."""

    def __init__(self) -> None:
        super().__init__(name="opaque")
        self.inside = conv("inside")

    def call(self, x: Tensor) -> Tensor:
        return self.inside(x)


def test_a_subclassed_model_inside_counts_as_one_layer() -> None:
    found = agrees(network(Opaque()))
    assert "opaque" in found
    assert "inside" not in found


def test_a_name_used_twice_is_refused() -> None:
    shared = layers.ReLU(name="relu")
    with pytest.raises(CompileError, match=r"layer name 'relu' occurs twice"):
        instrument(network(lambda x: shared(conv("second")(shared(x)))))
    twins = [keras.Sequential([conv("same")], name=name) for name in ("first", "second")]
    with pytest.raises(CompileError, match=r"layer name 'same' occurs twice"):
        instrument(network(lambda x: twins[1](twins[0](x))))


def test_a_block_on_the_bare_image_is_refused() -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), Residual(layers.Conv2D(1, 3, padding="same"))]
    )
    with pytest.raises(
        CompileError, match=r"block 'residual.*' must follow a layer with feature maps"
    ):
        instrument(model)
