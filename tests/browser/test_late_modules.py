"""What a visitor does before the module for it is loaded, or while it cannot be loaded."""

import re
from typing import Final

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import address

pytestmark = pytest.mark.browser

DATASET: Final = "/networks/mnist-resnet/dataset"


def open_with_held_module(open_page: OpenPage, where: str, module: str) -> tuple[Page, list[Route]]:
    """A page, and the requests for a module of it, which wait until they are continued."""
    page = open_page("/healthz", allow="404")  # a text has no icon
    routes: list[Route] = []
    page.route(f"**/js/{module}", lambda route: routes.append(route))  # noqa: PLW0108
    page.goto(where, wait_until="domcontentloaded")
    return page, routes


def load(page: Page, routes: list[Route]) -> None:
    while not routes:
        page.evaluate("new Promise(requestAnimationFrame)")
    routes[0].continue_()


def test_a_click_on_a_map_is_explained_once_the_module_is_there(
    open_page: OpenPage, server: str
) -> None:
    page, routes = open_with_held_module(open_page, address(server, "filter"), "unit.js")
    page.locator(".filter-map svg").first.click(position={"x": 3, "y": 3})
    load(page, routes)
    expect(page.locator(".unit-value")).to_contain_text("row 0, column 0")


def test_a_filter_of_the_test_set_applies_once_the_module_is_there(
    open_page: OpenPage,
) -> None:
    page, routes = open_with_held_module(open_page, DATASET, "swap.js")
    page.get_by_role("combobox", name="Labelled").select_option("3")
    load(page, routes)
    page.wait_for_url(re.compile(r"[?&]label=3\b"), wait_until="commit")


def test_a_page_whose_canvas_cannot_be_loaded_is_readable(open_page: OpenPage) -> None:
    page = open_page("/healthz", allow="Failed to load resource")
    page.route("**/js/draw/live.js", lambda route: route.abort())
    page.goto("/")
    expect(page.locator(".predicted")).to_be_visible()
    page.locator("#map-block1 .map-toggle").click()
    expect(page).to_have_url(re.compile("scale=block1:0"))
