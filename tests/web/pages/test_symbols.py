"""What is measured at a block's sum has one name on every page, and it is not that of another."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.core.manifest import BlockInfo
from skiplens.engine.base import Engine
from skiplens.web.pages import format as fmt
from skiplens.web.pages import text
from tests.web.pages.conftest import Look

GATED = ("(1\N{MINUS SIGN}T)·x", "T·F(x)")
PLAIN = ("x", "F(x)")
NETWORKS = {"mnist-highway": GATED, "mnist-resnet": PLAIN}


@pytest.mark.parametrize(("network", "names"), NETWORKS.items())
def test_a_blocks_page_names_what_enters_its_sum(
    look: Look, digit: Digit, network: str, names: tuple[str, str]
) -> None:
    x, f = names
    markup = look(f"/networks/{network}/digits/{digit.id}/blocks/block2")
    for title in (f"norm of {x}", f"norm of {f}", f"{f} over {x}", f"cosine of {x} and {f}"):
        assert title in markup.text
    charts = [one.get("aria-label", "") for one in markup.all("a")]
    said = [label for label in charts if label.startswith("filter ")]
    assert said
    assert all(f": {x} " in one and f", {f} " in one for one in said)
    headings = markup.text[markup.text.index("Table of all filters") :]
    assert f"|{x}|" in headings
    assert f"|{f.removesuffix('(x)')}|" in headings


def test_a_gated_blocks_page_says_that_the_strip_shows_what_is_not_weighed_yet(
    look: Look, digit: Digit
) -> None:
    pages = {
        network: look(f"/networks/{network}/digits/{digit.id}/blocks/block2").text
        for network in NETWORKS
    }
    assert "before the gate weights" in pages["mnist-highway"]
    assert "gate" not in pages["mnist-resnet"]


@pytest.mark.parametrize(("network", "names"), NETWORKS.items())
def test_the_gallery_and_the_depth_name_them_alike(
    look: Look, digit: Digit, network: str, names: tuple[str, str]
) -> None:
    x, f = names
    view = f"/networks/{network}/digits/{digit.id}"
    gallery = look(view).text
    assert gallery.count(f" times as large as {x} and ") == 6
    assert f"\n        {x} " in gallery
    depth = "".join(look(f"{view}/depth").text.split())
    assert f"{x}and{f}|{x}||{f.removesuffix('(x)')}|" in depth


def test_the_names_stand_at_the_figures_of_the_api(
    look: Look, client: TestClient, digit: Digit
) -> None:
    view = f"/networks/mnist-highway/digits/{digit.id}"
    figures = client.get(f"/api/v1{view}/blocks/block2").json()
    gallery = look(view).text
    for name, field in zip(GATED, ("norm_x", "norm_residual"), strict=True):
        assert f" {name} {fmt.number(figures[field])}\n" in gallery


def test_blocks_of_both_kinds_have_names_that_hold_for_both(engine: Engine) -> None:
    plain = engine.manifest.blocks[0]
    gated: BlockInfo = replace(plain, merge="highway", gate="block1.gate")
    assert text.symbols_of_blocks([plain, plain]) is text.PLAIN
    assert text.symbols_of_blocks([gated, gated]) is text.GATED
    common = text.symbols_of_blocks([plain, gated])
    assert not {common.x, common.f} & {*GATED, *PLAIN}
