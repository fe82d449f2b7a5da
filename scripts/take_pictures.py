"""Takes the README's pictures of a running server: ``.venv/bin/python -m scripts.take_pictures``.

With ``--look FOLDER`` it takes every kind of page instead, light and dark, wide and narrow, for
whoever changes how they look.
"""

import argparse
import shutil
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

from scripts.pages import PAGES
from skiplens.settings import ROOT

PICTURES: Final = ROOT / "docs"
WIDE: Final = 1440
NARROW: Final = 390
_HEIGHT: Final = 1000

Scheme = Literal["light", "dark"]
_SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
_TWO: Final = (  # a stroke, as shares of the surface's width and height
    *((0.29, 0.36), (0.33, 0.24), (0.42, 0.17), (0.53, 0.16), (0.64, 0.21), (0.69, 0.32)),
    *((0.66, 0.44), (0.56, 0.57), (0.42, 0.7), (0.29, 0.82), (0.5, 0.81), (0.73, 0.81)),
)


def main() -> None:
    """Take the README's screenshots, or with ``--look`` those of every page."""
    parser = argparse.ArgumentParser(prog="python -m scripts.take_pictures", description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:8000", help="of the server")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of the browser")
    parser.add_argument("--look", type=Path, metavar="FOLDER", help="take every page into it")
    given = parser.parse_args()
    if given.chromium is None:
        parser.error("no chromium is on the path; name one with --chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
        if given.look is not None:
            look(browser, given.address, given.look)
        else:
            PICTURES.mkdir(exist_ok=True)
            for take in (take_gallery, take_drawing, take_value, take_experiment):
                print(take(browser, given.address))
        browser.close()


def take_gallery(browser: Browser, address: str) -> Path:
    """The gallery as one sees it first."""
    return _save(opened(browser, address, WIDE, "light"), "gallery.png")


def take_drawing(browser: Browser, address: str) -> Path:
    """A drawn digit with a branch switched off."""
    page = opened(browser, address, WIDE, "dark")
    box = _box(page, "[data-draw-surface]")
    first, *others = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in _TWO]
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    page.wait_for_url("**/digits/*")  # stored when the pen rests
    page.locator("#map-block4 .map-toggle").click()
    page.wait_for_url("**scale=block4:0")
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    page.wait_for_selector("canvas.live-canvas", state="detached")
    return _save(page, "drawing.png")


def take_value(browser: Browser, address: str) -> Path:
    """One value of a filter's map, explained."""
    gallery = _samples(browser, address)[0]["page_url"]
    page = opened(
        browser, f"{address}{gallery}/layers/block1.conv1/filters/3?at=8,12", WIDE, "light"
    )
    return _save(page, "value.png")


def _save(page: Page, name: str) -> Path:
    path = PICTURES / name
    page.screenshot(path=path)
    page.context.close()
    return path


def take_experiment(browser: Browser, address: str) -> Path:
    """A four of the samples, with the ten least needed of 27 blocks removed."""
    four = next(one["id"] for one in _samples(browser, address) if one["label"] == 4)
    page = opened(browser, f"{address}/experiments/removal?digit={four}", WIDE, "light")
    page.get_by_text("the 10 least needed").click()
    page.wait_for_url("**scale=**")
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    return _save(page, "experiment.png")


def opened(browser: Browser, address: str, width: int, scheme: Scheme) -> Page:
    """A page with all its pictures loaded, those further down too."""
    context = browser.new_context(viewport={"width": width, "height": _HEIGHT}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    page.evaluate("document.querySelectorAll('img').forEach((one) => { one.loading = 'eager' })")
    page.wait_for_load_state("networkidle")
    return page


def _samples(browser: Browser, address: str) -> list[dict[str, Any]]:
    """The records of the samples."""
    context = browser.new_context()
    found: list[dict[str, Any]] = context.request.get(f"{address}/api/v1/samples").json()
    context.close()
    return found


def _box(page: Page, section: str) -> FloatRect:
    page.locator(section).wait_for()
    box = page.locator(section).bounding_box()
    if box is None:
        raise RuntimeError(f"the page has no section {section}")
    return box


def look(browser: Browser, address: str, folder: Path) -> None:
    """Take every kind of page, whole, of the first two samples."""
    folder.mkdir(parents=True, exist_ok=True)
    digit, other = (one["id"] for one in _samples(browser, address)[:2])
    for name, path in PAGES.items():
        for scheme, width in product(_SCHEMES, (WIDE, NARROW)):
            page = opened(browser, address + path.format(digit=digit, other=other), width, scheme)
            file = folder / f"{name.replace(' ', '-')}-{scheme}-{width}.png"
            page.screenshot(path=file, full_page=True)
            page.context.close()
            print(file)


if __name__ == "__main__":
    main()
