"""What only a residual network has, walked through with and without scripts."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage


@pytest.mark.parametrize("scripts", [False, True])
def test_a_walk_over_a_block_all_blocks_and_a_comparison(
    open_page: OpenPage, *, scripts: bool
) -> None:
    page = open_page("/", java_script_enabled=scripts)
    sections = page.get_by_role("navigation", name="Sections")
    page.locator("#map-block1 a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("block1")
    page.locator("#map-block1 .map-toggle").click()
    expect(page.locator(".prediction-change")).to_contain_text("Without block1, the prediction")
    sections.get_by_role("link", name="Blocks").click()
    expect(page).to_have_url(re.compile("/blocks.scale=block1:0"))
    expect(page.locator(".prediction-change")).to_contain_text("Without block1, the prediction")
    sections.get_by_role("link", name="Explore").click()
    expect(page.locator(".prediction-change")).to_contain_text("Without block1, the prediction")
    sections.get_by_role("link", name="Compare").click()
    expect(page).to_have_url(re.compile("/compare"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
