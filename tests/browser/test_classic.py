"""The pictures of 2016: the way to them, their scale, and a network that has none."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import address, load_pictures, wait_until_ready


@pytest.mark.parametrize("scripts", [False, True])
def test_the_way_to_them_and_on_to_a_block(
    open_page: OpenPage, server: str, *, scripts: bool
) -> None:
    page = open_page(address(server, "gallery of the classic network"), java_script_enabled=scripts)
    page.get_by_role("link", name="The 2016 figures, corrected").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The 2016 figures, corrected")
    expect(page.get_by_role("article")).to_have_count(5)
    expect(page.get_by_role("article").first.locator("img")).to_have_count(4)
    page.get_by_role("link", name="the whole network").click()
    expect(page.get_by_text("one value range for the whole network").first).to_be_visible()
    page.get_by_role("link", name="block3", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("block3")
    page.get_by_role("link", name="This block in the 2016 figures").click()
    page.wait_for_url("**/classic**#block3")


def test_the_four_pictures_stand_in_a_row_where_there_is_room(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(address(server, "pictures of 2016"))
    load_pictures(page)
    boxes = [one.bounding_box() for one in page.locator("#block1 figure").all()]
    assert len({round(box["y"]) for box in boxes if box}) == 1


def test_a_network_without_them_leads_to_one_that_has_them(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(f"{address(server, 'gallery')}/classic", allow="404")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile("do not apply to this network")
    )
    page.get_by_role("link", name="The figures in Classic of 2016").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The 2016 figures, corrected")


def test_pictures_further_down_wait_where_the_page_changes_in_place(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(address(server, "pictures of 2016"))
    page.locator("#map-block1 .map-toggle").click()
    expect(page).to_have_url(re.compile("scale=block1:0"))
    expect(page.locator(".classic-figures img")).to_have_count(20)
    expect(page.locator(".classic-figures img:not([loading=lazy])")).to_have_count(4)


def test_paper_has_the_pictures_that_were_not_in_view(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "pictures of 2016"))
    page.pdf()
    expect(page.locator(".classic-figures img")).to_have_count(20)
    wait_until_ready(page)
