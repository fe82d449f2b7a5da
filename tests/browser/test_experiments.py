"""Experiments: figures follow a drawing, and the stream reads it without ten of its blocks."""

import re
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import SEVEN, Points, draw, surface, touch, unsaved
from tests.browser.pages import address, fetch, next_frame, stop_clock

BY_HAND: Final = pytest.mark.parametrize(
    ("width", "stroke"), [(1440, draw), (390, touch)], ids=["by mouse", "by touch on a phone"]
)
Stroke = Callable[[Page, Points], None]


def start(open_page: OpenPage, server: str, path: str, width: int) -> Page:
    """The page with a sample that is a four, ready to be drawn on."""
    samples = fetch(f"{server}/api/v1/samples").json()
    four = next(one["id"] for one in samples if one["label"] == 4)
    phone = {"has_touch": True, "is_mobile": True} if width < 400 else {}
    page = open_page(f"{path}?digit={four}", width=width, **phone)
    surface(page).hover()
    expect(page.locator("form[data-draw][data-ready]")).to_have_count(1)
    return page


@BY_HAND
def test_every_rung_of_the_ladder_follows_a_drawing(
    open_page: OpenPage, server: str, width: int, stroke: Stroke
) -> None:
    page = start(open_page, server, "/experiments", width)
    rungs = page.locator(".rungs a b")
    expect(rungs).to_have_text(["4"] * 8)
    with unsaved(page):
        stroke(page, SEVEN)
        expect(rungs).to_have_text(["7"] * 8)


@pytest.mark.parametrize(
    ("experiment", "key"),
    [
        ("removal", "removal.path"),
        ("order", "order.found"),
        ("early-exits", "early-exits.class7"),
        ("gradients", "gradients.identity"),
    ],
)
def test_a_curve_follows_a_drawing(
    open_page: OpenPage, server: str, experiment: str, key: str
) -> None:
    page = start(open_page, server, f"/experiments/{experiment}", 1440)
    curve = page.locator(f'[data-live-d="{key}"]')
    shape = curve.get_attribute("d") or ""
    with unsaved(page):
        draw(page, SEVEN)
        expect(page.locator(".predicted")).to_have_text("7")
        expect(curve).not_to_have_attribute("d", shape)


@BY_HAND
def test_a_drawing_is_read_with_ten_blocks_taken_out(
    open_page: OpenPage, server: str, width: int, stroke: Stroke
) -> None:
    page = start(open_page, server, "/experiments", width)
    before = page.url
    stroke(page, SEVEN)
    expect(page).not_to_have_url(before)
    page.get_by_role("link", name="the 10 least needed").click()
    expect(page).to_have_url(re.compile("scale="))
    expect(page.get_by_text("With 10 of 27 blocks removed")).to_contain_text("is still 7")
    expect(page.locator(".predicted")).to_have_text("7")
    expect(page.locator(".predicted")).to_be_in_viewport()


@pytest.mark.fresh_context  # the clock is its context's
def test_what_is_played_after_a_pause_steps_once_at_a_time(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(address(server, "experiment on classes"))
    before = page.url
    stop_clock(page)
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/classes" in request.url else None
    )
    play, pause = (page.get_by_role("button", name=name) for name in ("Play", "Pause"))
    play.click()
    expect(pause).to_be_visible()
    page.clock.run_for(400)
    pause.click()
    play.click()
    expect(pause).to_be_visible()
    page.clock.run_for(800)
    assert asked == []
    page.clock.run_for(200)
    expect(page).not_to_have_url(before)
    pause.click()
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("path", "link", "presses"),
    [("classes?after=1", "Step back", 1), ("order?move=block3", "earlier", 2)],
)
def test_a_move_that_there_is_no_more_keeps_the_focus(
    open_page: OpenPage, path: str, link: str, presses: int
) -> None:
    page = open_page(f"/experiments/{path}")
    move = page.get_by_role("link", name=link, exact=True)
    move.focus()
    for _ in range(presses):
        before = page.url
        page.keyboard.press("Enter")
        expect(page).not_to_have_url(before)
    expect(move).to_have_attribute("aria-disabled", "true")
    expect(move).to_be_focused()
    before = page.url
    page.keyboard.press("Enter")
    next_frame(page)
    assert page.url == before
