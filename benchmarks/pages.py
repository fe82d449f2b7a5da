"""Pages in a browser: how often they follow the pen, and how soon an answer stands on them."""

from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.processes import chromium, skiplens
from benchmarks.results import Result, Target

if TYPE_CHECKING:
    from playwright.sync_api import Page

TITLE = "The page in a browser (Chromium, 1440 x 900)"
_STROKE_SECONDS: Final = 3.0
_TOGGLES: Final = 20
_READY = "html[data-ready]"
# Answers to a pointer that moves with each frame of the screen, and seconds. The page moves it:
# Playwright waits for the browser after each move, which takes two frames of the screen.
_DRAW = """async (seconds) => {
  const surface = document.querySelector("[data-draw-surface]");
  const { x, y } = surface.getBoundingClientRect();
  const point = (type, step) => surface.dispatchEvent(new PointerEvent(type, {
    bubbles: true, pointerId: 1, pointerType: "mouse",
    clientX: x + 60 + step % 120, clientY: y + 40 + step % 150 }));
  let frames = 0, step = 0;
  new PerformanceObserver((list) => {
    frames += list.getEntries().filter(({ name }) => name.includes("/live")).length;
  }).observe({ type: "resource" });
  const start = performance.now();
  point("pointerdown", step);
  while (performance.now() - start < 1000 * seconds) {
    point("pointermove", step += 1);
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  const found = [frames, (performance.now() - start) / 1000];
  point("pointerup", step);
  return found;
}"""
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
    with chromium() as browser, skiplens() as server:
        if browser is None:
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


def _updates(page: "Page") -> float:
    """Frames a second that arrive while the pointer moves all the time."""
    frames, seconds = page.evaluate(_DRAW, _STROKE_SECONDS)
    return float(frames / seconds)
