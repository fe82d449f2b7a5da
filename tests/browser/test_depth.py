"""The page of the depth: the flow of the gradient, for any class, and beside another network's."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import address

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [False, True])
def test_another_networks_flow_is_laid_beside(
    open_page: OpenPage, server: str, *, scripts: bool
) -> None:
    page = open_page(address(server, "depth"), java_script_enabled=scripts)
    expect(page.locator(".gradient-chart .is-compared")).to_have_count(0)
    page.get_by_label("Compare with").select_option(label="Classic of 2016")
    show = page.get_by_role("button", name="Show")
    if scripts:
        expect(show).to_be_hidden()
    else:
        show.click()
    page.wait_for_url("**beside=mnist-classic**")
    expect(page.get_by_role("columnheader", name="Classic of 2016, total")).to_be_visible()
    expect(page.locator(".gradient-lines .total.is-compared circle")).to_have_count(5)
    expect(page.locator(".gradient-key")).to_contain_text("dashed: Classic of 2016")


def test_the_flow_is_drawn_for_another_class(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "depth"))
    page.get_by_label(re.compile("^Class")).select_option("5")
    page.wait_for_url("**target=5**")
    expect(page.get_by_text("log p(5)")).to_be_visible()


def test_every_dot_says_its_number(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "depth"), java_script_enabled=False)
    titles = page.locator(".gradient-lines .identity circle title").all_text_contents()
    assert len(titles) == 6
    assert titles[0].startswith("Residual network, block1: ")
    assert titles[0].endswith(" through the identity")
