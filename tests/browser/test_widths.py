"""Every page at every width, at twice the size, and on paper."""

from contextlib import suppress

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from scripts.pages import PAGES
from tests.browser.conftest import OpenPage
from tests.browser.pages import ERRORS, address, load_pictures

pytestmark = pytest.mark.browser

WIDTHS = (360, 390, 768, 1024, 1440, 1920, 2560)
OVERFLOW = """() => {
  const root = document.documentElement;
  const wide = [...document.querySelectorAll("main *")].filter((one) =>
    !one.closest(".scroll, svg, pre, .visually-hidden, [hidden]")
    && one.getBoundingClientRect().right > root.clientWidth + 1);
  return [root.scrollWidth - root.clientWidth,
    wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120))];
}"""
CLIPPED = """() => [...document.querySelectorAll("h1, h2, h3, p, button, a, label, dd, dt")]
  .filter((one) => !one.matches(".visually-hidden, .visually-hidden *, .skip-link")
    && ["hidden", "clip"].includes(getComputedStyle(one).overflowX)
    && one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.outerHTML.slice(0, 120))"""


def overflow(page: Page) -> object:
    """What is too wide, once pictures for a new width have taken the place of the old ones."""
    with suppress(PlaywrightTimeoutError):
        page.wait_for_function(f"() => String(({OVERFLOW})()) === '0,'", timeout=5000)
    return page.evaluate(OVERFLOW)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_window(open_page: OpenPage, server: str, name: str) -> None:
    page = open_page(address(server, name), allow="404" if name in ERRORS else "")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert overflow(page) == [0, []], width


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_lost_at_twice_the_size(open_page: OpenPage, server: str, name: str) -> None:
    page = open_page(
        address(server, name),
        allow="404" if name in ERRORS else "",
        width=640,
        device_scale_factor=2,
    )
    assert page.evaluate(OVERFLOW) == [0, []]
    assert page.evaluate(CLIPPED) == []


@pytest.mark.parametrize("name", ["gallery", "layer", "filter", "block", "depth", "comparison"])
def test_on_paper_there_is_ink_on_white_and_nothing_to_press(
    open_page: OpenPage, server: str, name: str
) -> None:
    page = open_page(address(server, name), color_scheme="dark")
    page.emulate_media(media="print")
    load_pictures(page)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for control in page.get_by_role("button").or_(page.get_by_role("combobox")).all():
        expect(control).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for picture in page.locator("main img").all():
        if picture.is_visible():
            box = picture.bounding_box()
            assert box is not None
            assert box["width"] > 0
