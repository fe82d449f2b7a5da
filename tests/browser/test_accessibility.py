"""What opens on a page, and what people ask of their system."""

import re
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import OpenPage

SCHEMES: Final = ("light", "dark")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_in_what_opens(open_page: OpenPage, axe: Path, scheme: str) -> None:
    page = open_page("/", color_scheme=scheme, width=390)
    page.get_by_role("button", name="Keyboard").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page, axe) == []
    page.keyboard.press("Escape")
    page.get_by_text("Other digits").click()
    page.get_by_text("Network map", exact=True).click()
    expect(page.get_by_role("link", name=re.compile("^sample 0")).first).to_be_visible()
    assert violations(page, axe) == []


def test_motion_stays_out_where_none_is_asked_for(open_page: OpenPage) -> None:
    page = open_page("/", reduced_motion="reduce")
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((one) => {
          const { transitionDuration, animationDuration } = getComputedStyle(one);
          return [transitionDuration, animationDuration].join().split(",")
            .some((time) => parseFloat(time) > 0.01);
        }).map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert moving == []


def test_in_forced_colours_everything_is_still_there(open_page: OpenPage) -> None:
    page = open_page("/", forced_colors="active")
    for part in (
        ".bar .current",
        ".network-map path.identity",
        ".network-map path.residual",
        ".predicted",
    ):
        shown, ground = page.locator(part).first.evaluate(
            "(one) => { const style = getComputedStyle(one); return ["
            "one instanceof SVGElement ? (style.fill === 'none' ? style.stroke : style.fill)"
            " : style.color, getComputedStyle(document.body).backgroundColor] }"
        )
        assert shown != ground, part
