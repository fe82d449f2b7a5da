"""The gallery in a real browser, with and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import address

PREDICTION = ".predicted"
# Of each row of figures, how far below its top maps begin: each height once.
LEVELS = """() => {
  const rows = new Map();
  for (const figure of document.querySelectorAll("#block1 .equation-maps > figure")) {
    const { top } = figure.getBoundingClientRect();
    const begin = figure.querySelector(".map-panel").getBoundingClientRect().top;
    const row = Math.round(top);
    rows.set(row, (rows.get(row) ?? new Set()).add(Math.round(begin - top)));
  }
  return [...rows.values()].map((heights) => [...heights]);
}"""


@pytest.mark.parametrize("javascript", [False, True])
def test_a_walk_from_the_gallery_to_a_filter_and_back(
    open_page: OpenPage, *, javascript: bool
) -> None:
    page = open_page("/", java_script_enabled=javascript)
    expect(page.locator(PREDICTION)).to_be_visible()
    page.locator("#block1").get_by_text("block1.sum").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("block1.sum")
    page.get_by_role("link", name=re.compile(r"^filter 7:")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("block1.sum:7")
    page.get_by_role("link", name="filter 8").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("block1.sum:8")
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Explore").click()
    expect(page.locator("#block1")).to_be_visible()


def test_without_scripts_a_branch_is_switched_off_and_on(open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    branch = page.locator("#map-block2 .map-toggle")
    branch.click()
    expect(page).to_have_url(re.compile("scale=block2:0"))
    expect(page.locator(".prediction-change")).to_contain_text("Without block2, the prediction")
    branch.click()
    expect(page).not_to_have_url(re.compile("scale="))
    page.get_by_role("link", name="all off").click()
    expect(page.locator(".prediction-change")).to_contain_text("block1, block2, block3")


@pytest.mark.parametrize("network", ["mnist-resnet", "mnist-highway"])
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_the_maps_of_a_row_are_level_where_names_take_more_lines(
    open_page: OpenPage, server: str, network: str, width: int
) -> None:
    page = open_page(address(server, "gallery").replace("mnist-resnet", network), width=width)
    kind = page.locator("#block1 .equation-maps .meta").nth(1)
    kind.evaluate("(one) => { one.textContent = 'more words than a line has room for '.repeat(3) }")
    levels = page.evaluate(LEVELS)
    assert len(levels) == (1 if width > 1355 else 2 if network == "mnist-resnet" else 3)
    assert [len(heights) for heights in levels] == [1] * len(levels)


@pytest.mark.parametrize("javascript", [False, True])
def test_another_sample_is_chosen(open_page: OpenPage, *, javascript: bool) -> None:
    page = open_page("/", java_script_enabled=javascript)
    page.get_by_text("Other digits").click()
    page.get_by_role("link", name=re.compile("^sample 0")).first.click()
    expect(page.locator(PREDICTION)).to_have_text("0")
    page.get_by_text("Other digits").click()
    expect(page.locator(".samples [aria-current]")).to_have_attribute(
        "aria-label", re.compile("^sample 0")
    )


def test_without_scripts_choosers_work_by_their_button(open_page: OpenPage) -> None:
    page = open_page("/?scale=block1:0", java_script_enabled=False)
    page.get_by_role("combobox", name="Value range").select_option("filter")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("normalize=filter"))
    expect(page).to_have_url(re.compile("scale=block1(:|%3A)0"))
    expect(page.get_by_role("combobox", name="Value range")).to_have_value("filter")


def test_the_documentation_is_drawn_by_the_pages_own_server(
    open_page: OpenPage, server: str
) -> None:
    page = open_page("/docs", java_script_enabled=False)
    expect(page.get_by_text("/api/v1/networks/{network}/layers", exact=True)).to_be_visible()
    page.get_by_text("/api/v1/networks/{network}/layers", exact=True).click()
    expect(
        page.get_by_role("link", name="Try it: /api/v1/networks/mnist-resnet/layers")
    ).to_be_visible()
    hosts = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert hosts
    assert all(host.startswith(server) for host in hosts)
