"""Descriptions and symbols of blocks are true of their merge."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit
from skiplens.core.manifest import BlockInfo, LayerInfo
from skiplens.engine.base import Engine
from skiplens.service.registry import find_layer
from skiplens.web.pages import fmt, text
from skiplens.web.pages.fmt import MINUS, TIMES
from tests.web.pages.conftest import Look


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
    bare = replace(block, output=str(block.sum), rectified=False)
    assert text.formula(bare) == "output = x + F(x)"


def test_each_merge_has_its_own_description(engine: Engine, block: BlockInfo) -> None:
    merges = ("add", "highway", "multiply", "average", "maximum", "concatenate", "custom", None)
    words = [text.describe_block(replace(block, merge=merge), engine.manifest) for merge in merges]
    assert len(set(words)) == len(merges)


def test_one_factor_for_a_whole_map_is_told_from_one_for_each_value(
    engine: Engine, block: BlockInfo
) -> None:
    factor = replace(block, merge="multiply")
    assert "a factor for each value" in text.describe_block(factor, engine.manifest)
    layers = tuple(
        replace(layer, shape=(1, 1, layer.shape[2])) if layer.name == block.residual else layer
        for layer in engine.manifest.layers
    )
    of_maps = text.describe_block(factor, replace(engine.manifest, layers=layers))
    assert "a factor for each filter" in of_maps


def test_a_sum_is_only_called_a_sum_where_it_is_one(engine: Engine, block: BlockInfo) -> None:
    manifest = engine.manifest
    layer = next(item for item in manifest.layers if item.name == block.sum)
    assert "x plus F(x)" in text.describe_layer(manifest, layer)
    other = replace(manifest, blocks=(replace(block, merge="multiply"), *manifest.blocks[1:]))
    assert f"x {TIMES} F(x)" in text.describe_layer(other, layer)


def test_an_add_outside_of_a_block_adds_the_layers_before_it(engine: Engine) -> None:
    loose = LayerInfo("stem.add", "Add", "sum", None, (7, 7, 4), inputs=("a", "b"))
    inside = replace(loose, name="block1.add", block="block1")
    for layer in (loose, inside):
        assert text.describe_layer(engine.manifest, layer) == "The layers before it, added."


def test_only_dense_logits_are_weighted_sums(engine: Engine) -> None:
    dense = LayerInfo("logits", "Dense", "logits", None, (1, 1, 10))
    pooled = replace(dense, kind="GlobalAveragePooling2D")
    assert "weighted sum" in text.describe_layer(engine.manifest, dense)
    assert text.describe_layer(engine.manifest, pooled) == "One score for each class."


@pytest.mark.parametrize(
    ("rectified", "output", "says"),
    [
        (True, "block1.output", "The two are added, and ReLU sets values below zero to zero."),
        (False, "block1.output", "The two are added, and an activation function follows."),
        (False, "block1.sum", "The two are added."),
    ],
)
def test_what_follows_a_sum_is_told(
    engine: Engine, block: BlockInfo, rectified: bool, output: str, says: str
) -> None:
    ended = replace(block, rectified=rectified, output=output)
    assert says in text.describe_block(ended, engine.manifest)


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


def test_an_output_is_only_called_the_next_blocks_x_where_it_is(
    engines: Mapping[str, Engine], look: Look, digit: Digit
) -> None:
    for network in ("mnist-resnet", "mnist-stream"):
        manifest = engines[network].manifest
        first, last = manifest.blocks[0], manifest.blocks[-1]
        follows = [text.is_x(manifest, block.output) for block in manifest.blocks]
        assert follows == [True] * (len(follows) - 1) + [False]
        assert "next block's x" not in text.describe_block(last, manifest)
        said = text.describe_layer(manifest, find_layer(manifest, last.output))
        assert "next block's x" not in said
        assert "the next block" in page_text(look, digit, network)
        assert "block before" not in page_text(look, digit, network, f"/blocks/{first.name}")
    manifest = engines[RESIDUAL].manifest
    said = text.describe_layer(manifest, find_layer(manifest, "block1.output"))
    assert said == "ReLU of the sum: the block's output, and the next block's x."


@pytest.mark.parametrize("network", ["mnist-rows-plain", "mnist-stream-plain"])
def test_layers_without_relu_are_not_said_to_have_one(
    engines: Mapping[str, Engine], look: Look, digit: Digit, network: str
) -> None:
    layer = engines[network].manifest.blocks[0].residual
    said = page_text(look, digit, network, f"/layers/{layer}/filters/0")
    assert "What the block's layers compute." in said


def test_a_sum_that_x_was_added_to_is_no_projection(engine: Engine) -> None:
    first, second, *_ = engine.manifest.blocks
    beside = replace(second, input=first.input, identity=first.sum)
    words = text.describe_block(beside, engine.manifest)
    assert words.startswith("F(x) is computed from the x of an earlier block")
    assert not engine.manifest.projects(beside)
    assert engine.manifest.projects(replace(second, identity="block2.identity"))


def test_a_projection_is_described_without_a_shape(engine: Engine, block: BlockInfo) -> None:
    words = text.describe_block(replace(block, identity="block1.identity"), engine.manifest)
    assert "a projection gives x the shape of F(x)" in words
    assert not {"half", "twice"} & set(words.split())


HIGHWAY, RESIDUAL, WITHOUT_IDENTITY = "mnist-highway", "mnist-resnet", "mnist-plain"

ADDED = (
    "Each block computes x + F(x)",
    "Where x is added unchanged, the identity passes on the gradient",
    "input, x, past the block unchanged",
    "What each block adds",
)


def page_text(look: Look, digit: Digit, network: str, page: str = "") -> str:
    """A page's words, with every run of spaces as one."""
    return " ".join(look(f"/networks/{network}/digits/{digit.id}{page}").text.split())


