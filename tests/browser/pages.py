"""Where every kind of page is on a server, and what tests wait for on it."""

import re
from typing import Final

import httpx2
from playwright.sync_api import Page, Route

from scripts.pages import PAGES
from tests.conftest import PATIENCE, wait_until

ERRORS: Final = {"error", "expired digit"}
READY: Final = """() => {
  const wired = !document.querySelector("script[src$='js/page.js']")
    || "ready" in document.documentElement.dataset;
  const inView = (image) => {
    const { top, bottom, left, right } = image.getBoundingClientRect();
    return bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
  };
  const awaited = [...document.images].filter((one) =>
    one.src && one.checkVisibility() && (one.loading !== "lazy" || inView(one)));
  return document.readyState === "complete" && wired
    && awaited.every((one) => one.complete);
}"""
# Whether stem and head of the network map lie in the part of it that is shown.
MAP_ENDS_IN_VIEW: Final = """() => {
  const shown = document.querySelector(".map-scroll").getBoundingClientRect();
  return [...document.querySelectorAll(".network-map .end")].every((end) => {
    const { top, bottom, left, right } = end.getBoundingClientRect();
    return top >= shown.top && bottom <= shown.bottom && left >= shown.left && right <= shown.right;
  });
}"""


def fetch(address: str) -> httpx2.Response:
    """What a server answers, for which a busy machine may take more than httpx's five seconds."""
    # Without TLS there is nothing to verify; the system's certificates take a while to read.
    return httpx2.get(address, timeout=PATIENCE, verify=False)


def address(server: str, name: str) -> str:
    """Where a page is, of the first two samples."""
    samples = fetch(f"{server}/api/v1/samples").json()
    return PAGES[name].format(digit=samples[0]["id"], other=samples[1]["id"])


def wait_until_ready(page: Page) -> None:
    """Wait until the scripts have wired the page and the pictures in view are there."""
    page.wait_for_function(READY)


def stop_clock(page: Page) -> None:
    """Let time pass only as ``page.clock.run_for`` says, on each page of its context."""
    page.clock.install(time=0)
    page.clock.pause_at(1000)


def next_frame(page: Page) -> None:
    """Let the page draw what it has."""
    page.evaluate("new Promise(requestAnimationFrame)")


class Held:
    """Requests of a page that are kept from the server, until they are released."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._routes: list[Route] = []
        self._keeps = True

    def __len__(self) -> int:
        return len(self._routes)

    def __call__(self, route: Route) -> None:
        self._routes.append(route)
        if not self._keeps:
            route.continue_()

    def release(self, number: int = 0) -> None:
        """Let one go on to the server; it may still be on its way to here."""
        self.wait_for(number)
        self._routes[number].continue_()

    def abort(self, number: int = 0) -> None:
        """Let one fail, as without a connection."""
        self.wait_for(number)
        self._routes[number].abort()

    def wait_for(self, number: int = 0) -> None:
        """Wait until the page has sent the request of that number, from 0."""
        wait_until(lambda: len(self._routes) > number, lambda: next_frame(self._page))

    def release_all(self) -> None:
        """Let go on what is here, and keep nothing that comes.

        To stop routing would also let them go on, but only where nothing else is routed.
        """
        self._keeps = False
        for route in list(self._routes):
            route.continue_()


def hold(page: Page, address: str | re.Pattern[str], times: int | None = None) -> Held:
    """Keep requests to an address from the server, so many of them."""
    held = Held(page)
    page.route(address, held.__call__, times=times)  # Playwright looks at what a function takes
    return held


def load_pictures(page: Page) -> None:
    """Fetch those further down too."""
    page.evaluate("document.querySelectorAll('img').forEach((one) => { one.loading = 'eager' })")
    wait_until_ready(page)
