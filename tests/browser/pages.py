"""Every kind of page, by a name for people."""

from typing import Final

import httpx2
from playwright.sync_api import Page

GALLERY: Final = "/networks/mnist-resnet/digits/{digit}"
PAGES: Final = {
    "gallery": GALLERY,
    "gallery without a block": f"{GALLERY}?off=block2",
    "gallery of the classic network": "/networks/mnist-classic/digits/{digit}",
    "layer": f"{GALLERY}/layers/block1.output",
    "filter": f"{GALLERY}/layers/block1.conv1/filters/3",
    "filter of the stem": f"{GALLERY}/layers/stem.conv/filters/0",
    "block": f"{GALLERY}/blocks/block2",
    "block with a gate": "/networks/mnist-highway/digits/{digit}/blocks/block2",
    "depth": f"{GALLERY}/depth",
    "depth without identity paths": "/networks/mnist-plain/digits/{digit}/depth",
    "pictures of 2016": "/networks/mnist-classic/digits/{digit}/classic",
    "comparison": "/compare?a=mnist-resnet/{digit}&b=mnist-resnet/{other}",
    "data set": "/networks/mnist-resnet/dataset",
    "error": "/nowhere",
    "expired digit": "/networks/mnist-resnet/digits/0123456789abcdef",
    "documentation": "/docs",
}
ERRORS: Final = {"error", "expired digit"}


def address(server: str, name: str) -> str:
    """Where a page is, of the first two samples."""
    samples = httpx2.get(f"{server}/api/v1/samples").json()
    return PAGES[name].format(digit=samples[0]["id"], other=samples[1]["id"])


def load_pictures(page: Page) -> None:
    """Fetch those further down too."""
    page.evaluate("document.querySelectorAll('img').forEach((one) => { one.loading = 'eager' })")
    page.wait_for_load_state("networkidle")
