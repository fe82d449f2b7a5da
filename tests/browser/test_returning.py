"""Coming back to a page: kept whole by the browser, or loaded anew."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.conftest import WHOLE, launch
from tests.browser.pages import address


@pytest.fixture(scope="module")
def keeping_browser(playwright: Playwright) -> Iterator[Browser]:
    """A browser that keeps pages one leaves, which Playwright has them not do."""
    with launch(playwright, WHOLE, without=["--disable-back-forward-cache"]) as launched:
        yield launched


@pytest.fixture(params=["kept", "loaded anew"])
def page(
    request: pytest.FixtureRequest,
    browser: Browser,
    keeping_browser: Browser,
    server: str,
) -> Iterator[Page]:
    """A page of a browser that keeps pages one leaves, or of one that does not."""
    is_kept = request.param == "kept"
    with (keeping_browser if is_kept else browser).new_context(base_url=server) as context:
        page = context.new_page()
        page.add_init_script("addEventListener('pageshow', ({ persisted }) => kept = persisted)")
        yield page
        page.wait_for_function("(kept) => window.kept === kept", arg=is_kept)


def go_back(page: Page) -> None:
    """Go back; Playwright's own way waits for a page to load, which one that was kept does not."""
    left = page.url
    page.evaluate("void setTimeout(() => history.back())")  # else the answer may be lost on the way
    page.wait_for_url(lambda address: address != left, wait_until="commit")


def test_a_digit_can_be_brought_again(page: Page, drawing: Path) -> None:
    page.goto("/")
    for _ in range(2):
        page.locator(".digit-picker").evaluate("(picker) => { picker.open = true }")
        page.get_by_label(re.compile("^Your own image")).set_input_files(drawing)
        page.get_by_role("button", name="Upload").click()
        expect(page.locator(".provenance")).to_contain_text("dark on a light background")
        go_back(page)
        expect(page.locator("form[data-upload]")).not_to_have_attribute("aria-busy", "true")
        expect(page.locator("form[data-upload] [data-upload-state]")).to_have_text("")


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ("/networks/mnist-resnet/dataset", "label", "4"),
        ("/", "sort", "mean"),
        ("{gallery}/blocks", "target", "7"),
    ],
)
def test_what_is_chosen_is_what_the_page_shows(
    page: Page, server: str, place: str, name: str, value: str
) -> None:
    page.goto(place.format(gallery=address(server, "gallery")))
    chooser = page.locator(f"select[name={name}]")
    before = chooser.input_value()
    chooser.select_option(value)
    page.wait_for_url(re.compile(f"{name}={value}"))
    page.goto("/healthz")
    go_back(page)
    expect(chooser).to_have_value(value)
    go_back(page)
    expect(chooser).to_have_value(before)