def test_only_blocks_that_add_pass_x_unchanged(look: Look, digit: Digit) -> None:
    pages = {
        network: page_text(look, digit, network) + page_text(look, digit, network, "/blocks")
        for network in (HIGHWAY, RESIDUAL, WITHOUT_IDENTITY)
    }
    assert [item for item in ADDED if item not in pages[RESIDUAL]] == []
    assert [item for item in ADDED if item in pages[HIGHWAY]] == []
    assert [item for item in ADDED if item in pages[WITHOUT_IDENTITY]] == []


def test_the_depth_of_a_gated_network_states_its_rule(look: Look, digit: Digit) -> None:
    said = page_text(look, digit, HIGHWAY, "/blocks")
    assert "Each block computes T·F(x) + (1\N{MINUS SIGN}T)·x" in said
    assert "the further a gate is open, the less flows back past the block" in said
    assert "T(x)" not in page_text(look, digit, RESIDUAL, "/blocks")


def test_the_gallery_explains_the_gate_where_blocks_begin(look: Look, digit: Digit) -> None:
    said = page_text(look, digit, HIGHWAY)
    assert said.count("the gate T(x), between 0 and 1, sets its share at each position") == 1
    assert "the identity carries the rest of x" in said
    assert "the gate" not in page_text(look, digit, RESIDUAL)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (RESIDUAL, "what the block's branch adds to"),
        (HIGHWAY, "the gate sets how much of it is used"),
    ],
)
def test_the_residual_is_added_only_without_a_gate(
    look: Look, digit: Digit, network: str, words: str
) -> None:
    assert words in page_text(look, digit, network, "/layers/block2.residual")


def test_a_disabled_gated_branch_is_a_closed_gate(look: Look, digit: Digit) -> None:
    for page in ("?scale=block2:0", "/blocks/block2?scale=block2:0"):
        gated, plain = (page_text(look, digit, network, page) for network in (HIGHWAY, RESIDUAL))
        assert "its gate is closed, so T(x) is zero, and x passes through unchanged" in gated
        assert "F(x) is zero" not in gated
        assert "F(x) is zero, and x passes through unchanged" in plain
        assert "its gate" not in plain


