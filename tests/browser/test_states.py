"""Loading, busy, failed, offline, gone: each state says what it is and what to do."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import ONE, draw, surface
from tests.browser.pages import address, hold, stop_clock
from tests.conftest import wait_until

pytestmark = pytest.mark.fresh_context

GRID = "**/layers/block1.sum/grid.png*"
FOR_GOOD = 100
NOTE_WAITS = """
  window.waits = [];
  const set = window.setTimeout;
  window.setTimeout = (run, time, ...rest) => {
    window.waits.push(time);
    return set(run, time, ...rest);
  };
"""
KEEPS_NOTHING = """
  for (const name of ["sessionStorage", "localStorage"]) {
    Object.defineProperty(window, name, { get() { throw new DOMException("", "SecurityError"); } });
  }
"""
WHOLE = """() => [...document.images].every((one) =>
  one.naturalWidth || !one.src || one.loading === "lazy" && !one.complete)"""


class Failing:
    """Answers so many times with a failure, and then lets requests through."""

    def __init__(
        self, times: int, status: int = 503, after: str = "1", page: str = "not now"
    ) -> None:
        self.left, self.status, self.after, self.page = times, status, after, page
        self.asked = 0

    def __call__(self, route: Route) -> None:
        self.asked += 1
        if self.left:
            self.left -= 1
            headers = {"Retry-After": self.after}
            route.fulfill(
                status=self.status, content_type="text/html", headers=headers, body=self.page
            )
        else:
            route.continue_()

    def wait_until_asked(self, times: int, page: Page) -> None:
        """Let time pass on the page until it has asked so often."""
        wait_until(lambda: self.asked >= times, lambda: page.clock.run_for(1000))


def opened(
    open_page: OpenPage, failing: Failing, pattern: str | re.Pattern[str], start: str = "/"
) -> Page:
    """A page whose pictures of a kind fail."""
    page = open_page("/healthz", allow="Failed to load resource")
    page.route(pattern, failing)
    if failing.left < FOR_GOOD:
        stop_clock(page)  # what comes again is waited for in no time
        page.add_init_script(NOTE_WAITS)
    page.goto(start)
    return page


def test_a_picture_that_fails_for_a_moment_comes_by_itself(open_page: OpenPage) -> None:
    failing = Failing(2)
    page = opened(open_page, failing, GRID)
    picture = page.locator("img[src*='block1.sum/grid.png']")
    expect(picture).to_have_attribute("data-state", "waiting")
    failing.wait_until_asked(3, page)
    expect(picture).not_to_have_attribute("data-state", "waiting")
    page.wait_for_function("(one) => one.naturalWidth > 0", arg=picture.element_handle())


def test_it_waits_as_long_as_the_server_asks(open_page: OpenPage) -> None:
    failing = Failing(2, after="20")
    page = opened(open_page, failing, GRID)
    picture = page.locator("img[src*='block1.sum/grid.png']")
    expect(picture).to_have_attribute("data-state", "waiting")
    page.wait_for_function("window.waits.some((one) => one >= 20_000)")
    page.clock.run_for(15_000)
    assert failing.asked == 2
    failing.wait_until_asked(3, page)
    expect(picture).not_to_have_attribute("data-state", "waiting")


@pytest.mark.parametrize(
    ("pattern", "name"), [(GRID, "gallery"), ("**/block1.output/grid.png*", "layer")]
)
def test_a_picture_that_will_not_come_is_replaced_by_words_and_a_button(
    open_page: OpenPage, server: str, pattern: str, name: str
) -> None:
    failing = Failing(FOR_GOOD, status=500)
    page = opened(open_page, failing, pattern, address(server, name))
    missing = page.locator(".missing-image")
    expect(missing).to_have_count(1)
    expect(missing).to_contain_text("This picture did not load.")
    failing.left = 0
    missing.get_by_role("button", name="Retry").click()
    expect(missing).to_have_count(0)
    page.wait_for_function(WHOLE)


def test_a_picture_that_did_not_come_is_shown_once_another_takes_its_place(
    open_page: OpenPage,
) -> None:
    failing = Failing(FOR_GOOD, status=500)
    page = opened(open_page, failing, GRID)
    missing = page.locator(".missing-image")
    expect(missing).to_have_count(1)
    failing.left = 0
    page.get_by_label("Colours").select_option("light")
    picture = page.locator("img[src*='block1.sum/grid.png'][src*='palette=light']")
    expect(picture).to_be_visible()
    expect(missing).to_have_count(0)


def test_a_picture_that_did_not_come_is_asked_for_again_when_the_page_changes(
    open_page: OpenPage,
) -> None:
    failing = Failing(FOR_GOOD, status=500)
    page = opened(open_page, failing, "**/input.png*")
    missing = page.locator(".missing-image")
    expect(missing).not_to_have_count(0)
    failing.left = 0
    page.get_by_label("Colours").select_option("light")
    expect(missing).to_have_count(0)
    page.wait_for_function(WHOLE)


def test_a_damaged_picture_is_not_asked_for_without_end(open_page: OpenPage) -> None:
    asked: list[str] = []

    def damaged(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=200, content_type="image/png", body="no picture")

    page = open_page("/healthz", allow="404")  # a text has no icon
    page.route(GRID, damaged)
    page.goto("/")
    expect(page.locator(".missing-image")).to_have_count(1)
    assert len(asked) <= 4


def test_without_a_connection_the_page_stays_and_says_so(open_page: OpenPage) -> None:
    page = open_page("/", allow="Failed to load resource")
    context: BrowserContext = page.context
    context.set_offline(offline=True)
    banner = page.locator("[data-connection]")
    expect(banner).to_be_visible()
    page.get_by_role("link", name="API").first.click()
    assert page.url.endswith("/")
    expect(page.locator(".predicted")).to_be_visible()
    context.set_offline(offline=False)
    expect(banner).to_be_hidden()
    page.get_by_role("link", name="API").first.click()
    page.wait_for_url("**/docs")


def test_pictures_within_svg_are_asked_for_when_the_connection_is_back(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(address(server, "layer"), allow="Failed to load resource")
    picture = page.locator(".tiles image").first
    page.context.set_offline(offline=True)
    expect(page.locator("[data-connection]")).to_be_visible()
    picture.evaluate("(one) => { one.dataset.state = 'unasked'; }")
    page.context.set_offline(offline=False)
    expect(picture).not_to_have_attribute("data-state", re.compile("."))


def test_a_connection_that_is_back_while_one_asks_is_told(open_page: OpenPage) -> None:
    page = open_page("/", allow="Failed to load resource")
    checks = hold(page, "**/healthz")
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    checks.wait_for()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    checks.abort()
    checks.release(1)
    expect(page.locator("html[data-offline]")).to_have_count(0)
    page.get_by_role("link", name="API").first.click()
    page.wait_for_url("**/docs")


def test_the_systems_word_alone_shows_no_banner(open_page: OpenPage) -> None:
    page = open_page("/")
    with page.expect_response("**/healthz"):
        page.evaluate("window.dispatchEvent(new Event('offline'))")
    expect(page.locator("[data-connection]")).to_be_hidden()


def test_an_expired_digit_leads_to_samples(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "expired digit"), allow="404", java_script_enabled=False)
    expect(page.get_by_role("heading", level=1)).to_have_text("Unknown digit")
    page.get_by_role("link", name=re.compile("^sample 7")).first.click()
    expect(page.locator(".predicted")).to_have_text("7")


def test_a_busy_server_is_asked_again_and_the_page_comes(open_page: OpenPage, server: str) -> None:
    page = open_page("/nowhere", allow="Failed to load resource")
    again = '<p role="status" data-retry-after="2"></p><p class="detail">'
    busy = page.content().replace('<p class="detail">', again)
    where, failing = address(server, "layer"), Failing(2, after="2", page=busy)
    page.route(f"**{where}", failing)
    stop_clock(page)
    page.goto(where)
    expect(page.locator("[data-retry-after]")).to_have_text(
        re.compile("^Trying again in [23] seconds.$")
    )
    failing.wait_until_asked(3, page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("block1.output")


def test_a_page_that_takes_long_is_on_its_way(open_page: OpenPage) -> None:
    page = open_page("/")
    page.evaluate("""() => new MutationObserver(() => {
      const line = getComputedStyle(document.documentElement, "::before");
      const busy = document.querySelector("main").ariaBusy;
      sessionStorage.setItem("seen", `${busy}, ${line.height}, ${line.position}`);
    }).observe(document.querySelector("main"), { attributes: true })""")
    page.get_by_role("link", name="API").first.click()
    page.wait_for_url("**/docs")
    assert page.evaluate("sessionStorage.getItem('seen')") == "true, 3px, fixed"
    expect(page.locator("#main")).not_to_have_attribute("aria-busy", "true")


def test_an_upload_under_way_says_so(open_page: OpenPage, drawing: str) -> None:
    page = open_page("/")
    upload = hold(page, "**/digits?*")
    page.locator("input[type=file]").set_input_files(drawing)
    page.get_by_text("Other digits").click()
    page.get_by_role("button", name="Upload").click()
    form = page.locator("form[data-upload]")
    expect(form).to_have_attribute("aria-busy", "true")
    expect(form.get_by_role("status")).to_have_text("Uploading…")
    upload.release()
    page.wait_for_url("**/digits/**")


def test_what_did_not_load_is_told_of_no_picture_that_did(open_page: OpenPage) -> None:
    failing = Failing(FOR_GOOD - 1)
    page = opened(open_page, failing, re.compile(r"/block1\.sum/grid\.png.*palette=light"))
    picture = page.locator("img[src*='block1.sum/grid.png']")
    expect(picture).to_have_attribute("data-state", "waiting")
    page.get_by_label("Colours").select_option("dark")
    expect(page).to_have_url(re.compile("palette=dark"))
    failing.wait_until_asked(6, page)
    page.clock.run_for(60_000)
    page.wait_for_function("(one) => one.naturalWidth > 0", arg=picture.element_handle())
    expect(page.locator(".missing-image")).to_have_count(0)


def test_without_a_connection_the_address_still_follows_the_page(open_page: OpenPage) -> None:
    page = open_page("/", allow="Failed to load resource")
    page.context.set_offline(offline=True)
    expect(page.locator("[data-connection]")).to_be_visible()
    page.evaluate("history.replaceState(null, '', '/?palette=light')")
    assert page.url.endswith("/?palette=light")


def test_a_page_works_where_the_browser_keeps_nothing_of_it(
    open_page: OpenPage, drawing: Path
) -> None:
    page = open_page("/healthz", allow="404")  # a text has no icon
    page.add_init_script(KEEPS_NOTHING)
    page.goto("/")
    surface(page).hover()
    expect(page.locator("form[data-draw][data-ready]")).to_have_count(1)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    before = page.url
    draw(page, ONE)
    expect(page).not_to_have_url(before)
    expect(page.locator(".predicted")).to_have_text("1")
    page.get_by_text("Other digits").click()
    page.get_by_label(re.compile("^Your own image")).set_input_files(drawing)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".provenance")).to_have_text(re.compile("dark on a light background"))
