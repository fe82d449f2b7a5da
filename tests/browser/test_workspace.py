"""The frame of every page: the network map, factors of branches, and what is in view at once."""

import re
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import ONE, draw, unsaved
from tests.browser.pages import MAP_ENDS_IN_VIEW, address, wait_until_ready

KEPT: Final = "() => { window.kept = true; }"
# Each map of the grids and rows that lie wholly in the window, but for their last row.
MAPS: Final = """() => [...document.querySelectorAll("figure[data-layer] img")]
  .map((one) => ({ one, box: one.getBoundingClientRect() }))
  .filter(({ one, box }) => one.checkVisibility() && box.top >= 0 && box.left >= 0
    && box.left < innerWidth && box.top < innerHeight)
  .reduce((count, { one, box }) => {
    const figure = one.closest("figure");
    const [height, width, filters] = figure.dataset.shape.split(" ").map(Number);
    const columns = figure.classList.contains("layer-strip")
      ? filters : Number(figure.dataset.columns);
    const rows = Math.ceil(filters / columns);
    const seen = Math.min(1, (innerHeight - box.top) / box.height);
    const across = Math.min(1, (innerWidth - box.left) / box.width);
    return count + Math.floor(rows * seen + 0.05) * Math.floor(columns * across);
  }, 0)"""


def toggle(page: Page, block: str) -> Locator:
    return page.locator(f"#map-{block} .map-toggle")


def bars(page: Page, kind: str) -> list[float]:
    """Lengths of the bars of each class: `current` or `ghost`."""
    rects = page.locator(f".bar .{kind}")
    widths = rects.evaluate_all("(all) => all.map((one) => one.getAttribute('width'))")
    return [float(width or 0) for width in widths]


@pytest.mark.parametrize("width", [1366, 1920])
def test_a_branch_is_switched_off_with_the_answer_in_view(open_page: OpenPage, width: int) -> None:
    page = open_page("/", viewport={"width": width, "height": 768})
    page.evaluate(KEPT)
    whole = bars(page, "current")
    page.locator("#block4").evaluate("(one) => one.scrollIntoView({ block: 'center' })")
    expect(page.locator("#block4 img").first).to_be_in_viewport()
    toggle(page, "block4").click()
    expect(page).to_have_url(re.compile("scale=block4:0"))
    change = page.locator(".prediction-change")
    expect(change).to_contain_text("Without block4, the prediction")
    for seen in (change, page.locator(".predicted"), toggle(page, "block4")):
        expect(seen).to_be_in_viewport(ratio=0.99)
    assert bars(page, "ghost") == whole
    assert bars(page, "current") != whole
    expect(toggle(page, "block4")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("window.kept")
    toggle(page, "block4").click()
    expect(page).not_to_have_url(re.compile("scale="))
    expect(change).to_have_text("")
    assert bars(page, "current") == whole


def test_back_undoes_a_toggle(open_page: OpenPage) -> None:
    page = open_page("/")
    for block in ("block2", "block3"):
        toggle(page, block).click()
        expect(toggle(page, block)).to_have_attribute("aria-pressed", "false")
    page.go_back()
    expect(toggle(page, "block3")).to_have_attribute("aria-pressed", "true")
    expect(toggle(page, "block2")).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".prediction-change")).to_contain_text("Without block2,")
    page.go_back()
    expect(toggle(page, "block2")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".prediction-change")).to_have_text("")


def test_a_branch_is_switched_by_the_keyboard_and_keeps_the_focus(open_page: OpenPage) -> None:
    page = open_page("/")
    toggle(page, "block2").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("scale=block2:0"))
    expect(toggle(page, "block2")).to_have_attribute("aria-pressed", "false")
    expect(toggle(page, "block2")).to_be_focused()
    expect(toggle(page, "block2")).to_have_accessible_name(re.compile("branch of block2"))
    expect(page.locator("#map-block2 a").first).to_have_accessible_name(re.compile("^block2: "))
    expect(page.locator("[data-prediction]")).to_have_attribute(
        "data-prediction", re.compile("without block2")
    )


def test_the_page_follows_the_dial_and_keeps_its_factor(open_page: OpenPage) -> None:
    page = open_page("/")
    dial = page.get_by_role("slider", name="Factor of the branch of block1")
    box = dial.bounding_box()
    assert box is not None
    before, share = page.url, page.locator(".bars .first td[data-live]").inner_text()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 2, middle, steps=4)
    expect(page.locator(".dial output")).to_have_text("0")
    expect(page.locator(".prediction-change")).to_contain_text("Without block1, the prediction")
    expect(page.locator(".bars .first td[data-live]")).not_to_have_text(share)
    assert page.url == before
    page.mouse.up()
    expect(page).to_have_url(re.compile("scale=block1:0"))
    expect(toggle(page, "block1")).to_have_attribute("aria-pressed", "false")


def test_the_dial_has_steps_for_the_keyboard(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("slider", name="Factor of the branch of block1").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"scale=block1:1\.05"))
    expect(page.locator(".prediction-change")).to_contain_text("1.05")


def test_presets_set_many_branches_at_once(open_page: OpenPage) -> None:
    page = open_page("/")
    page.evaluate(KEPT)
    sets = page.get_by_role("list", name="Sets of branches")
    sets.get_by_role("link", name="all off").click()
    for at in range(1, 7):
        expect(toggle(page, f"block{at}")).to_have_attribute("aria-pressed", "false")
    expect(sets.get_by_role("link", name="all off")).to_have_attribute("aria-current", "true")
    sets.get_by_role("link", name="as trained").click()
    expect(page).not_to_have_url(re.compile("scale="))
    page.get_by_role("list", name="Factors").get_by_role("link", name="0.5").click()
    expect(page).to_have_url(re.compile(r"scale=block1:0\.5"))
    assert page.evaluate("window.kept")


