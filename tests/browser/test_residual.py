"""What only a residual network has, walked through with and without scripts."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [False, True])
def test_a_walk_over_block_depth_and_comparison(open_page: OpenPage, *, scripts: bool) -> None:
    page = open_page("/", java_script_enabled=scripts)
    page.get_by_role("link", name="Look closer").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("block1")
    expect(page.get_by_role("img", name="x, F(x), sum and output of block1")).to_be_visible()
    page.get_by_role("link", name="Switch F(x) off").click()
    expect(page.get_by_text("The branch is off")).to_be_visible()
    page.get_by_role("link", name="depth").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Over the depth")
    expect(page.get_by_role("row", name="block1 off").first).to_be_visible()
    page.get_by_role("link", name="gallery").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Without block1")
    page.get_by_role("link", name="block1.output").first.click()
    page.get_by_role("link", name="Lay another digit beside it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Side by side")
    expect(page.get_by_text("without block1").first).to_be_visible()


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_scrolls_sideways(open_page: OpenPage, width: int, scheme: str) -> None:
    page = open_page("/", width=width, color_scheme=scheme)
    gallery = page.get_by_role("link", name="All blocks at a glance").get_attribute("href") or ""
    for address in (gallery, gallery.replace("/depth", "/blocks/block5")):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") == width
