"""The value under the cursor: with the mouse, by keyboard and by a long press of a finger."""

import io
import re

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import fetch, hold, next_frame, wait_until_ready

READOUT = ".tooltip-panel"
MARKERS = ".tooltip > .tooltip-marker:not(.tooltip-receptive-field)"
LINE = "#block1 [data-equation-line]"
ZOOM = """(figure) => [...figure.querySelectorAll("source"), figure]
  .find((one) => !one.media || matchMedia(one.media).matches).dataset.zoom"""
VALUES_ARE_THERE = """(address) => import(document.querySelector("script[src$='js/site.js']").src
  .replace("site.js", "maps/activations.js")).then(({ loadMaps }) => loadMaps(address))
  .then(() => undefined)"""
PAGES = ("/layers/block3.sum", "/layers/block3.sum/filters/5", "/blocks/block3")


def figure(page: Page, layer: str) -> Locator:
    """The first figure of a layer, in view, so that its picture is there."""
    found = page.locator(f'figure[data-layer="{layer}"]').first
    found.scroll_into_view_if_needed()
    expect(found.locator("img")).to_be_visible()
    return found


def figure_inside(page: Page, section: str, layer: str) -> Locator:
    """A figure of a layer that a section shows on demand."""
    page.locator(f"#{section} .disclosure > summary").click()
    return figure(page, layer)


def maps_of(figure: Locator, server: str) -> NDArray[np.float32]:
    """The raw maps of a figure's layer."""
    address = server + (figure.get_attribute("data-values") or "")
    maps: NDArray[np.float32] = np.load(io.BytesIO(fetch(address).content))
    return maps


def four_digits(value: float) -> str:
    """As wording.number has it, with one digit more."""
    digits = 4 - int(np.floor(np.log10(abs(value)))) - 1
    return f"{value:.{max(0, digits)}f}".replace("-", "\N{MINUS SIGN}")


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def point(page: Page, host: Locator, x: float, y: float) -> None:
    """Move the mouse to a point of a picture."""
    host.scroll_into_view_if_needed()
    host.evaluate("(one) => one.closest('.scroll')?.scrollTo(0, 0)")  # a wide one lies under names
    box = box_of(host)
    page.mouse.move(box["x"] + x, box["y"] + y)


def point_at(page: Page, shown: Locator, side: int, at: int, row: int, column: int) -> None:
    """Move the mouse to a value of a figure's grid, whose maps have ``side`` rows and columns."""
    zoom, columns = (int(shown.get_attribute(f"data-{name}") or "") for name in ("zoom", "columns"))
    down, across = divmod(at, columns)
    x = 2 + across * (side * zoom + 2) + (column + 0.5) * zoom
    y = 9 + down * (side * zoom + 9) + (row + 0.5) * zoom
    point(page, shown.locator("img"), x, y)


def page_of_a_digit(server: str, where: str) -> str:
    samples = fetch(f"{server}/api/v1/samples").json()
    return f"/networks/mnist-resnet/digits/{samples[7]['id']}{where}"


def test_the_value_under_the_mouse_is_that_of_the_raw_maps(
    open_page: OpenPage, server: str
) -> None:
    page = open_page("/")
    shown = figure_inside(page, "block1", "block1.conv1")
    point_at(page, shown, 28, 5, 10, 20)
    tip = page.locator(READOUT)
    expect(tip).to_contain_text("filter 5, row 10, column 20")
    value = float(maps_of(shown, server)[10, 20, 5])
    expect(tip.locator("dd")).to_have_text(four_digits(value))
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_values_that_come_too_late_are_not_shown(open_page: OpenPage) -> None:
    page = open_page("/")
    values = hold(page, "**/block1.sum/activations.npy*")
    shown = figure(page, "block1.sum")
    point_at(page, shown, 28, 5, 10, 20)
    values.wait_for()
    page.mouse.move(5, 5)
    values.release()
    page.evaluate(VALUES_ARE_THERE, shown.get_attribute("data-values"))
    next_frame(page)
    expect(page.locator(MARKERS).first).to_be_hidden()


