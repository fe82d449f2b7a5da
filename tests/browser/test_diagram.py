"""The words of the spine in a real browser, at every width and while one draws."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import SEVEN, draw, open_surface
from tests.browser.pages import address

pytestmark = pytest.mark.browser

WIDTHS = (720, 1023, 1024, 1280, 1440, 1499, 1500, 1920, 2560)
# Words are as wide as what they say, lines as wide as their stroke.
TOUCHING = """() => {
  const found = [];
  const touch = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  for (const rail of document.querySelectorAll(".diagram-block")) {
    const scale = rail.querySelector(".diagram-line").getBoundingClientRect().width / 120;
    const words = [...rail.querySelectorAll(".diagram-label > :not(.visually-hidden)")]
      .filter((one) => one.checkVisibility())
      .map((one) => {
        const range = document.createRange();
        range.selectNodeContents(one);
        const box = range.getBoundingClientRect();
        return { name: one.textContent, label: one.parentElement, box };
      });
    const straight = ".branch-line path, .identity-upper path, .identity-lower path";
    const lines = [...rail.querySelectorAll(straight)].map((one) => {
      const { left, right, top, bottom } = one.getBoundingClientRect();
      const half = Number(one.getAttribute("stroke-width")) * scale / 2;
      return { left: left - half, right: right + half, top, bottom };
    });
    for (const [at, word] of words.entries()) {
      if (word.box.right > rail.getBoundingClientRect().right) found.push([word.name, "maps"]);
      if (lines.some((line) => touch(word.box, line))) found.push([word.name, "line"]);
      for (const other of words.slice(at + 1)) {
        if (other.label !== word.label && touch(word.box, other.box)) {
          found.push([word.name, other.name]);
        }
      }
    }
  }
  return found;
}"""


def expect_room(page: Page) -> None:
    """No word of the spine touches another, a line or the maps."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("new Promise(requestAnimationFrame)")
        assert page.evaluate(TOUCHING) == [], width


@pytest.mark.parametrize("name", ["gallery", "gallery with gates"])
def test_words_of_the_spine_stand_clear_of_each_other_and_of_its_lines(
    open_page: OpenPage, server: str, name: str
) -> None:
    page = open_page(address(server, name))
    expect_room(page)
    open_surface(page)
    draw(page, SEVEN)
    expect(page.locator(".predicted-digit")).to_have_text("7")
    expect_room(page)
