"""A network that reads rows: one row of the digit, in every picture of the page."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_hover import (
    box_of,
    figure,
    four_digits,
    maps_of,
    page_of_a_digit,
    point,
)

pytestmark = pytest.mark.browser

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