def test_values_are_found_after_the_window_has_become_wider(open_page: OpenPage) -> None:
    page = open_page("/", width=2300)
    shown = figure(page, "block1.sum")
    for width in (2300, 2500):
        page.set_viewport_size({"width": width, "height": 900})
        wait_until_ready(page)
        zoom = int(shown.evaluate(ZOOM))
        point(page, shown.locator("img"), 2 + 0.5 * zoom, 9 + 0.5 * zoom)  # in its first row
        expect(page.locator(LINE)).to_contain_text("filter 0, row 0, column 0")
        page.mouse.move(5, 5)
        expect(page.locator(MARKERS).first).to_be_hidden()
        page.locator(LINE).evaluate("(line) => { line.textContent = '' }")


def test_the_numbers_under_the_mouse_are_those_after_a_branch_was_switched(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    shown = figure(page, "block1.sum")
    point_at(page, shown, 28, 5, 10, 20)
    line = page.locator(LINE)
    expect(line).to_contain_text("filter 5, row 10, column 20")
    before = line.inner_text()
    page.keyboard.press("o")
    page.wait_for_url("**scale=block1:0**")
    expect(line).not_to_have_text(before)
    expect(line).to_contain_text("filter 5, row 10, column 20")
    x, total = (re.search(rf"\b{name} (\S+)", line.inner_text()) for name in ("x", "sum"))
    assert x
    assert total
    assert x[1] == total[1]
    link = shown.locator("a.layer-link")
    expect(link).to_have_attribute("href", re.compile(r"filters/5\?scale=block1:0&at=10,20#unit$"))


def test_what_a_value_sees_is_outlined_on_the_digit(open_page: OpenPage) -> None:
    page = open_page("/")
    point_at(page, figure_inside(page, "stem", "stem.conv"), 28, 0, 4, 9)
    outline = page.locator(".tooltip-receptive-field")
    expect(outline).to_be_visible()
    found, digit = box_of(outline), box_of(page.locator(".draw-surface img"))
    pixel = digit["width"] / 28
    expected = (digit["x"] + 8 * pixel, digit["y"] + 3 * pixel, 3 * pixel, 3 * pixel)
    shown = (found["x"], found["y"], found["width"], found["height"])
    assert shown == pytest.approx(expected, abs=0.1)
    expect(page.locator(".tooltip-window")).to_be_hidden()


def test_where_the_digit_is_out_of_sight_a_copy_stands_beside_the_pointer(
    open_page: OpenPage,
) -> None:
    page = open_page("/#block4", width=800)
    point_at(page, figure_inside(page, "block4", "block4.norm2"), 14, 0, 0, 13)
    outline, copy = page.locator(".tooltip-window .tooltip-marker"), page.locator(".tooltip canvas")
    expect(outline).to_be_visible()
    expect(page.locator(READOUT)).to_contain_text("filter 0, row 0, column 13")
    page.wait_for_function("(mark) => mark.style.width", arg=outline.element_handle())
    found, around = box_of(outline), box_of(copy)
    assert found["y"] == around["y"]  # rows -11 to 13, cut to the digit
    assert found["height"] == 14 * 4
    assert found["x"] + found["width"] == around["x"] + 28 * 4
    page.evaluate("""() => {
      const canvas = document.querySelector(".tooltip canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
      if (!data.some((part) => part > 200)) throw new Error("the digit is not on the copy");
    }""")


def test_a_click_on_a_map_leads_to_the_place_in_its_filter(open_page: OpenPage) -> None:
    page = open_page("/?scale=block2:0")
    point_at(page, figure(page, "block1.output"), 28, 1, 5, 10)
    expect(page.locator(LINE)).to_contain_text("filter 1, row 5, column 10")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url(re.compile(r"block1\.output/filters/1\?scale=block2:0&at=5,10"))


def test_beside_its_maps_a_figure_still_leads_to_its_layer(open_page: OpenPage) -> None:
    page = open_page("/")
    shown = figure(page, "block1.output")
    point(page, shown.locator("img"), 70, 20)
    expect(page.locator(LINE)).to_contain_text("filter")
    shown.locator("code").click()
    page.wait_for_url(re.compile(r"/layers/block1\.output$"))


@pytest.mark.parametrize("where", PAGES)
def test_values_are_read_on_every_page_with_maps(
    open_page: OpenPage, server: str, where: str
) -> None:
    page = open_page(page_of_a_digit(server, where))
    maps = page.locator(".tiles svg, .filter-map svg, [data-block-table] .map-panel img").first
    point(page, maps, 40, 30)
    expect(page.locator(READOUT)).to_contain_text(re.compile(r"filter \d+, row \d+, column \d+"))
    expect(page.locator(".tooltip-receptive-field")).to_be_visible()


def test_a_strip_says_all_values_at_a_place(open_page: OpenPage, server: str) -> None:
    page = open_page(page_of_a_digit(server, "/blocks/block2"))
    strip = page.locator("[data-block-table]")
    zoom = int(strip.get_attribute("data-zoom") or "")
    across, down = 2 + (28 * zoom + 2) * 3 + 14.5 * zoom, 9 + (28 * zoom + 2) + 10.5 * zoom
    point(page, strip.locator(".map-panel img"), across, down)
    tip = page.locator(READOUT)
    expect(tip).to_contain_text("filter 3, row 10, column 14")
    expect(tip.locator("dt")).to_have_text(["x", "F(x)", "sum", "output"])
    expect(tip.locator("dt.identity")).to_have_text("x")
    expect(tip.locator("dt.residual")).to_have_text("F(x)")
    expect(tip.locator("dd.is-current")).to_have_count(1)
    values = [maps_of(row, server)[10, 14, 3] for row in strip.locator("li[data-values]").all()]
    assert values[2] == pytest.approx(values[0] + values[1], rel=1e-5)
    shown = [one.replace("\N{MINUS SIGN}", "-") for one in tip.locator("dd").all_inner_texts()]
    assert [float(one) for one in shown] == pytest.approx(values, rel=1e-3, abs=1e-6)


def test_a_value_of_an_equation_is_marked_in_all_its_maps(open_page: OpenPage, server: str) -> None:
    page = open_page("/")
    point_at(page, figure(page, "block1.sum"), 28, 5, 10, 20)
    line, markers = page.locator(LINE), page.locator(MARKERS)
    expect(line).to_contain_text("filter 5, row 10, column 20")
    expect(markers).to_have_count(4)
    expect(page.locator(READOUT)).to_be_hidden()
    figures = page.locator("#block1 [data-equation] > figure").all()
    x, residual, total, output = (float(maps_of(one, server)[10, 20, 5]) for one in figures)
    assert total == pytest.approx(x + residual, rel=1e-5)
    assert output == max(0, total)
    parts = re.findall(r"(\S+) (\N{MINUS SIGN}?[\d.]+)(?=\s|$)", line.inner_text().split(":")[1])
    assert [symbol for symbol, _ in parts] == ["x", "F(x)", "sum", "output"]
    values = [float(value.replace("\N{MINUS SIGN}", "-")) for _, value in parts]
    assert values == pytest.approx([x, residual, total, output], rel=1e-3, abs=1e-6)
    for one in figures:
        picture = box_of(one.locator("img"))
        within = [
            box
            for box in map(box_of, markers.all())
            if 0 < box["x"] - picture["x"] < picture["width"]
            and 0 < box["y"] - picture["y"] < picture["height"]
        ]
        assert len(within) == 1
    page.mouse.move(5, 5)
    expect(markers.first).to_be_hidden()


@pytest.mark.parametrize(
    ("touch", "said", "also"),
    [
        (False, "point at a value", "or point at the map"),
        (True, "hold a finger on a map to read its values", "or tap the map"),
    ],
)
def test_the_gesture_that_reads_values_is_the_one_there_is(
    open_page: OpenPage, server: str, *, touch: bool, said: str, also: str
) -> None:
    page = open_page("/", width=390, has_touch=touch, is_mobile=touch)
    expect(page.locator(LINE)).to_have_text(said, use_inner_text=True)
    page.goto(page_of_a_digit(server, "/layers/block3.sum/filters/5"))
    expect(page.locator(".play .meta")).to_have_text(also, use_inner_text=True)


def test_on_a_phone_the_line_of_an_equation_is_in_view_while_a_finger_reads(
    open_page: OpenPage,
) -> None:
    viewport = {"width": 390, "height": 500}
    page = open_page("/", viewport=viewport, has_touch=True, is_mobile=True)
    image = figure(page, "block1.sum").locator("img")
    image.evaluate("(one) => one.scrollIntoView({ block: 'end', behavior: 'instant' })")
    box = box_of(image)
    session = page.context.new_cdp_session(page)
    at = {"x": box["x"] + 20, "y": box["y"] + 20}
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    line = page.locator(LINE)
    expect(line).to_contain_text("filter 0, row ")
    expect(line).to_be_in_viewport(ratio=1)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_maps_are_read_by_keyboard(open_page: OpenPage, server: str) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    shown = figure_inside(page, "block1", "block1.conv1")
    explorer = shown.locator(".map-focus")
    explorer.focus()
    tip = page.locator(READOUT)
    expect(tip).to_have_count(1)
    page.keyboard.press("Enter")
    expect(tip).to_contain_text("filter 0, row 14, column 14")
    for key in ("ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    expect(tip).to_contain_text("filter 0, row 13, column 15")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    expect(tip).to_contain_text("filter 1, row 13, column 0")
    value = float(maps_of(shown, server)[13, 0, 1])
    said = page.locator("[role=status]", has_text="filter 1, row 13, column 0")
    expect(said).to_contain_text(four_digits(value))
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(explorer).to_be_focused()
    page.keyboard.press("Enter")
    expect(tip).to_contain_text("filter 1, row 13, column 0")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"block1\.conv1/filters/1\?at=13,0"))


