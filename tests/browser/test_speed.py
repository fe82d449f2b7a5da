"""The first view: few requests, few bytes, nothing that blocks, nothing that moves."""

from typing import Final

import pytest
from playwright.sync_api import Browser, ViewportSize

from scripts.pages import STEPS
from tests.browser.conftest import OpenPage
from tests.browser.pages import address, next_frame, wait_until_ready
from tests.conftest import wait_until

pytestmark = pytest.mark.fresh_context

FIRST_VIEW_BYTES: Final = 250_000
FIRST_VIEW_REQUESTS: Final = 15
STEP_BYTES: Final = 150_000
STEP_REQUESTS: Final = 12
ROUNDING: Final = 1  # pixel of a page's height, which need not be whole
SHIFTS: Final = """
  window.shifts = [];
  new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((one) =>
    `${one.value} ${one.sources.map((source) => source.node?.outerHTML?.slice(0, 80))}`)))
    .observe({ type: "layout-shift", buffered: true });
"""


def weigh(browser: Browser, server: str, path: str, width: int, height: int = 900) -> list[float]:
    """The bytes of each request of a first visit."""
    viewport: ViewportSize = {"width": width, "height": height}
    with browser.new_context(viewport=viewport, base_url=server) as context:
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        asked: set[str] = set()
        sizes: dict[str, float] = {}
        session.on("Network.requestWillBeSent", lambda event: asked.add(event["requestId"]))
        session.on(
            "Network.loadingFinished",
            lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
        )
        page.goto(path)
        wait_until_ready(page)
        wait_until(lambda: asked <= sizes.keys(), lambda: next_frame(page))
    return list(sizes.values())


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [
        ("gallery", 390, 844),
        ("gallery", 1440, 900),
        ("gallery", 2560, 1440),
        ("pictures of 2016", 1440, 900),
        ("pictures of 2016", 2560, 1440),
    ],
)
def test_the_first_view_is_light(
    whole_browser: Browser, server: str, name: str, width: int, height: int
) -> None:
    sizes = weigh(whole_browser, server, address(server, name), width, height)
    assert len(sizes) < FIRST_VIEW_REQUESTS
    assert sum(sizes) < FIRST_VIEW_BYTES


@pytest.mark.parametrize(("step", "width"), [*((step, 1440) for step in STEPS), ("sum", 390)])
def test_a_step_of_the_story_is_light(
    whole_browser: Browser, server: str, step: str, width: int
) -> None:
    sizes = weigh(whole_browser, server, f"/learn/{step}", width)
    assert len(sizes) <= STEP_REQUESTS
    assert sum(sizes) < STEP_BYTES


def test_text_travels_compressed(open_page: OpenPage) -> None:
    page = open_page("/")
    for kind, enough in (("css", 0.4), ("script", 0.7), ("navigation", 0.4)):
        shares = page.evaluate(
            "(kind) => performance.getEntries().filter((one) => kind === 'css'"
            " ? one.name.endsWith('.css') : [one.initiatorType, one.entryType].includes(kind))"
            ".map((one) => one.encodedBodySize / one.decodedBodySize)",
            kind,
        )
        assert shares, kind
        assert max(shares) < enough, kind


def test_nothing_but_style_sheets_holds_the_first_paint(open_page: OpenPage) -> None:
    page = open_page("/")
    blocking = page.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter((one) => one.renderBlockingStatus === 'blocking').map((one) => one.name)"
    )
    assert [name.rpartition("/")[2] for name in blocking] == ["site.css"]


def test_grids_below_the_fold_wait(open_page: OpenPage) -> None:
    page = open_page("/")
    asked = page.evaluate(
        "performance.getEntriesByType('resource').filter((one) => one.name.includes('grid.png'))"
        ".length"
    )
    waiting = page.evaluate(
        "[...document.querySelectorAll('noscript[data-later]')]"
        ".filter((one) => one.textContent.includes('grid.png')).length"
    )
    assert 0 < asked < waiting


@pytest.mark.parametrize("name", ["gallery", "layer", "filter", "block", "blocks", "comparison"])
@pytest.mark.parametrize("width", [390, 1440, 1920])
def test_nothing_moves_while_the_page_comes(
    open_page: OpenPage, server: str, name: str, width: int
) -> None:
    page = open_page("/healthz", width=width, allow="404")  # a text has no icon
    page.add_init_script(SHIFTS)
    page.goto(address(server, name))
    wait_until_ready(page)
    height = page.evaluate("document.documentElement.scrollHeight")
    for _ in range(4):
        page.evaluate("scrollBy({ top: innerHeight * 0.875, behavior: 'instant' })")
        next_frame(page)
        wait_until_ready(page)
    next_frame(page)
    assert page.evaluate("window.shifts") == []
    assert abs(page.evaluate("document.documentElement.scrollHeight") - height) <= ROUNDING
