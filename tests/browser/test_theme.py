"""The theme: by the system, by choice, with and without JavaScript, and never in a flash."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser

LIGHT, DARK = "rgb(250, 249, 246)", "rgb(19, 20, 23)"


def paper(page: Page) -> str:
    """The colour of the ground."""
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def choose_dark(page: Page) -> None:
    """Press the button, and see it done."""
    page.get_by_role("button", name="Dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("javascript", [False, True])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_choice_wins_over_the_system_and_stays(
    open_page: OpenPage, scheme: str, *, javascript: bool
) -> None:
    page = open_page("/?palette=light", color_scheme=scheme, java_script_enabled=javascript)
    assert paper(page) == (LIGHT if scheme == "light" else DARK)
    other = "dark" if scheme == "light" else "light"
    chosen = page.get_by_role("button", name=re.compile(other, re.IGNORECASE))
    chosen.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(r"/\?palette=light$"))
    expect(page.locator("body")).to_have_css(
        "background-color", LIGHT if other == "light" else DARK
    )
    page.goto("/docs")
    assert paper(page) == (LIGHT if other == "light" else DARK)
    page.get_by_role("button", name="System theme").click()
    expect(page.locator("body")).to_have_css(
        "background-color", LIGHT if scheme == "light" else DARK
    )


def test_the_page_arrives_in_its_theme(open_page: OpenPage) -> None:
    page = open_page("/")
    choose_dark(page)
    response = page.reload()
    assert response is not None
    assert 'data-theme="dark"' in response.text()


def test_a_page_from_history_shows_what_was_chosen_since(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("link", name="API").first.click()
    page.wait_for_url("**/docs")
    choose_dark(page)
    page.go_back()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")


def test_changing_the_theme_loads_no_page(open_page: OpenPage) -> None:
    page = open_page("/")
    page.evaluate("window.kept = true")
    choose_dark(page)
    assert page.evaluate("window.kept")