def test_the_keyboard_reads_the_maps_that_are_there_after_a_branch_was_switched(
    open_page: OpenPage, server: str
) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    shown = figure_inside(page, "block2", "block2.conv1")
    shown.locator(".map-focus").focus()
    page.keyboard.press("Enter")
    tip = page.locator(READOUT)
    expect(tip).to_contain_text("filter 0, row 14, column 14")
    before = maps_of(shown, server)
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="branch of block1").dispatch_event("click")
    page.wait_for_url("**scale=block1:0**")
    after = maps_of(shown, server)
    for column in (15, 16):
        assert before[14, column, 0] != after[14, column, 0]
        expect(tip).to_contain_text(f"filter 0, row 14, column {column}")
        expect(tip).to_contain_text(four_digits(float(after[14, column, 0])))
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**scale=block1:0**at=14,17**")


def test_a_long_press_reads_values_and_a_tap_leads_where_a_click_does(open_page: OpenPage) -> None:
    page = open_page("/#block1", width=390, has_touch=True, is_mobile=True)
    image = figure_inside(page, "block1", "block1.conv1").locator("img")
    image.scroll_into_view_if_needed()
    box = box_of(image)
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *at: float) -> None:
        points = [{"x": box["x"] + at[0], "y": box["y"] + at[1]}] if at else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    tip = page.locator(READOUT)
    send("touchStart", 20, 20)
    expect(tip).to_contain_text("filter 0")
    before = page.evaluate("scrollY")
    send("touchMove", 21, 60)
    send("touchMove", 90, 90)
    expect(tip).not_to_contain_text("filter 0")
    send("touchEnd")
    expect(tip).to_be_visible()
    assert page.evaluate("scrollY") == before
    assert "/layers/" not in page.url
    image.tap(position={"x": 20, "y": 20})
    page.wait_for_url(re.compile(r"/layers/block1\.conv1/filters/0\?at=\d+,\d+#unit$"))


def test_a_tap_before_the_module_is_there_leads_there_too(open_page: OpenPage) -> None:
    page = open_page("/#block1", width=390, has_touch=True, is_mobile=True)
    image = figure(page, "block1.sum").locator("img")
    image.tap(position={"x": 20, "y": 20})
    page.wait_for_url(re.compile(r"/layers/block1\.sum/filters/\d+\?at=\d+,\d+#unit$"))