def test_a_projected_x_is_not_called_unchanged(look: Look, digit: Digit) -> None:
    said = page_text(look, digit, RESIDUAL, "/blocks/block3?scale=block3:0")
    assert "only the projected x passes" in said
    assert "as it came" not in said


GATED_NAMES = ("(1\N{MINUS SIGN}T)·x", "T·F(x)")

PLAIN_NAMES = ("x", "F(x)")

NETWORKS = {"mnist-highway": GATED_NAMES, "mnist-resnet": PLAIN_NAMES}


@pytest.mark.parametrize(("network", "names"), NETWORKS.items())
def test_a_blocks_page_names_what_enters_its_sum(
    look: Look, digit: Digit, network: str, names: tuple[str, str]
) -> None:
    x, f = names
    markup = look(f"/networks/{network}/digits/{digit.id}/blocks/block2")
    for title in (f"norm of {x}", f"norm of {f}", f"{f} over {x}", f"cosine of {x} and {f}"):
        assert title in markup.text
    charts = [element.get("aria-label", "") for element in markup.all("a")]
    said = [label for label in charts if label.startswith("filter ")]
    assert said
    assert all(f": {x} " in item and f", {f} " in item for item in said)
    headings = markup.text[markup.text.index("Table of all filters") :]
    assert f"|{x}|" in headings
    assert f"|{f.removesuffix('(x)')}|" in headings


def test_a_gated_blocks_page_says_that_its_maps_are_before_the_gate(
    look: Look, digit: Digit
) -> None:
    pages = {
        network: look(f"/networks/{network}/digits/{digit.id}/blocks/block2").text
        for network in NETWORKS
    }
    assert "before the gate weights" in pages["mnist-highway"]
    assert "before the gate weights" not in pages["mnist-resnet"]


@pytest.mark.parametrize(("network", "names"), NETWORKS.items())
def test_the_gallery_and_the_depth_name_them_alike(
    look: Look, digit: Digit, network: str, names: tuple[str, str]
) -> None:
    x, f = names
    page_links = f"/networks/{network}/digits/{digit.id}"
    gallery = look(page_links).text
    assert gallery.count(f" times as large as {x} (cosine ") == 6
    assert f"block2: {x} " in gallery
    depth = "".join(look(f"{page_links}/blocks").text.split())
    assert f"{x}and{f}|{x}||{f.removesuffix('(x)')}|" in depth


def test_the_names_are_beside_the_api_s_metrics(look: Look, api: TestClient, digit: Digit) -> None:
    page_links = f"/networks/mnist-highway/digits/{digit.id}"
    figures = api.get(f"/api/v1{page_links}/blocks/block2").json()
    gallery = look(page_links).text
    norms = (figures["norm_x"], figures["norm_residual"])
    told = ", ".join(
        f"{name} {fmt.number(norm)}" for name, norm in zip(GATED_NAMES, norms, strict=True)
    )
    assert f"block2: {told}" in gallery


def test_blocks_of_both_kinds_have_names_that_hold_for_both(engine: Engine) -> None:
    plain = engine.manifest.blocks[0]
    gated: BlockInfo = replace(plain, merge="highway", gate="block1.gate")
    assert text.symbols_of_blocks([plain, plain]) is text.PLAIN
    assert text.symbols_of_blocks([gated, gated]) is text.GATED
    common = text.symbols_of_blocks([plain, gated])
    assert not {common.x, common.f} & {*GATED_NAMES, *PLAIN_NAMES}


def test_a_block_that_ends_in_an_identity_puts_out_what_it_computes(
    engines: Mapping[str, Engine],
) -> None:
    manifest = engines["mnist-rows-plain"].manifest
    (block, *_) = manifest.blocks
    assert text.formula(block, find_layer(manifest, block.output)) == "output = F(x)"
