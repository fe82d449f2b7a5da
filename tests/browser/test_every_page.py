"""Every page, in both themes: what axe finds, every width, twice the size, and paper.

Each page is opened once and goes through all checks; a finding names its check.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from scripts.pages import PAGES
from tests.browser.axe import violations
from tests.browser.conftest import OpenPage
from tests.browser.pages import ERRORS, address, load_pictures, wait_until_ready

STORY: Final = {name for name in PAGES if name.startswith("story:")}
PRINTED: Final = {"gallery", "layer", "filter", "block", "blocks", "comparison", *STORY}
WIDTHS: Final = (320, 344, 360, 390, 768, 1024, 1366, 1440, 1920, 2560)
OVERFLOW: Final = """() => {
  const root = document.documentElement;
  const wide = [...document.querySelectorAll("main *")].filter((one) =>
    !one.closest(".scroll, svg, pre, .visually-hidden, [hidden]")
    && one.getBoundingClientRect().right > root.clientWidth + 1);
  return [root.scrollWidth - root.clientWidth,
    wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120))];
}"""
CLIPPED: Final = """() => [...document.querySelectorAll("h1, h2, h3, p, button, a, label, dd, dt")]
  .filter((one) => !one.matches(".visually-hidden, .visually-hidden *, .skip-link")
    && ["hidden", "clip"].includes(getComputedStyle(one).overflowX)
    && one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.outerHTML.slice(0, 120))"""


UNPRINTABLE: Final = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const isShown = (one) => {
    const { width, height } = one.getBoundingClientRect();
    return one.checkVisibility({ visibilityProperty: true }) && width > 0 && height > 0;
  };
  const controls = "button, select, [role=button], [role=combobox], .neighbour-links, .dial"
    + ", input:not([type=range], .visually-hidden), .equation-line";
  return [
    ...all(controls).filter(isShown).map((one) => `control ${one.outerHTML.slice(0, 120)}`),
    ...all("main img").filter((one) => one.checkVisibility() && !one.getBoundingClientRect().width)
      .map((one) => `no width ${one.outerHTML.slice(0, 120)}`),
    ...(isShown(document.querySelector("h1")) ? [] : ["no heading"]),
    ...[getComputedStyle(document.body).backgroundColor].filter((one) =>
      one !== "rgb(255, 255, 255)"),
    ...all(".network-section, figure").filter((one) =>
      getComputedStyle(one).breakInside !== "avoid").map((one) => `split ${one.className}`),
  ];
}"""


def set_width(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})


def overflow(page: Page) -> Iterator[str]:
    """What is too wide, once pictures for a new width have taken the place of the old ones."""
    try:
        page.wait_for_function(f"() => String(({OVERFLOW})()) === '0,'", timeout=10_000)
    except PlaywrightTimeoutError:
        too_wide, elements = page.evaluate(OVERFLOW)
        yield f"{too_wide} pixels too wide: {elements}"


def at_every_width(page: Page) -> Iterator[str]:
    """What does not fit into the window."""
    for width in WIDTHS:
        set_width(page, width)
        yield from (f"at a width of {width}: {one}" for one in overflow(page))


def at_twice_the_size(page: Page) -> Iterator[str]:
    """What is too wide or cut off where a window of 1,280 pixels is zoomed to 200 %."""
    session = page.context.new_cdp_session(page)
    metrics = {"width": 640, "height": 900, "deviceScaleFactor": 2, "mobile": False}
    session.send("Emulation.setDeviceMetricsOverride", metrics)
    page.wait_for_function("innerWidth === 640 && devicePixelRatio === 2")
    yield from (f"at twice the size: {one}" for one in overflow(page))
    yield from (f"at twice the size, cut off: {one}" for one in page.evaluate(CLIPPED))
    session.send("Emulation.clearDeviceMetricsOverride")
    session.detach()


def on_paper(page: Page) -> Iterator[str]:
    """What is not ink on white, and what could be pressed."""
    page.emulate_media(media="print")
    load_pictures(page)
    yield from (f"on paper: {one}" for one in page.evaluate(UNPRINTABLE))
    page.emulate_media(media="screen")


def by_axe(page: Page, axe: Path) -> Iterator[str]:
    """What axe finds wrong, with everything opened but the menu of networks, which lies over the
    header's links while it is open.
    """
    wait_until_ready(page)  # axe looks at no pixels
    page.evaluate(
        "document.querySelectorAll('details:not(.network-menu)').forEach((one) => {"
        " one.open = true })"
    )
    yield from (f"axe: {one}" for one in violations(page, axe))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_every_width_prints_on_white_and_passes_axe(
    open_page: OpenPage, server: str, axe: Path, name: str
) -> None:
    allow = "404" if name in ERRORS else ""
    page = open_page(address(server, name), allow=allow, color_scheme="light")
    found = [*at_every_width(page), *at_twice_the_size(page)]
    set_width(page, 1440)
    page.emulate_media(color_scheme="dark")
    if name in PRINTED:  # before everything is opened for axe
        found += on_paper(page)
    found += [f"dark, {one}" for one in by_axe(page, axe)]
    set_width(page, 390)
    page.emulate_media(color_scheme="light")
    found += [f"light, on a phone, {one}" for one in by_axe(page, axe)]
    assert found == []
