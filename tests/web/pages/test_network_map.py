"""The network map: line widths by norm, a link to every block, a toggle on every branch."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.input_image import Digit
from skiplens.core.manifest import BlockInfo, LayerInfo, Manifest
from skiplens.engine.base import Engine
from skiplens.service.forward import ForwardPass, run_network
from skiplens.web.links import Links
from skiplens.web.pages import fmt
from skiplens.web.pages.network_map import Line, MapBlock, NetworkMap, network_map
from skiplens.web.pages.text import GATED, PLAIN
from tests.conftest import SHALLOW
from tests.web.pages.conftest import Look

THINNEST: Final = 1.5
THICKEST: Final = 11.0
MANY: Final = 27


def drawn(forward: ForwardPass, current: str = "") -> NetworkMap:
    links = Links(forward.manifest.id, forward.digit.id, forward.scales)
    return network_map(forward, links, Links.gallery, current)


@pytest.fixture(scope="module")
def passes(engines: Mapping[str, Engine], digit: Digit) -> dict[str, ForwardPass]:
    """The same seven in every network of few blocks."""
    return {name: run_network(engines[name], digit, AS_TRAINED) for name in SHALLOW}


def stack(like: Manifest, factors: tuple[float, ...]) -> ForwardPass:
    """A forward pass of a network of many blocks, each with a branch so many times as large as x.

    Every map of x is one, so that norms are known.
    """
    names = [f"block{at}" for at in range(1, len(factors) + 1)]
    layers, blocks, before = [], [], "stem.output"
    activations = {"stem.output": np.ones((2, 2, 3), np.float32)}
    for name, factor in zip(names, factors, strict=True):
        parts = {role: f"{name}.{role}" for role in ("residual", "sum", "output")}
        layers += [LayerInfo(part, role, role, name, (2, 2, 3)) for role, part in parts.items()]
        blocks.append(BlockInfo(name, "add", before, before, *_parts(parts), can_disable=True))
        activations[parts["residual"]] = np.full((2, 2, 3), factor, np.float32)
        activations[parts["sum"]] = np.full((2, 2, 3), 1 + factor, np.float32)
        activations[parts["output"]] = np.ones((2, 2, 3), np.float32)
        before = parts["output"]
    manifest = replace(like, layers=tuple(layers), blocks=tuple(blocks))
    return ForwardPass(manifest, Digit.of(np.zeros((28, 28), np.uint8)), AS_TRAINED, activations)


def _parts(parts: Mapping[str, str]) -> tuple[str, None, str, str]:
    return parts["residual"], None, parts["sum"], parts["output"]


def branch(block: MapBlock) -> Line:
    assert block.branch is not None
    return block.branch


def test_widths_are_in_proportion_to_norms(passes: Mapping[str, ForwardPass]) -> None:
    forward = passes["mnist-resnet"]
    metrics = {found.block: found for found in forward.block_metrics}
    pairs = []
    for block in drawn(forward).blocks:
        found = metrics[block.name]
        pairs += [(branch(block).width, found.norm_residual), (block.lines[1].width, found.norm_x)]
    visible = [(width, norm) for width, norm in pairs if width > THINNEST]
    scale = [width / norm for width, norm in visible]
    assert len(visible) > len(pairs) // 2
    np.testing.assert_allclose(scale, scale[0], rtol=0.01)
    assert max(width for width, _ in pairs) <= THICKEST


def test_one_scale_holds_for_the_whole_map(engine: Engine) -> None:
    found = drawn(stack(engine.manifest, (1.0, 0.5, 0.25)))
    assert found.stem.width == found.head.width == pytest.approx(THICKEST / 2)
    widths = [branch(block).width for block in found.blocks]
    assert widths == pytest.approx([THICKEST / 2, THICKEST / 4, THINNEST], abs=0.01)
    assert [block.ratio for block in found.blocks] == ["1.00", "0.50", "0.25"]


def test_a_branch_that_is_off_is_as_thin_as_a_line_can_be(engine: Engine, digit: Digit) -> None:
    forward = run_network(engine, digit, Scales((("block2", 0.0),)))
    block = drawn(forward).blocks[1]
    assert (branch(block).width, block.factor, block.state) == (THINNEST, 0, "off")


@pytest.mark.parametrize("name", ["mnist-resnet", "mnist-plain", "mnist-highway"])
def test_every_block_is_a_link_in_forward_order(
    passes: Mapping[str, ForwardPass], name: str
) -> None:
    forward = passes[name]
    links = Links(name, forward.digit.id)
    found = drawn(forward, "block2")
    names = [block.name for block in forward.manifest.blocks]
    assert [block.href for block in found.blocks] == [links.block(block) for block in names]
    assert [block.name for block in found.blocks if block.current] == ["block2"]
    edges = [block.left for block in found.blocks]
    assert edges == sorted(edges)
    assert found.symbols == {"mnist-plain": None, "mnist-highway": GATED}.get(name, PLAIN)


@pytest.mark.parametrize(
    ("network", "divided", "dial"),
    [
        ("mnist-resnet", "norm of F(x) divided by norm of x.", "x + a · F(x) in block1"),
        (
            "mnist-highway",
            f"norm of T·F(x) divided by norm of (1{fmt.MINUS}T)·x.",
            "a · T(x) in block1",
        ),
    ],
)
def test_what_a_gate_makes_of_the_paths_is_said(
    look: Look, digit: Digit, network: str, divided: str, dial: str
) -> None:
    text = " ".join(look(f"/networks/{network}/digits/{digit.id}").text.split())
    assert divided in text
    assert f" {dial} " in text


def test_a_network_without_identity_paths_has_no_branches(
    passes: Mapping[str, ForwardPass],
) -> None:
    found = drawn(passes["mnist-plain"])
    for block in found.blocks:
        assert (block.branch, block.toggle, block.ratio, block.merge) == (None,) * 4
        assert {line.tone for line in block.lines} == {"chain"}


def test_a_toggle_leads_to_the_same_page_with_the_branch_off_or_on(
    engine: Engine, digit: Digit
) -> None:
    scales = Scales((("block2", 0.0), ("block3", 0.5)))
    forward = run_network(engine, digit, scales)
    links = Links(engine.manifest.id, digit.id, scales)

    def layer_page(links: Links) -> str:
        return links.layer("block1.sum")

    toggles = {
        block.name: block.toggle for block in network_map(forward, links, layer_page, "").blocks
    }
    page = links.layer("block1.sum").partition("?")[0]
    assert toggles["block1"] == f"{page}?scale=block1:0,block2:0,block3:0.5"
    assert toggles["block2"] == f"{page}?scale=block3:0.5"
    assert toggles["block3"] == f"{page}?scale=block2:0,block3:0"


def test_many_blocks_have_their_numbers_as_labels(engine: Engine) -> None:
    found = drawn(stack(engine.manifest, (0.5,) * MANY))
    assert [block.label for block in found.blocks] == [str(at) for at in range(1, MANY + 1)]
    assert {block.ratio for block in found.blocks} == {None}
    assert found.blocks[0].title.startswith("block1: ")
    few = drawn(stack(engine.manifest, (0.5,) * 6))
    assert [block.label for block in few.blocks] == [f"block{at}" for at in range(1, 7)]
    assert found.width < 1100


def test_a_projection_is_marked_where_the_identity_changes_shape(
    passes: Mapping[str, ForwardPass],
) -> None:
    blocks = passes["mnist-resnet"].manifest.blocks
    marked = [block.name for block in drawn(passes["mnist-resnet"]).blocks if block.projection]
    assert marked == [block.name for block in blocks if block.identity != block.input]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ("", ""),
        ("/layers/block1.sum", "block1"),
        ("/layers/block1.sum/filters/3", "block1"),
        ("/layers/stem.output", ""),
        ("/blocks/block2", "block2"),
        ("/blocks", ""),
    ],
)
def test_every_page_has_the_map_marks_its_block_and_toggles_stay_on_it(
    look: Look, gallery: str, part: str, block: str
) -> None:
    page = look(gallery + part)
    toggles = [one for one in page.all("a") if one.get("class") == "map-toggle"]
    assert len(toggles) == 6
    assert all(one["href"].startswith(f"{gallery}{part}?scale=block") for one in toggles)
    assert {one["aria-pressed"] for one in toggles} == {"true"}
    for name in ("block1", "block6"):
        assert any(link.startswith(f"{gallery}/blocks/{name}") for link in page.links())
    current = [one for one in page.all("g") if "is-current" in one.get("class", "")]
    assert [one["id"] for one in current] == ([f"map-{block}"] if block else [])


@pytest.mark.parametrize(
    ("network", "told"),
    [("mnist-resnet", True), ("mnist-stream", False), ("mnist-plain", False)],
)
def test_the_legend_tells_of_ratios_where_the_map_shows_them(
    look: Look, digit: Digit, network: str, told: bool
) -> None:
    page = look(Links(network, digit.id).gallery())
    assert bool([one for one in page.all("text") if one.get("class") == "map-ratio"]) == told
    assert ("norm of x" in page.text) == told
