"""Maps that the browser paints: as the server has them, and with no request for another look."""

import base64
import io
import re
from itertools import product
from typing import Literal

import httpx2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from skiplens.core.value_range import Normalisation
from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser

NORMALISATIONS = tuple(Normalisation)
LAYERS = ("block2.residual", "block2.sum", "block2.output")
SAME = """({ layer, expected }) => {
  const canvas = document.querySelector(`figure[data-layer="${layer}"] canvas`);
  if (!canvas?.width) return false;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const wanted = Uint8Array.from(atob(expected), (letter) => letter.charCodeAt(0));
  return data.length === wanted.length && data.every((part, at) => part === wanted[at]);
}"""
PLATE = """async (work) => {
  const main = document.querySelector("script[src$='js/page.js']").src;
  const figures = await import(main.replace("page.js", "maps/painted-figure.js"));
  const figure = document.querySelector("figure[data-layer='stem.output']");
  if (work === "restore") return figures.restoreFigure(figure);
  const values = new Float32Array(28 * 28 * 16).fill(2).fill(0, 0, 16);
  const sharedRanges = { network: [-1, 4], block: null };
  const maps = { height: 28, width: 28, filters: 16, values };
  return figures.paintFigure(figure, maps, { normalize: work, palette: "grey", sharedRanges });
}"""


def requests_of(page: Page, event: Literal["request", "requestfinished"] = "request") -> list[str]:
    """What the page asks for from now on, beside its own scripts and icon."""
    asked: list[str] = []

    def note(address: str) -> None:
        if "/static/" not in address:
            asked.append(address)

    page.on(event, lambda request: note(request.url))
    return asked


def choose(page: Page, *, normalize: str, palette: str) -> None:
    page.get_by_label("Value range of").select_option(normalize)
    page.get_by_label("Palette").select_option(palette)


def figure(page: Page, layer: str) -> Locator:
    return page.locator(f'figure[data-layer="{layer}"]')


def rgba(address: str) -> str:
    """A picture of the server's as an ImageData has it, in base64."""
    picture = Image.open(io.BytesIO(httpx2.get(address).content)).convert("RGBA")
    pixels = np.array(picture)
    pixels[pixels[:, :, 3] == 0] = 0  # what is transparent has no colour on a canvas
    return base64.b64encode(pixels.tobytes()).decode()


def test_a_canvas_is_the_servers_picture_pixel_for_pixel(open_page: OpenPage, server: str) -> None:
    page = open_page("/?scale=block2:0#block2")
    address = figure(page, "block2.sum").get_attribute("data-values") or ""
    view = server + address.partition("/layers/")[0]
    for normalize, palette in product(NORMALISATIONS, ("light", "blue-orange")):
        choose(page, normalize=normalize, palette=palette)
        for layer in LAYERS:
            query = f"scale=block2:0&normalize={normalize}&palette={palette}"
            expected = rgba(f"{view}/layers/{layer}/grid.png?{query}")
            page.wait_for_function(SAME, arg={"layer": layer, "expected": expected})


def test_a_legend_that_takes_on_a_zero_has_it_between_its_ends(open_page: OpenPage) -> None:
    page = open_page("/#block1")
    legend = figure(page, "block1.output").locator(".legend")
    expect(legend.locator(".low")).to_have_text("0")
    choose(page, normalize="symmetric", palette="light")
    expect(legend.locator(".zero")).to_have_text("0")
    texts, tops = legend.evaluate(
        """(one) => {
          const spans = [...one.querySelectorAll("span:not(.range-scope)")];
          return [spans.map((span) => span.className),
            new Set(spans.map((span) => span.getBoundingClientRect().top)).size];
        }"""
    )
    assert (texts, tops) == (["low", "zero", "high"], 1)


def test_a_slim_grid_that_is_sorted_is_painted_as_it_was(open_page: OpenPage, server: str) -> None:
    page = open_page("/?normalize=layer&sort=maximum#block3", width=390)
    slim = figure(page, "block3.sum").locator("source").get_attribute("srcset") or ""
    choose(page, normalize="layer", palette="light")
    expected = rgba(f"{server}{slim}&palette=light")
    page.wait_for_function(SAME, arg={"layer": "block3.sum", "expected": expected})


def test_another_look_asks_for_raw_maps_once_and_nothing_else(open_page: OpenPage) -> None:
    page = open_page("/#block1")
    asked, finished = requests_of(page), requests_of(page, "requestfinished")
    choose(page, normalize="layer", palette="light")
    expect(figure(page, "block1.sum").locator(".range-scope")).to_contain_text("the whole layer")
    while len(finished) < len(asked):
        page.evaluate("new Promise(requestAnimationFrame)")
    maps = [address for address in asked if address.endswith("/activations.npy")]
    assert sorted(set(asked) - set(maps)) == [address for address in asked if "palettes" in address]
    assert len(maps) == len(set(maps))
    assert 0 < len(maps) < page.locator("figure[data-layer]").count()
    asked.clear()
    choose(page, normalize="filter", palette="blue-orange")
    expect(figure(page, "block1.sum").locator(".range-scope")).to_contain_text("its own")
    assert asked == []


