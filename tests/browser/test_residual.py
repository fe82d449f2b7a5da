"""What only a residual network has, walked through with and without scripts."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import SEVEN, draw, open_surface
from tests.browser.pages import address

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [False, True])
def test_a_walk_over_block_depth_and_comparison(open_page: OpenPage, *, scripts: bool) -> None:
    page = open_page("/", java_script_enabled=scripts)
    page.get_by_role("link", name="Details of block1").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("block1")
    expect(page.get_by_role("img", name="x, F(x), sum and output of block1")).to_be_visible()
    page.get_by_role("link", name="Switch F(x) off").click()
    expect(page.get_by_text("The branch is off")).to_be_visible()
    expect(page.get_by_text("Without block1,")).to_be_visible()
    page.get_by_role("link", name="depth").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Block by block")
    expect(page.get_by_role("row", name="block1 off").first).to_be_visible()
    page.get_by_role("link", name="gallery").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("without block1")
    page.get_by_role("link", name="block1.output").first.click()
    page.get_by_role("link", name="Compare with another digit or network").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Comparison")
    expect(page.get_by_text("without block1").first).to_be_visible()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_branch_that_was_just_switched_fades(open_page: OpenPage, motion: str) -> None:
    page = open_page("/", reduced_motion=motion)
    page.locator("#block2-branch .branch-toggle").click()
    page.wait_for_url("**#block2-branch")
    leaving = page.locator("#block2-branch .fading").first
    expect(leaving).to_have_css("animation-name", "leave" if motion == "no-preference" else "none")
    expect(leaving).to_have_css("opacity", "0")
    expect(page.locator("#block3-branch .fading")).to_have_count(0)
    page.locator("#block2-branch .branch-toggle").click()
    page.wait_for_url(re.compile(r"digits/\w+#block2-branch"))
    joining = page.locator("#block2-branch .branch path").first
    expect(joining).to_have_css("animation-name", "join" if motion == "no-preference" else "none")


def test_while_one_draws_a_gate_that_is_shut_is_not_called_silent(
    open_page: OpenPage, server: str
) -> None:
    gallery = address(server, "block with a gate").partition("/blocks/")[0]
    page = open_page(f"{gallery}?scale=block1:0")
    open_surface(page)
    draw(page, SEVEN)
    expect(page.locator(".predicted-digit")).to_have_text("7")
    gate = page.locator("figure[data-layer='block1.gate']")
    gate.scroll_into_view_if_needed()
    expect(gate.locator("canvas").first).to_be_visible()
    note = gate.locator(".note")
    expect(note).to_have_text("Switched off, so every map is zero.")
    page.get_by_role("link", name="switch on in block1").locator(".branch-toggle").click()
    expect(note).not_to_contain_text("Switched off")
    expect(page.locator("#block1 .norms a")).to_have_text("switch T·F(x) off")


def test_the_names_of_a_gated_block_stand_clear_of_each_other(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(address(server, "gallery with gates"))
    identity, residual = (
        page.locator(f"#block1 .label-{name} b").bounding_box() for name in ("identity", "residual")
    )
    assert identity
    assert residual
    assert identity["x"] + identity["width"] < residual["x"]
    phone = open_page(address(server, "block with a gate"), width=390)
    for lane in phone.locator(".block-table-scales li").all():
        assert lane.evaluate("(one) => one.scrollHeight <= one.clientHeight")
