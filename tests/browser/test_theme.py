"""The theme: by the system, by choice, with and without JavaScript, and never in a flash."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import ONE, draw, unsaved
from tests.browser.pages import address, fetch

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


IS_SHOWN = """([image, palette]) => image.complete && image.naturalWidth > 0
  && image.currentSrc.includes("palette=light") === (palette === "light")"""
COLOURS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = new Set();
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = data.subarray(at, at + 3);
    found.add(((red << 16) | (green << 8) | blue).toString(16).padStart(6, "0"));
  }
  return [...found];
}"""


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_maps_follow_the_theme_of_the_system_and_the_one_chosen(
    open_page: OpenPage, scheme: str, other: str
) -> None:
    page = open_page("/", color_scheme=scheme)
    image = page.locator("#stem picture img").element_handle()
    page.wait_for_function(IS_SHOWN, arg=[image, scheme])
    page.get_by_role("button", name=f"{other} theme").click()
    page.wait_for_function(IS_SHOWN, arg=[image, other])
    expect(page.get_by_label("Colours")).to_have_value("theme")
    page.get_by_role("button", name="system theme").click()
    page.wait_for_function(IS_SHOWN, arg=[image, scheme])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_maps_of_a_drawing_have_the_colours_of_the_theme(
    open_page: OpenPage, server: str, scheme: str
) -> None:
    palettes = fetch(f"{server}/api/v1/palettes").json()
    (table,) = (one["diverging"] for one in palettes if one["name"] == scheme)
    page = open_page(address(server, "filter"), color_scheme=scheme)
    shown = page.locator(f".filter-map image.in-{scheme}")
    expect(shown).to_be_visible()
    expect(page.locator(".filter-map image").filter(visible=True)).to_have_count(1)
    with unsaved(page):
        draw(page, ONE)
        painted = page.locator(".filter-map canvas.live-canvas")
        expect(painted).to_have_count(1)
        colours = painted.evaluate(COLOURS)
    assert set(colours) <= set(re.findall("......", table))