def test_maps_that_come_near_are_painted_then(open_page: OpenPage) -> None:
    page = open_page("/")
    choose(page, normalize="network", palette="light")
    far = figure(page, "block6.output")
    expect(far.locator("canvas")).to_have_count(1)
    asked = requests_of(page)
    far.scroll_into_view_if_needed()
    expect(far.locator(".range-scope")).to_contain_text("the whole network")
    assert any(address.endswith("/block6.output/activations.npy") for address in asked)
    assert not any("grid.png" in address for address in asked)


@pytest.mark.parametrize("normalize", sorted(set(NORMALISATIONS) - {"layer", "block"}))
@pytest.mark.parametrize(
    "where",
    [
        "",
        "/layers/block3.conv1",
        "/layers/block1.residual/filters/3",
        "/layers/stem.conv/filters/1",
    ],
)
def test_the_page_says_the_same_as_if_the_server_had_drawn_it(
    open_page: OpenPage, where: str, normalize: str
) -> None:
    page = open_page("/")
    sample = page.locator(".samples a").first.get_attribute("href") or ""
    page.goto(sample + where)
    choose(page, normalize=normalize, palette="light")
    first = page.locator("figure[data-layer]").first
    words = page.locator("[name=normalize] option:checked").get_attribute("data-explanation")
    expect(first.locator(".range-scope")).to_contain_text(words or "?")
    expect(page).to_have_url(re.compile(f"normalize={normalize}&palette=light"))
    painted = said(page)
    page.reload()
    assert said(page) == painted


def said(page: Page) -> dict[str, object]:
    """Whatever of a page follows from its look: legend, links, ramps, plate, colours of numbers."""
    found: dict[str, object] = page.evaluate("""() => {
      const all = (selector, name) =>
        [...document.querySelectorAll(selector)].map((one) => one.getAttribute(name));
      const colour = (text) => {
        const context = new OffscreenCanvas(1, 1).getContext("2d");
        context.fillStyle = text;
        return context.fillStyle;
      };
      const first = document.querySelector("figure[data-layer]");
      return {
        legend: first.querySelector(".legend").innerText,
        ramp: first.querySelector(".color-bar rect").getAttribute("fill"),
        stops: all("stop", "stop-color").map(colour),
        links: all("main a[href], .network-nav a", "href").filter((href) => !href.startsWith("#")),
        forms: all("form", "action"),
        pictures: all("img[src*='/kernel']", "src"),
        cuttings: all(".parts image, .input-window image", "href"),
        squares: all("[data-level]", "fill").map(colour),
        numbers: all(".number-grid text", "class"),
        plate: document.querySelector(".page").className,
        words: document.querySelector("[data-palette-text]")?.textContent,
      };
    }""")
    return found


def test_where_painting_fails_the_server_draws_the_page(open_page: OpenPage) -> None:
    page = open_page("/", allow="ERR_FAILED")
    page.route("**/api/v1/palettes", lambda route: route.abort())
    page.get_by_label("Palette").select_option("light")
    page.wait_for_url("**palette=light**")
    expect(page.locator(".page.palette-light")).to_be_visible()
    expect(page.locator("canvas.map-canvas")).to_have_count(0)


def test_maps_of_another_digit_are_shown_and_taken_away_again(open_page: OpenPage) -> None:
    page = open_page("/")
    shown = figure(page, "stem.output")
    before = shown.locator("figcaption").inner_text()
    page.evaluate(PLATE, "network")
    expect(shown.locator(".high")).to_have_text("4.00")
    expect(shown.locator("img")).to_be_hidden()
    page.evaluate(PLATE, "layer")
    expect(shown.locator(".high")).to_have_text("2.00")
    expect(shown.locator("canvas")).to_have_count(1)
    page.evaluate(PLATE, "restore")
    expect(shown.locator("canvas")).to_have_count(0)
    expect(shown.locator("img")).to_be_visible()
    assert shown.locator("figcaption").inner_text() == before


def test_another_look_leaves_the_maps_that_are_shown(open_page: OpenPage) -> None:
    page = open_page("/")
    shown = figure(page, "stem.output")
    page.evaluate(PLATE, "network")
    choose(page, normalize="layer", palette="light")
    shown.scroll_into_view_if_needed()
    expect(shown.locator(".high")).to_have_text("2.00")
    page.evaluate(PLATE, "restore")
    expect(shown.locator(".high")).not_to_have_text("2.00")
    expect(shown.locator("canvas")).to_be_visible()
