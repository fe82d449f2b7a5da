"""What is said of a block is true of its merge."""

from dataclasses import replace

import pytest

from skiplens.core.manifest import BlockInfo, LayerInfo
from skiplens.engine.base import Engine
from skiplens.web.pages import text
from skiplens.web.pages.format import MINUS, TIMES


@pytest.fixture
def block(engine: Engine) -> BlockInfo:
    """A block that adds."""
    return engine.manifest.blocks[0]


@pytest.mark.parametrize(
    ("merge", "formula"),
    [
        ("add", "output = ReLU(x + F(x))"),
        ("highway", f"output = ReLU(T(x) {TIMES} F(x) + (1 {MINUS} T(x)) {TIMES} x)"),
        ("multiply", f"output = ReLU(x {TIMES} F(x))"),
        ("average", "output = ReLU((x + F(x)) / 2)"),
        ("maximum", "output = ReLU(max(x, F(x)))"),
        ("concatenate", "output = ReLU([x, F(x)])"),
        ("custom", "output = ReLU(merge(x, F(x)))"),
        (None, "output = ReLU(F(x))"),
    ],
)
def test_the_formula_is_that_of_the_merge(block: BlockInfo, merge: str, formula: str) -> None:
    assert text.formula(replace(block, merge=merge)) == formula


def test_without_an_activation_there_is_no_relu(block: BlockInfo) -> None:
    bare = replace(block, output=str(block.sum))
    assert text.formula(bare) == "output = x + F(x)"


def test_each_merge_has_words_of_its_own(block: BlockInfo) -> None:
    merges = ("add", "highway", "multiply", "average", "maximum", "concatenate", "custom", None)
    words = [text.describe_block(replace(block, merge=merge)) for merge in merges]
    assert len(set(words)) == len(merges)


def test_a_sum_is_only_called_a_sum_where_it_is_one(engine: Engine, block: BlockInfo) -> None:
    manifest = engine.manifest
    layer = next(one for one in manifest.layers if one.name == block.sum)
    assert "x plus F(x)" in text.describe_layer(manifest, layer)
    other = replace(manifest, blocks=(replace(block, merge="multiply"), *manifest.blocks[1:]))
    assert f"x {TIMES} F(x)" in text.describe_layer(other, layer)


@pytest.mark.parametrize(
    ("role", "activation", "says"),
    [
        ("activation", "relu", "ReLU: values below zero become zero"),
        ("activation", "sigmoid", "An activation function, sigmoid, applied to each value."),
        ("activation", None, "An activation function, Own, applied to each value."),
        ("other", None, "A layer of type Own."),
    ],
)
def test_only_a_relu_is_called_one(
    engine: Engine, role: str, activation: str | None, says: str
) -> None:
    layer = LayerInfo("stem.own", "Own", role, None, (1, 1, 1), activation=activation)
    assert text.describe_layer(engine.manifest, layer).startswith(says)


def test_of_a_projection_no_shape_is_said_that_another_need_not_have(block: BlockInfo) -> None:
    words = text.describe_block(replace(block, identity="block1.identity"))
    assert "a projection gives x the shape of F(x)" in words
    assert not {"half", "twice"} & set(words.split())
