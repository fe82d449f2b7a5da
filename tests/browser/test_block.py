"""The page of a block: charts under the columns of its strip, and a table that sorts."""

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import address

EDGES = """() => {
  const image = document.querySelector(".block-table img");
  const left = image.getBoundingClientRect().left;
  return [...document.querySelectorAll(".block-table-charts .hit-area")].map((one) =>
    one.getBoundingClientRect().left - left);
}"""


def test_every_filters_chart_stands_under_its_maps(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "block"))
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        edges = page.evaluate(EDGES)
        assert len(edges) == 16, width
        steps = {round(after - before) for before, after in pairwise(edges)}
        assert steps == {58}, width  # a map of 28 at zoom 2, and the gap
        assert edges[0] == pytest.approx(2, abs=0.6), width


def test_on_a_wide_screen_the_charts_are_as_wide_as_the_maps(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(address(server, "block"), width=1920)
    maps, charts = (
        page.locator(f".block-table {part}").bounding_box()
        for part in ("img", ".block-table-charts")
    )
    assert maps
    assert charts
    assert maps["width"] == charts["width"] == 1378  # maps of 28 at zoom 3, and gaps
    assert maps["x"] == charts["x"]
    page.locator(".block-table img").hover(position={"x": 2 + 86 * 5 + 40, "y": 9 + 40})
    expect(page.locator(".tooltip-panel")).to_contain_text("filter 5")


def test_sorting_keeps_the_table_open_and_in_place(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "block"))
    page.evaluate("document.body.dataset.same = ''")
    page.locator("#filters summary").click()
    page.locator("#filters").get_by_role("link", name="cosine").click()
    page.wait_for_url("**order=cosine**")
    expect(page.locator("#filters th[aria-sort=descending]")).to_have_text("cosine")
    expect(page.locator("#filters").get_by_role("table")).to_be_visible()
    assert page.evaluate("'same' in document.body.dataset")


def test_names_stay_in_sight_when_the_columns_are_moved(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "block"), width=390)
    name = page.locator(".block-table-names .residual")
    before = name.bounding_box()
    page.locator(".block-table").evaluate("(one) => { one.scrollLeft = 400 }")
    assert page.locator(".block-table").evaluate("(one) => one.scrollLeft") == 400
    after = name.bounding_box()
    assert before
    assert after
    assert after["x"] == pytest.approx(before["x"], abs=20)


@pytest.mark.parametrize("scripts", [False, True])
def test_filters_are_sorted_by_a_heading(
    open_page: OpenPage, server: str, *, scripts: bool
) -> None:
    page = open_page(address(server, "block"), java_script_enabled=scripts)
    table = page.locator("#filters")
    expect(table.get_by_role("table")).to_be_hidden()
    table.locator("summary").click()
    expect(table.get_by_role("rowheader").first).to_have_text("0")
    table.get_by_role("link", name="cosine").click()
    page.wait_for_url("**order=cosine#filters")
    cosines = [one.inner_text() for one in table.locator("tbody td:nth-child(6)").all()]
    values = [float(one.replace("\N{MINUS SIGN}", "-")) for one in cosines]
    assert values == sorted(values, reverse=True)


def test_a_filters_column_leads_to_its_page(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "block"), java_script_enabled=False)
    page.locator(".block-table-charts a").nth(7).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("block2.output:7")
