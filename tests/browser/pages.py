"""Where every kind of page is on a server."""

from typing import Final

import httpx2
from playwright.sync_api import Page

from scripts.pages import PAGES

ERRORS: Final = {"error", "expired digit"}


def address(server: str, name: str) -> str:
    """Where a page is, of the first two samples."""
    samples = httpx2.get(f"{server}/api/v1/samples").json()
    return PAGES[name].format(digit=samples[0]["id"], other=samples[1]["id"])


def load_pictures(page: Page) -> None:
    """Fetch those further down too."""
    page.evaluate("document.querySelectorAll('img').forEach((one) => { one.loading = 'eager' })")
    page.wait_for_load_state("networkidle")
