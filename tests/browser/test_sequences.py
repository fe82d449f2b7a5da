"""A network that reads rows: one row of the digit, in every picture of the page."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import ONE, draw, surface, unsaved
from tests.browser.test_hover import (
    box_of,
    figure,
    four_digits,
    maps_of,
    page_of_a_digit,
    point,
)

STEPS = ".tooltip > .tooltip-step"
ROW, UNIT = 14, 20


def point_at_row(page: Page, shown: Locator) -> None:
    zoom = int(shown.get_attribute("data-zoom") or "")
    point(page, shown.locator("img"), 2 + (UNIT + 0.5) * zoom, 9 + (ROW + 0.5) * zoom)


def test_pointing_at_a_row_marks_it_in_every_sequence_and_on_the_digit(
    open_page: OpenPage, server: str
) -> None:
    where = page_of_a_digit(server, "").replace("mnist-resnet", "mnist-rows")
    page = open_page(where)
    shown = figure(page, "block1.residual")
    point_at_row(page, shown)
    value = four_digits(float(maps_of(shown, server)[0, ROW, UNIT]))
    line = page.locator("#block1 [data-equation-line]")
    expect(line).to_contain_text(f"unit {UNIT}, row {ROW}:")
    expect(line).to_contain_text(f"F(x) {value}")
    marks = [box_of(mark) for mark in page.locator(STEPS).all()]
    for picture in (shown.locator("img"), page.locator("#block1 [data-step-rows] img")):
        box = box_of(picture)
        assert any(
            box["x"] <= mark["x"] < box["x"] + box["width"]
            and box["y"] < mark["y"] < box["y"] + box["height"]
            for mark in marks
        )


def test_the_states_follow_the_pen(open_page: OpenPage, server: str) -> None:
    page = open_page(page_of_a_digit(server, "").replace("mnist-resnet", "mnist-rows"))
    surface(page).hover()
    expect(page.locator("form[data-draw][data-ready]")).to_have_count(1)
    figure(page, "block1.residual")
    states = page.locator('#block1 figure[data-layer="block1.residual"] canvas.live-canvas')
    with unsaved(page):
        draw(page, ONE)
        expect(page.locator(".predicted")).to_have_text("1")
        expect(states).to_have_count(1)
        expect(page.locator("#block1 [data-step-rows] canvas.is-live")).to_be_visible()
        first = states.evaluate("(canvas) => canvas.toDataURL()")
        surface(page).scroll_into_view_if_needed()
        draw(page, ((0.2, 0.75), (0.8, 0.75)))
        page.wait_for_function(
            "([canvas, first]) => canvas.toDataURL() !== first",
            arg=[states.element_handle(), first],
        )
