"""Draws on the page as a hand does: real mouse moves, real touches, a real pen's pressure."""

import json
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from playwright.sync_api import FloatRect, Locator, Page, Response, expect

from tests.browser.pages import Held, hold, next_frame

Points = Sequence[tuple[float, float]]

SEVEN: Points = ((0.28, 0.25), (0.72, 0.25), (0.5, 0.55), (0.42, 0.82))
ONE: Points = ((0.5, 0.2), (0.5, 0.5), (0.5, 0.8))
LIVE = re.compile("/networks/[^/]+/live")
STORE = "**/api/v1/digits"
SHORT_REST = """
  const set = window.setTimeout;
  window.setTimeout = (run, time, ...rest) => set(run, time === 700 ? 30 : time, ...rest);
"""
"""For a page on which one stroke is a whole drawing: it is stored soon after."""
_STEPS = 6


def surface(page: Page) -> Locator:
    return page.get_by_role("img", name="Drawing canvas")


def box_of(page: Page) -> FloatRect:
    box = surface(page).bounding_box()
    assert box is not None
    return box


def places(page: Page, points: Points) -> list[tuple[float, float]]:
    """Where points of the surface are in the window, with some between."""
    box = box_of(page)
    between = [
        (a[0] + (b[0] - a[0]) * step / _STEPS, a[1] + (b[1] - a[1]) * step / _STEPS)
        for a, b in pairwise(points)
        for step in range(_STEPS)
    ]
    return [
        (box["x"] + x * box["width"], box["y"] + y * box["height"])
        for x, y in (*between, points[-1])
    ]


def draw(page: Page, points: Points) -> None:
    """One stroke with the mouse."""
    first, *others = places(page, points)
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place)
    page.mouse.up()


def write(page: Page, points: Points, force: float) -> None:
    """One stroke with a pen that is pressed so hard, from 0 to 1."""
    session = page.context.new_cdp_session(page)
    pen = {"button": "left", "clickCount": 1, "pointerType": "pen", "force": force}
    on_the_way = places(page, points)
    kinds = ["mousePressed", *["mouseMoved"] * len(on_the_way), "mouseReleased"]
    for kind, (x, y) in zip(kinds, [on_the_way[0], *on_the_way, on_the_way[-1]], strict=True):
        session.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **pen})


def touch(page: Page, points: Points) -> None:
    """One stroke with a finger."""
    session = page.context.new_cdp_session(page)
    first, *others = places(page, points)
    for kind, (x, y) in (("touchStart", first), *(("touchMove", place) for place in others)):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def ink(page: Page) -> int:
    """How many pixels of the surface are white, once what was drawn before is drawn again."""
    expect(page.locator("form[data-draw][data-ready]")).to_have_count(1)
    next_frame(page)
    count = surface(page).evaluate(
        """(canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((value, at) => at % 4 === 0 && value > 127).length;
        }"""
    )
    return int(count)


def is_live(response: Response) -> bool:
    return LIVE.search(response.url) is not None


@contextmanager
def held(page: Page, address: str | re.Pattern[str] = LIVE) -> Iterator[Held]:
    """Keeps what is sent while one draws from the server, until it is released."""
    requests = hold(page, address)
    yield requests
    page.unroute(address)


@contextmanager
def unsaved(page: Page) -> Iterator[None]:
    """Keeps drawings from being stored, so that the page goes on following them."""
    requests = hold(page, STORE)
    yield
    requests.release_all()


def release(page: Page, requests: Held, number: int) -> Response:
    """Lets the server answer the picture of that number."""
    with page.expect_response(is_live) as answer:
        requests.release(number)
    return answer.value


def header(response: Response) -> dict[str, Any]:
    """What a frame says."""
    content = response.body()
    (length,) = struct.unpack_from("<I", content)
    said: dict[str, Any] = json.loads(content[4 : 4 + length])
    return said
