"""Links, commands and programs are copied, and said to be."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import hold

SUMMARY = "Link, curl and Python"


def opened(page: Page) -> Page:
    page.get_by_text(SUMMARY).click()
    return page


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.parametrize("what", ["the link", "the command", "the program"])
def test_a_snippet_is_copied_as_it_stands(open_page: OpenPage, what: str) -> None:
    page = opened(open_page("/", permissions=["clipboard-read", "clipboard-write"]))
    button = page.get_by_role("button", name=f"Copy {what}")
    text = page.locator(".snippet", has=button).locator("code").inner_text()
    button.click()
    expect(page.locator("#downloads").get_by_role("status")).to_have_text(f"Copied {what}.")
    assert copied(page).strip() == text.strip()
    assert page.url.split("/")[2] in text


def test_snippets_that_are_opened_before_their_module_is_there_can_be_copied(
    open_page: OpenPage,
) -> None:
    page = open_page("/healthz", allow="404")  # a text has no icon
    module = hold(page, "**/js/page.js")
    page.goto("/", wait_until="commit")
    opened(page)
    expect(page.locator("#downloads code").first).to_be_visible()
    module.release()
    expect(page.get_by_role("button", name="Copy the link")).to_be_visible()


def test_where_copying_is_not_allowed_the_text_is_selected(open_page: OpenPage) -> None:
    page = open_page("/")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    opened(page).get_by_role("button", name="Copy the link").click()
    expect(page.locator("#downloads").get_by_role("status")).to_contain_text("Selected the link")
    selected = page.evaluate("getSelection().toString()")
    assert selected == page.locator(".snippet code").first.inner_text()


def test_what_is_copied_is_what_is_on_the_screen_by_then(open_page: OpenPage) -> None:
    page = open_page("/", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_text("block1.conv1").first.dispatch_event("click")
    page.get_by_role("link", name="filter 3:").click()
    page.wait_for_url("**/filters/3")
    opened(page)
    page.get_by_role("link", name="one down").click()
    expect(page.locator(".unit-value")).to_be_visible()
    page.wait_for_url("**at=*")
    page.get_by_role("button", name="Copy the link").click()
    status = page.locator("#downloads").get_by_role("status")
    expect(status).to_have_text("Copied the link.")
    assert copied(page) == page.url
    page.get_by_label("Colours").select_option("light")
    page.wait_for_url("**palette=light*")
    expect(page.locator(".snippet code").first).to_contain_text("palette=light")
    expect(status).to_have_text("Copied the link.")


def test_without_scripts_the_text_is_there_and_no_dead_button(open_page: OpenPage) -> None:
    page = opened(open_page("/", java_script_enabled=False))
    expect(page.locator(".snippet code").nth(1)).to_contain_text("curl -o")
    expect(page.locator(".snippet button:visible")).to_have_count(0)


def test_filters_are_sorted_everywhere(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_label("Sorted by").select_option("zeros")
    page.wait_for_url("**sort=zeros**")
    page.locator("a.layer-link", has_text="block1.output").first.click()
    page.wait_for_url("**/layers/block1.output?sort=zeros")
    expect(page.get_by_label("Sorted by")).to_have_value("zeros")
    cells = page.locator("table.data-table tbody tr td:nth-of-type(5)").all_inner_texts()
    shares = [float(cell.split()[0].strip("<>\N{NARROW NO-BREAK SPACE}%")) for cell in cells]
    assert len(shares) == 16
    assert shares == sorted(shares)
    tiles = page.locator(".tiles b").all_inner_texts()
    assert tiles == page.locator("table.data-table tbody th").all_inner_texts()
    assert tiles != sorted(tiles, key=int)
