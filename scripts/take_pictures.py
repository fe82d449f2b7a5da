"""Takes the README's picture of a running server: ``python -m scripts.take_pictures``.

With ``--look FOLDER`` it also takes every kind of page, light and dark, wide and narrow, for
whoever changes how they look.
"""

import argparse
import shutil
from itertools import product
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

from app.settings import ROOT

PICTURE: Final = ROOT / "docs" / "gallery.png"
WIDE: Final = 1440
NARROW: Final = 390
_HEIGHT: Final = 1000

Scheme = Literal["light", "dark"]
_SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


def main() -> None:
    """Take the picture, and the others where they are asked for."""
    parser = argparse.ArgumentParser(prog="python -m scripts.take_pictures", description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:8000", help="of the server")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of the browser")
    parser.add_argument("--look", type=Path, metavar="FOLDER", help="take every page into it")
    given = parser.parse_args()
    if given.chromium is None:
        parser.error("no chromium is on the path; name one with --chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
        PICTURE.parent.mkdir(exist_ok=True)
        page = opened(browser, given.address, WIDE, "light")
        page.screenshot(path=PICTURE, full_page=True, clip=_down_to(page, "#block1"))
        print(PICTURE)
        if given.look is not None:
            look(browser, given.address, given.look)
        browser.close()


def opened(browser: Browser, address: str, width: int, scheme: Scheme) -> Page:
    """A page with all its pictures loaded, those further down too."""
    context = browser.new_context(viewport={"width": width, "height": _HEIGHT}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    page.evaluate("document.querySelectorAll('img').forEach((one) => { one.loading = 'eager' })")
    page.wait_for_load_state("networkidle")
    return page


def _down_to(page: Page, section: str) -> FloatRect:
    """The page from its top to the end of a section."""
    box = page.locator(section).bounding_box()
    if box is None:
        raise RuntimeError(f"the page has no section {section}")
    return {"x": 0, "y": 0, "width": WIDE, "height": box["y"] + box["height"]}


def look(browser: Browser, address: str, folder: Path) -> None:
    """Take every kind of page, whole, of the first two samples."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = opened(browser, address, WIDE, "light").request.get(f"{address}/api/v1/samples")
    gallery, other = (one["page_url"] for one in samples.json()[:2])
    pages = {
        "gallery": gallery,
        "layer": f"{gallery}/layers/block1.output",
        "filter": f"{gallery}/layers/block1.conv1/filters/3",
        "block": f"{gallery}/blocks/block2",
        "depth": f"{gallery}/depth",
        "compare": f"/compare?a={_view(gallery)}&b={_view(other)}",
        "error": f"{gallery}/layers/none",
        "docs": "/docs",
    }
    for name, path in pages.items():
        for scheme, width in product(_SCHEMES, (WIDE, NARROW)):
            page = opened(browser, address + path, width, scheme)
            file = folder / f"{name}-{scheme}-{width}.png"
            page.screenshot(path=file, full_page=True)
            page.context.close()
            print(file)


def _view(gallery: str) -> str:
    """``network/digit``, as a comparison names it."""
    _, _, network, _, digit = gallery.split("/")
    return f"{network}/{digit}"


if __name__ == "__main__":
    main()
