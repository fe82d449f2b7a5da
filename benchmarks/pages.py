"""Pages in a browser: how often they follow the pen, and how soon an answer stands on them."""

import time
from collections.abc import Iterator
from shutil import which
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.processes import skiplens
from benchmarks.results import Result, Target

if TYPE_CHECKING:
    from playwright.sync_api import Page

TITLE = "The page in a browser (Chromium, 1440 x 900)"
_STROKE_SECONDS: Final = 3.0
_TOGGLES: Final = 20
_READY = "html[data-ready]"
# Milliseconds from a click on a branch until another probability has been painted.
_TOGGLE = """async (name) => {
  const share = document.querySelector(".answer [data-live=share]");
  const bars = () => document.querySelector(".bars").textContent + share.textContent;
  const before = bars();
  const start = performance.now();
  document.querySelector(`#map-${name} .map-toggle`).dispatchEvent(
    new MouseEvent("click", { bubbles: true, cancelable: true }));
  while (bars() === before && performance.now() - start < 2000) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  const spent = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve, 300));
  return spent;
}"""


def measure() -> Iterator[Result]:
    """Updates a second while one draws, and milliseconds for a branch; nothing without Chromium."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return
    with skiplens() as server, sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=which("chromium-headless-shell") or which("chromium"),
                args=["--no-sandbox"],
            )
        except Error:
            return
        page = browser.new_context(
            viewport={"width": 1440, "height": 900}, bypass_csp=True
        ).new_page()
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.wait_for_selector(_READY)
        yield Result("updates while one draws", _updates(page), "/s", target=Target(">=", 50))
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.wait_for_selector(_READY)
        found = [page.evaluate(_TOGGLE, f"block{1 + at % 6}") for at in range(_TOGGLES)]
        yield Result("a branch switched: answer on screen", median(found), "ms", Target("<=", 100))
        browser.close()


def _updates(page: "Page") -> float:
    """Frames a second that arrive while the pointer moves all the time."""
    frames: list[str] = []
    page.on("response", lambda one: frames.append(one.url) if "/live" in one.url else None)
    box = page.locator("[data-draw-surface]").bounding_box() or {"x": 0, "y": 0}
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    started, step = time.perf_counter(), 0
    while (spent := time.perf_counter() - started) < _STROKE_SECONDS:
        step += 1
        page.mouse.move(box["x"] + 60 + step % 120, box["y"] + 40 + step % 150)
    page.mouse.up()
    return len(frames) / spent
