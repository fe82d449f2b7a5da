"""The Blocks page: gradients of any class, beside another network's, at every width."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import address

DASHED = ".gradient-chart circle.dashed"


@pytest.mark.parametrize("scripts", [False, True])
def test_another_networks_gradients_are_compared(
    open_page: OpenPage, server: str, *, scripts: bool
) -> None:
    page = open_page(address(server, "blocks"), java_script_enabled=scripts)
    expect(page.get_by_label("Compare with")).to_have_value("mnist-plain")
    expect(page.locator(DASHED)).to_have_count(6)
    page.get_by_label("Compare with").select_option(label="Classic of 2016")
    show = page.get_by_role("button", name="Show")
    if scripts:
        expect(show).to_be_hidden()
    else:
        show.click()
    page.wait_for_url("**beside=mnist-classic**")
    expect(page.get_by_role("columnheader", name="Classic of 2016, total")).to_be_visible()
    expect(page.locator(DASHED)).to_have_count(5)
    expect(page.locator(".gradient-chart .chart-key")).to_contain_text("dashed: Classic of 2016")


def test_no_other_network_can_be_chosen_and_the_twin_again(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(address(server, "blocks"))
    before = page.url
    page.get_by_label("Compare with").select_option("none")
    page.wait_for_url("**beside=none**")
    expect(page.locator(DASHED)).to_have_count(0)
    page.get_by_label("Compare with").select_option("mnist-plain")
    page.wait_for_url(before)
    expect(page.locator(DASHED)).to_have_count(6)


def test_another_class_is_chosen_in_place(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "blocks"))
    page.evaluate("document.body.dataset.same = ''")
    chooser = page.get_by_label(re.compile("^Logit of class"))
    chooser.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    chooser.select_option("5")
    page.wait_for_url("**target=5**")
    expect(page.get_by_text("the logit of class 5")).to_be_visible()
    assert page.evaluate("'same' in document.body.dataset")
    assert page.evaluate("scrollY") == place


def test_every_dot_says_its_number(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "blocks"), java_script_enabled=False)
    titles = page.locator(".gradient-chart circle.identity title").all_text_contents()
    assert len(titles) == 6
    assert titles[0].startswith("Residual network, block1: ")
    assert titles[0].endswith(" through the identity")


def test_charts_fill_the_view_and_nothing_scrolls_sideways(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(address(server, "blocks"))
    for width in (320, 390, 1366, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        view = page.locator("#main").bounding_box()
        assert view
        for table in (
            "[aria-labelledby=blocks-title].scroll",
            "[aria-labelledby=ablations-title].scroll",
        ):
            box = page.locator(table).bounding_box()
            assert box
            assert box["width"] == pytest.approx(view["width"], abs=1), width
        chart = page.locator(".gradient-chart").bounding_box()
        assert chart
        assert chart["width"] >= (0.5 if width > 1300 else 1) * view["width"] - 1, width
        sizes = page.locator(".gradient-chart text").evaluate_all(
            "(texts) => texts.map((one) => one.getBoundingClientRect().height)"
        )
        assert min(sizes) > 10, width
