"""Side by side: another digit or another network in either place, without scripts too."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import address

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [False, True])
def test_another_a_another_b_and_the_two_swapped(
    open_page: OpenPage, server: str, *, scripts: bool
) -> None:
    page = open_page(address(server, "comparison"), java_script_enabled=scripts)
    a, b = (page.get_by_role("region", name=name, exact=True) for name in ("A", "B"))
    a.locator("summary").click()
    a.get_by_role("link", name="sample 5").first.click()
    expect(a).to_contain_text("predicts 5")
    expect(b).to_contain_text("predicts 0")
    page.get_by_role("link", name="Swap A and B").click()
    expect(a).to_contain_text("predicts 0")
    expect(b).to_contain_text("predicts 5")
    b.locator("summary").click()
    b.get_by_role("link", name="Classic of 2016").click()
    expect(b).to_contain_text("Classic of 2016 predicts 5")
    expect(a).to_contain_text("Residual network predicts 0")


def test_a_layer_is_chosen_from_the_table(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "comparison"), java_script_enabled=False)
    page.get_by_role("link", name="block4.sum", exact=True).click()
    expect(page.get_by_role("heading", name="block4.sum")).to_be_visible()
    difference = page.get_by_role("img", name="block4.sum of A \N{MINUS SIGN} B")
    expect(difference).to_be_visible()
    low, high = page.locator("figure .low").last, page.locator("figure .high").last
    assert low.inner_text() == f"\N{MINUS SIGN}{high.inner_text()}"
