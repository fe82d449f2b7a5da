"""The gallery in a real browser, with and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser

READS = "Prediction"


@pytest.mark.parametrize("javascript", [False, True])
def test_a_walk_from_the_gallery_to_a_filter_and_back(
    open_page: OpenPage, *, javascript: bool
) -> None:
    page = open_page("/", java_script_enabled=javascript)
    expect(page.get_by_role("heading", level=1)).to_contain_text(READS)
    page.get_by_text("block1.sum").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("block1.sum")
    page.get_by_role("link", name=re.compile(r"^filter 7:")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("block1.sum:7")
    page.get_by_role("link", name="filter 8").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("block1.sum:8")
    page.get_by_role("link", name="gallery").click()
    assert page.url.endswith("#block1")


@pytest.mark.parametrize("javascript", [False, True])
def test_a_branch_is_switched_off_and_on(open_page: OpenPage, *, javascript: bool) -> None:
    page = open_page("/", java_script_enabled=javascript)
    branch = page.get_by_role("link", name="switch off in block2")
    branch.locator(".branch-toggle").click()
    assert "scale=block2:0" in page.url
    expect(page.get_by_role("heading", level=1)).to_contain_text("without block2")
    expect(page.get_by_role("columnheader", name="all on")).to_be_visible()
    page.get_by_role("link", name="Switch every block on").click()
    assert "scale=" not in page.url


def test_a_branch_is_switched_by_the_keyboard(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("link", name="switch off in block1").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**scale=block1:0**")


def test_another_sample_is_chosen(open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    page.get_by_role("link", name=re.compile("^sample 0")).first.click()
    expect(page.locator(".predicted-digit")).to_have_text("0")
    expect(page.locator(".samples [aria-current]")).to_have_attribute(
        "aria-label", re.compile("^sample 0")
    )


def test_choosers_draw_anew_by_themselves(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_label("Palette").select_option("light")
    page.wait_for_url("**palette=light**")
    expect(page.get_by_label("Palette")).to_have_value("light")
    expect(page.get_by_role("button", name="Apply")).to_be_hidden()


def test_choosers_work_by_their_button(open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    page.get_by_label("Value range of").select_option("filter")
    page.get_by_role("button", name="Apply").click()
    assert "normalize=filter" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_themes(open_page: OpenPage, scheme: str) -> None:
    page = open_page("/", color_scheme=scheme)
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (ink, paper)]
    assert abs(brightness[0] - brightness[1]) > 600
    assert (brightness[1] > brightness[0]) == (scheme == "light")


def test_the_documentation_is_drawn_by_the_pages_own_server(
    open_page: OpenPage, server: str
) -> None:
    page = open_page("/docs")
    expect(page.get_by_text("/api/v1/networks/{network}/layers", exact=True)).to_be_visible()
    hosts = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert hosts
    assert all(host.startswith(server) for host in hosts)
