"""Where every kind of page is on a server."""

from typing import Final

import httpx2
from playwright.sync_api import Page

from scripts.pages import PAGES

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


def address(server: str, name: str) -> str:
    """Where a page is, of the first two samples."""
    samples = httpx2.get(f"{server}/api/v1/samples").json()
    return PAGES[name].format(digit=samples[0]["id"], other=samples[1]["id"])


def wait_until_ready(page: Page) -> None:
    """Wait until the scripts have wired the page and the pictures in view are there."""
    page.wait_for_function(READY)


def load_pictures(page: Page) -> None:
    """Fetch those further down too."""
    page.evaluate("document.querySelectorAll('img').forEach((one) => { one.loading = 'eager' })")
    wait_until_ready(page)
