"""Comparison: inputs, networks and layers chosen in place, without scripts too; drawing."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import LIVE, ONE, SHORT_REST, draw, surface, unsaved
from tests.browser.pages import address

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize("scripts", [False, True])
def test_inputs_are_chosen_and_swapped(open_page: OpenPage, server: str, *, scripts: bool) -> None:
    page = open_page(address(server, "comparison"), java_script_enabled=scripts)
    a, b = (page.get_by_role("region", name=name, exact=True) for name in ("A", "B"))
    b.get_by_text("Another input").click()
    b.get_by_role("link", name="sample 5").first.click()
    expect(b).to_contain_text("Prediction 5")
    expect(a).to_contain_text("Prediction 0")
    page.get_by_role("link", name="Swap A and B").click()
    expect(a).to_contain_text("Prediction 5")
    expect(b).to_contain_text("Prediction 0")
    expect(page.locator(".predicted")).to_have_text("5")


@pytest.mark.parametrize("scripts", [False, True])
def test_two_networks_are_compared_by_their_layers(
    open_page: OpenPage, server: str, *, scripts: bool
) -> None:
    page = open_page(address(server, "comparison"), java_script_enabled=scripts)
    page.get_by_role("link", name="Two networks").click()
    a, b = (page.get_by_role("region", name=name, exact=True) for name in ("A", "B"))
    expect(b).to_contain_text("Plain twin")
    expect(page.get_by_role("region", name=f"A {MINUS} B")).to_have_count(0)
    b.get_by_text("Another network").click()
    b.get_by_role("link", name="Classic of 2016").click()
    expect(b).to_contain_text("Classic of 2016")
    expect(a).to_contain_text("Residual network")
    page.get_by_role("link", name=re.compile("block6.output of A, stem.output of B")).click()
    expect(a.get_by_role("link", name="block6.output")).to_be_visible()
    expect(b.get_by_role("link", name="stem.output")).to_be_visible()


def test_in_place_the_page_stays_and_back_leads_back(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "comparison"))
    page.evaluate("window.stays = true")
    page.locator("select[name='layer']").select_option("block4.sum")
    difference = page.get_by_role("region", name=f"A {MINUS} B")
    expect(difference).to_contain_text("block4.sum")
    page.get_by_role("link", name="Two networks").click()
    expect(page.get_by_role("heading", name="Similarity of the layers")).to_be_visible()
    page.go_back()
    expect(difference).to_contain_text("block4.sum")
    assert page.evaluate("window.stays")


def test_a_layer_is_chosen_from_the_table(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "comparison"), java_script_enabled=False)
    page.get_by_text("All layers").click()
    page.get_by_role("row", name="block4.sum").get_by_role("link").click()
    difference = page.get_by_role("region", name=f"A {MINUS} B")
    expect(difference).to_contain_text("block4.sum")
    low, high = (difference.locator(f".legend .{end}") for end in ("low", "high"))
    assert low.inner_text() == f"{MINUS}{high.inner_text()}"


def test_every_side_begins_above_the_fold(open_page: OpenPage) -> None:
    page = open_page("/compare")
    figures = page.locator(".compared-maps")
    expect(figures).to_have_count(3)
    for width in (1366, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 768})
        for at in range(3):
            maps = figures.nth(at).locator("svg.map-panel")
            for first in range(2):
                expect(maps.nth(first), f"at {width}").to_be_in_viewport(ratio=1)


def test_on_a_phone_the_sides_follow_each_other(open_page: OpenPage) -> None:
    page = open_page("/compare", viewport={"width": 390, "height": 844})
    boxes = [page.locator(".compared-maps").nth(at).bounding_box() for at in range(3)]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops)
    assert len(set(tops)) == 3
    expect(page.locator(".compared-maps svg.map-panel").first).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_all_sides_follow_a_drawing_which_is_then_a_of_the_comparison(
    open_page: OpenPage, server: str
) -> None:
    start = address(server, "comparison")
    page = open_page(start, script=SHORT_REST)
    surface(page).wait_for()
    with unsaved(page):
        draw(page, ONE)
        expect(page.locator(".predicted")).to_have_text("1")
        for at in range(3):
            expect(page.locator(".compared-maps").nth(at).locator("canvas").first).to_be_visible()
    before = start.partition("/compare")[2]
    page.wait_for_url(lambda url: "/compare" in url and not url.endswith(before))
    expect(page.get_by_role("region", name="A", exact=True)).to_contain_text("Prediction 1")


def test_the_factors_of_a_are_changed_by_its_map_and_dial(open_page: OpenPage, server: str) -> None:
    page = open_page(f"{address(server, 'comparison')}&layer=block4.sum")
    with page.expect_request(LIVE) as preview:
        page.locator("#map-block1 .map-toggle").click()
    assert parse_qs(urlsplit(preview.value.url).query)["scale"] == ["block1:0"]
    expect(page).to_have_url(re.compile("scale_a=block1:0"))
    dial = page.get_by_role("slider", name=re.compile("^Factor of the branch"))
    with page.expect_request(LIVE) as turned:
        dial.fill("0.5")
    assert parse_qs(urlsplit(turned.value.url).query)["scale"] == ["block1:0.5"]
    expect(page).to_have_url(re.compile("scale_a=block1:0.5"))
    a = page.get_by_role("region", name="A", exact=True)
    expect(a).to_contain_text(re.compile("block1 . 0.5"))
    assert not re.search(r"[?&]scale=", page.url)
