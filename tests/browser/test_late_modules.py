"""What a visitor does before the module for it is loaded, or while it cannot be loaded."""

import re
from typing import Final

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import LIVE
from tests.browser.pages import Held, address, hold, next_frame

DATASET: Final = "/networks/mnist-resnet/dataset"
PHONE: Final = {"width": 390, "has_touch": True, "is_mobile": True}


def open_with_held_module(
    open_page: OpenPage, where: str, module: str, **context: object
) -> tuple[Page, Held]:
    """A page, and the request for a module of it, which waits until it is released."""
    page = open_page("/healthz", allow="404", **context)  # a text has no icon
    requests = hold(page, f"**/js/{module}")
    page.goto(where, wait_until="domcontentloaded")
    return page, requests


def test_a_click_on_a_map_is_explained_once_the_module_is_there(
    open_page: OpenPage, server: str
) -> None:
    page, module = open_with_held_module(open_page, address(server, "filter"), "unit.js")
    page.locator(".filter-map svg").first.click(position={"x": 3, "y": 3})
    module.release()
    expect(page.locator(".unit-value")).to_contain_text("row 0, column 0")


def test_the_first_tap_on_a_name_leads_to_its_layer(open_page: OpenPage) -> None:
    page, _ = open_with_held_module(open_page, "/", "maps/hover.js", **PHONE)
    page.locator('figure[data-layer="block1.sum"] code').tap()
    page.wait_for_url(re.compile(r"/layers/block1\.sum$"))


def test_a_filter_of_the_test_set_applies_once_the_module_is_there(
    open_page: OpenPage,
) -> None:
    page, module = open_with_held_module(open_page, DATASET, "swap.js")
    page.get_by_role("combobox", name="Labelled").select_option("3")
    module.release()
    page.wait_for_url(re.compile(r"[?&]label=3\b"), wait_until="commit")


def test_a_sample_is_cleared_once_the_module_is_there(open_page: OpenPage) -> None:
    page, module = open_with_held_module(open_page, "/", "draw/live.js")
    page.get_by_role("button", name="Clear").click()
    module.release()
    expect(page.get_by_text("Nothing is drawn yet.")).to_be_visible()


def test_a_page_that_came_before_the_module_is_not_previewed(open_page: OpenPage) -> None:
    page, module = open_with_held_module(open_page, "/learn/switch", "draw/live.js")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#map-block1 .map-toggle").click()
    expect(page.locator("#map-block1")).to_have_class(re.compile("is-off"))
    module.release()
    expect(page.locator("form[data-draw][data-ready]")).to_have_count(1)
    next_frame(page)
    assert not [one for one in asked if LIVE.search(one)]
    expect(page.locator(".verdict")).to_contain_text("labelled")


def test_a_page_whose_canvas_cannot_be_loaded_is_readable(open_page: OpenPage) -> None:
    page = open_page("/healthz", allow="Failed to load resource")
    page.route("**/js/draw/live.js", lambda route: route.abort())
    page.goto("/")
    expect(page.locator(".predicted")).to_be_visible()
    page.locator("#map-block1 .map-toggle").click()
    expect(page).to_have_url(re.compile("scale=block1:0"))