def test_a_branch_is_switched_off_while_one_draws(open_page: OpenPage) -> None:
    page = open_page("/")
    draw(page, ONE)
    toggle(page, "block2").click()
    expect(page).to_have_url(re.compile("scale=block2:0"))
    expect(toggle(page, "block2")).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".prediction-change")).to_contain_text("Without block2")
    wait_until_ready(page)
    with unsaved(page):
        draw(page, ((0.2, 0.8), (0.8, 0.8)))
        expect(page.locator("#stem canvas.live-canvas")).to_have_count(1)
        expect(page.locator(".prediction-change")).to_contain_text("Without block2")


@pytest.mark.parametrize(
    ("label", "value", "query"),
    [
        ("Colours", "light", "palette=light"),
        ("Value range", "layer", "normalize=layer"),
        ("Sorted by", "mean", "sort=mean"),
    ],
)
def test_a_chooser_changes_the_maps_in_place(
    open_page: OpenPage, label: str, value: str, query: str
) -> None:
    page = open_page("/")
    page.evaluate(KEPT)
    page.get_by_role("combobox", name=label).select_option(value)
    expect(page).to_have_url(re.compile(query))
    picture = page.locator("#block1 img").first
    expect(picture).to_have_attribute("src", re.compile(query))
    page.wait_for_function(
        "(one) => one.complete && one.naturalWidth", arg=picture.element_handle()
    )
    assert page.evaluate("window.kept")
    page.go_back()
    expect(picture).not_to_have_attribute("src", re.compile(query))


def test_the_map_leads_to_each_block_and_marks_it(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "gallery"))
    page.locator("#map-block3 a").first.click()
    expect(page).to_have_url(re.compile("/blocks/block3"))
    current = page.locator(".network-map .is-current")
    expect(current).to_have_count(1)
    expect(current).to_have_id("map-block3")
    expect(page.get_by_role("slider", name="Factor of the branch of block3")).to_be_visible()


def test_input_answer_map_and_maps_are_seen_at_once(open_page: OpenPage) -> None:
    page = open_page("/")
    for width, height in ((1366, 768), (1440, 900), (1920, 1080), (2560, 1440)):
        page.set_viewport_size({"width": width, "height": height})
        window = f"in a window of {width} by {height}"
        for place in ("[data-draw-surface]", ".predicted", ".answer .number", ".network-map svg"):
            expect(page.locator(place), window).to_be_in_viewport(ratio=1)
        for bar in page.locator(".bars tr").all():
            expect(bar, window).to_be_in_viewport(ratio=1)
        page.wait_for_function(f"innerWidth === {width} && ({MAPS})() >= 6")


@pytest.mark.parametrize("name", ["layer", "filter", "block", "comparison", "data set"])
def test_input_answer_and_map_are_in_every_pages_first_view(
    open_page: OpenPage, server: str, name: str
) -> None:
    page = open_page(address(server, name), viewport={"width": 1366, "height": 768})
    for place in ("[data-draw-surface]", ".predicted", ".network-map svg", "[data-dial]"):
        expect(page.locator(place)).to_be_in_viewport(ratio=1)


def test_a_phone_shows_input_answer_and_a_row_of_maps_at_once(open_page: OpenPage) -> None:
    viewport = {"width": 390, "height": 844}
    page = open_page("/", viewport=viewport, has_touch=True, is_mobile=True)
    for place in ("[data-draw-surface]", ".predicted", ".answer .number"):
        expect(page.locator(place)).to_be_in_viewport(ratio=1)
    expect(page.locator("figure[data-layer] img").first).to_be_in_viewport(ratio=0.3)
    page.wait_for_function(f"({MAPS})() >= 3")


@pytest.mark.parametrize("name", ["gallery", "comparison", "documentation"])
def test_the_current_section_is_in_view_on_a_phone(
    open_page: OpenPage, server: str, name: str
) -> None:
    page = open_page(address(server, name), width=360)
    expect(page.locator(".sections [aria-current]")).to_be_in_viewport(
        ratio=0.95
    )  # edges are rounded to pixels


@pytest.mark.parametrize("width", [390, 600, 768])
@pytest.mark.parametrize("name", ["gallery", "gallery of rows"])
def test_the_closed_map_is_whole_where_there_is_little_room(
    open_page: OpenPage, server: str, name: str, width: int
) -> None:
    page = open_page(address(server, name), width=width)
    assert page.evaluate(MAP_ENDS_IN_VIEW)


def test_on_a_phone_the_map_opens_and_a_branch_is_switched_by_touch(open_page: OpenPage) -> None:
    viewport = {"width": 390, "height": 844}
    page = open_page("/", viewport=viewport, has_touch=True, is_mobile=True)
    page.get_by_text("Network map", exact=True).tap()
    toggle(page, "block1").tap()
    expect(page).to_have_url(re.compile("scale=block1:0"))
    expect(page.locator(".prediction-change")).to_contain_text("Without block1, the prediction")
    expect(page.locator(".predicted")).to_be_in_viewport()


@pytest.mark.parametrize("network", ["mnist-resnet", "mnist-stream"])
def test_the_gallery_is_at_most_five_screens_long(
    open_page: OpenPage, server: str, network: str
) -> None:
    page = open_page(address(server, "gallery").replace("mnist-resnet", network))
    assert page.evaluate("document.documentElement.scrollHeight / innerHeight") <= 5
