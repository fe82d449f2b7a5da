"""Drawing a digit: the whole page follows, and the digit is stored when the pen rests."""

import re
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import (
    LIVE,
    ONE,
    SEVEN,
    SHORT_REST,
    STORE,
    Points,
    box_of,
    draw,
    header,
    held,
    ink,
    release,
    surface,
    touch,
    unsaved,
    write,
)
from tests.browser.pages import address, fetch, next_frame, wait_until_ready

STORED: Final = re.compile(r"/networks/mnist-resnet/digits/[0-9a-f]{16}")
PAGE_OF_A_DIGIT: Final = re.compile(rf"{STORED.pattern}$")
ACROSS: Final = ((0.1, 0.3), (0.9, 0.3))
WIDTHS: Final = """() => [...document.querySelectorAll(".network-map path")]
  .map((one) => one.getAttribute("stroke-width")).join()"""
PIXELS: Final = "(canvas) => canvas.toDataURL()"
BOXES: Final = """(figure) => [...figure.querySelectorAll("canvas, img")].map((one) => {
  const { left, top, width, height } = one.getBoundingClientRect();
  return [left, top, width, height].join();
})"""
Stroke = Callable[[Page, Points], None]


def predicts(page: Page, label: str) -> None:
    expect(page.locator(".predicted")).to_have_text(label)


def state(page: Page, words: str) -> None:
    expect(page.locator("[data-draw-state]")).to_contain_text(words)


def erase(page: Page, points: Points) -> None:
    page.get_by_role("button", name="Eraser").click()
    draw(page, points)


def stored(page: Page, before: str) -> str:
    """The address that the page gets when the pen has rested."""
    expect(page).not_to_have_url(before)
    expect(page).to_have_url(STORED)
    return page.url


def start(open_page: OpenPage, server: str, **options: object) -> Page:
    """A page of a sample that is no one and no seven."""
    samples = fetch(f"{server}/api/v1/samples").json()
    digit = next(one["id"] for one in samples if one["label"] == 4)
    page = open_page(f"/networks/mnist-resnet/digits/{digit}", **options)
    surface(page).hover()
    expect(page.locator("form[data-draw][data-ready]")).to_have_count(1)
    return page


@pytest.mark.parametrize(
    ("width", "stroke"), [(1440, draw), (390, touch)], ids=["by mouse", "by touch on a phone"]
)
def test_the_page_follows_and_keeps_what_was_drawn(
    open_page: OpenPage, server: str, width: int, stroke: Stroke
) -> None:
    phone = {"has_touch": True, "is_mobile": True} if width < 400 else {}
    page = start(open_page, server, width=width, **phone)
    before, widths = page.url, page.evaluate(WIDTHS)
    given = page.locator("canvas[data-network-input]")
    strip = page.locator("#stem .layer-strip")
    with unsaved(page):
        stroke(page, ONE)
        predicts(page, "1")
        expect(strip.locator("canvas.live-canvas")).to_have_count(1)
        first = strip.locator("canvas.live-canvas").evaluate(PIXELS), given.evaluate(PIXELS)
        assert page.evaluate(WIDTHS) != widths
        stroke(page, ACROSS)
        page.wait_for_function(
            "([maps, input]) =>"
            " document.querySelector('#stem .layer-strip canvas').toDataURL() != maps"
            " && document.querySelector('canvas[data-network-input]').toDataURL() != input",
            arg=first,
        )
        assert page.url == before
    digit = stored(page, before).rpartition("/")[2]
    expect(page.locator("canvas.live-canvas")).to_have_count(0)
    expect(strip.locator("img")).to_have_attribute("src", re.compile(digit))
    assert page.evaluate(WIDTHS) != widths
    assert ink(page) > 0


def test_maps_of_a_drawing_stay_in_their_place_until_the_stored_ones_are_there(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server, script=SHORT_REST)
    before, figure = page.url, page.locator("#block1 .equation-maps > figure").nth(1)
    with unsaved(page):
        draw(page, ONE)
        expect(figure.locator("canvas.live-canvas")).to_have_count(1)
        page.route("**/grid.png*", lambda _: None)  # they never come
    stored(page, before)
    expect(figure.locator("img")).to_have_attribute("src", re.compile(page.url.rpartition("/")[2]))
    figure.locator("canvas").wait_for()
    assert len(set(figure.evaluate(BOXES))) == 1


def test_a_drawing_is_kept_by_reload_back_a_section_and_another_network(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server, script=SHORT_REST)
    before = page.url
    draw(page, ONE)
    address = stored(page, before)
    predicts(page, "1")
    drawn = ink(page)
    digit = address.rpartition("/")[2]
    page.reload()
    wait_until_ready(page)
    assert ink(page) == drawn
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Blocks").click()
    expect(page).to_have_url(re.compile(f"/{digit}/blocks"))
    wait_until_ready(page)
    predicts(page, "1")
    assert ink(page) == drawn
    page.go_back()
    expect(page).to_have_url(address)
    wait_until_ready(page)
    predicts(page, "1")
    assert ink(page) == drawn
    page.locator(".network-menu summary").click()
    page.locator(".network-menu").get_by_role("link", name="Highway").click()
    expect(page).to_have_url(re.compile(f"/networks/mnist-highway/digits/{digit}"))
    wait_until_ready(page)
    predicts(page, "1")
    assert ink(page) == drawn


def test_drawing_leaves_no_trail_in_the_history(open_page: OpenPage, server: str) -> None:
    page = open_page("/docs", script=SHORT_REST)
    page.goto(address(server, "gallery"))
    wait_until_ready(page)
    before = page.url
    draw(page, ONE)
    first = stored(page, before)
    draw(page, ACROSS)
    stored(page, first)
    page.go_back()
    expect(page).to_have_url(re.compile("/docs$"))


def test_a_map_that_is_clicked_while_one_draws_is_opened_with_the_drawing(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server)
    before = page.url.rpartition("/")[2]
    draw(page, ONE)
    page.locator("#block1 .layer-link img").first.click()
    expect(page).to_have_url(re.compile(r"/digits/[0-9a-f]{16}/layers/"))
    assert before not in page.url
    wait_until_ready(page)
    predicts(page, "1")
    assert ink(page) > 0


def test_a_map_that_is_clicked_while_the_page_of_a_drawing_comes_is_of_the_drawing(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server, script=SHORT_REST)
    before = page.url.rpartition("/")[2]
    with held(page, PAGE_OF_A_DIGIT) as requests:
        draw(page, ONE)
        requests.wait_for()
        page.locator("#block1 .layer-link img").first.click()
        expect(page).to_have_url(re.compile(rf"/digits/(?!{before})[0-9a-f]{{16}}/layers/"))
    predicts(page, "1")


def test_a_choice_that_is_made_while_the_page_of_a_drawing_comes_keeps_both(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server, script=SHORT_REST)
    before = page.url.rpartition("/")[2]
    with held(page, PAGE_OF_A_DIGIT) as requests:
        draw(page, ONE)
        requests.wait_for()
        page.get_by_label("Colours").select_option("light")
        expect(page).to_have_url(re.compile(rf"/digits/(?!{before})[0-9a-f]{{16}}\?palette=light$"))
    predicts(page, "1")
    expect(page.get_by_label("Colours")).to_have_value("light")
    assert ink(page) > 0


def test_the_first_stroke_replaces_the_digit_and_undo_brings_it_back(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server, script=SHORT_REST)
    before = page.url
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    draw(page, ONE)
    address = stored(page, before)
    predicts(page, "1")
    undo.click()
    predicts(page, "4")
    expect(page).to_have_url(before)
    expect(undo).to_be_disabled()
    assert address != before


def test_the_eraser_takes_ink_from_the_digit(open_page: OpenPage, server: str) -> None:
    page = start(open_page, server, script=SHORT_REST)
    before, given = page.url, page.locator("canvas[data-network-input]")
    with unsaved(page):
        erase(page, ((0.1, 0.8), (0.9, 0.8)))
        expect(given).to_be_visible()
    stored(page, before)
    expect(given).to_be_hidden()  # the digit that was stored is shown instead
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(before)
    predicts(page, "4")


def test_clear_takes_everything_away_and_can_be_undone(open_page: OpenPage, server: str) -> None:
    page = start(open_page, server)
    draw(page, ONE)
    one = ink(page)
    page.get_by_role("button", name="Clear").click()
    assert ink(page) == 0
    page.keyboard.press("Control+Shift+z")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<input id=field>')")
    page.locator("#field").press("Control+z")
    assert ink(page) == 0
    page.get_by_label("Width of the pen").press("Control+z")
    assert ink(page) == one
    predicts(page, "1")


def test_where_nothing_is_drawn_the_answer_of_before_is_dimmed(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server)
    before = page.url
    with held(page, PAGE_OF_A_DIGIT) as requests:
        draw(page, ONE)
        requests.wait_for()  # stored: the page of the new digit is under way
        page.get_by_role("button", name="Clear").click()
        requests.release()
        stored(page, before)
        state(page, "Nothing is drawn yet.")
        for place in (".prediction", ".network-map svg", "main"):
            expect(page.locator(place)).to_have_css("opacity", "0.35")
    draw(page, SEVEN)
    expect(page.locator(".prediction")).to_have_css("opacity", "1")


def test_a_wider_pen_draws_wider(open_page: OpenPage, server: str) -> None:
    page = start(open_page, server)
    draw(page, ONE)
    one = ink(page)
    page.get_by_role("slider", name="Width of the pen").fill("16")
    draw(page, ((0.2, 0.2), (0.2, 0.5), (0.2, 0.8)))
    assert ink(page) > 2.5 * one > 0


def test_a_press_without_a_move_leaves_a_dot(open_page: OpenPage, server: str) -> None:
    page = start(open_page, server)
    surface(page).click()
    assert ink(page) > 50


def test_a_pen_that_is_pressed_harder_draws_wider(open_page: OpenPage, server: str) -> None:
    page = start(open_page, server)
    widths = []
    for force in (0.2, 0.9):
        write(page, ONE, force)
        widths.append(ink(page))
        page.get_by_role("button", name="Clear").click()
    assert widths[1] > 1.5 * widths[0] > 0


def test_a_finger_draws_and_neither_scrolls_nor_hides_the_answer(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server, width=390, has_touch=True, is_mobile=True)
    before = page.evaluate("scrollY")
    touch(page, SEVEN)
    predicts(page, "7")
    assert page.evaluate("scrollY") == before
    for place in (".predicted", ".draw-tools", "[data-draw-surface]"):
        expect(page.locator(place)).to_be_in_viewport(ratio=1)


def test_the_surface_its_tools_and_the_answer_fit_into_a_short_window(open_page: OpenPage) -> None:
    page = open_page("/")
    for width, height in ((1280, 600), (1366, 768), (390, 664), (844, 390)):
        page.set_viewport_size({"width": width, "height": height})
        window = f"in a window of {width} by {height}"
        box = box_of(page)
        assert box["width"] == pytest.approx(box["height"]), window
        for place in ("[data-draw-surface]", ".draw-tools", ".predicted"):
            expect(page.locator(place), window).to_be_in_viewport(ratio=1)


def test_while_two_requests_are_under_way_the_newest_alone_waits(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server)
    with held(page, STORE), held(page) as requests:
        draw(page, SEVEN)
        draw(page, ACROSS)
        page.get_by_role("button", name="Undo").click()
        answers = [release(page, requests, number) for number in range(3)]
        predicts(page, "7")
        assert header(answers[2])["values"]["label"] == "7"
        assert len(requests) == 3


def test_what_was_cleared_is_not_shown_when_it_is_answered(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server)
    with held(page) as requests:
        draw(page, SEVEN)
        page.get_by_role("button", name="Clear").click()
        for number in range(2):
            release(page, requests, number).finished()
        next_frame(page)
        predicts(page, "4")
        assert len(requests) == 2


@pytest.mark.parametrize("busy", [False, True])
def test_trouble_is_said_and_overcome(open_page: OpenPage, server: str, *, busy: bool) -> None:
    page = start(open_page, server, allow="Failed to load resource")
    headers = {"Retry-After": "1"}
    page.route(
        LIVE, lambda route: route.fulfill(status=503, headers=headers) if busy else route.abort()
    )
    with held(page, STORE):
        draw(page, SEVEN)
        state(page, "busy" if busy else "cannot be reached")
        assert ink(page) > 0
        page.unroute(LIVE)
        predicts(page, "7")
        expect(page.locator("[data-draw-state]")).to_have_text("")


@pytest.mark.parametrize("status", [None, 502, 503])
def test_a_digit_that_could_not_be_stored_is_stored_later(
    open_page: OpenPage, server: str, status: int | None
) -> None:
    page = start(open_page, server, script=SHORT_REST, allow="Failed to load resource")
    before, refused = page.url, []

    def refuse(route: Route) -> None:
        refused.append(route)
        if len(refused) > 1:
            route.fallback()
        elif status:
            problem = {"code": "busy", "detail": "others store digits"}
            route.fulfill(status=status, headers={"Retry-After": "1"}, json=problem)
        else:
            route.abort()

    page.route(STORE, refuse)
    draw(page, SEVEN)
    assert stored(page, before)
    assert len(refused) == 2
    expect(page.locator("[data-draw-state]")).not_to_have_class(re.compile("failed"))


def test_a_drawing_that_was_not_stored_yet_is_stored_after_a_reload_and_is_not_the_digit_before(
    open_page: OpenPage, server: str
) -> None:
    page = start(open_page, server, script=SHORT_REST, allow="Failed to load resource")
    before = page.url
    page.route(STORE, lambda route: route.abort())
    draw(page, SEVEN)
    state(page, "Your drawing is safe")
    page.reload()
    predicts(page, "7")
    assert page.url == before
    page.unroute(STORE)
    assert stored(page, before)
    page.goto(before)
    expect(page.locator(".predicted")).to_have_text("4")
    surface(page).hover()
    expect(page.locator("form[data-draw][data-ready]")).to_have_count(1)
    assert page.url == before
    assert page.evaluate(f"sessionStorage.getItem('strokes:{before.rpartition('/')[2]}')") is None


@pytest.mark.fresh_context  # the clock is its context's
def test_a_refusal_is_said_and_not_repeated(open_page: OpenPage, server: str) -> None:
    page = start(open_page, server, allow="Failed to load resource")
    asked: list[Route] = []

    def refuse(route: Route) -> None:
        asked.append(route)
        route.fulfill(status=404, json={"code": "unknown_network", "detail": "it is gone"})

    page.route(LIVE, refuse)
    page.clock.install()
    with held(page, STORE):
        surface(page).click()
        state(page, "It is gone.")
        page.clock.run_for(5000)  # after a second, what is busy is asked again
        next_frame(page)
        assert len(asked) <= 2  # pressing and letting go


def test_a_closed_gate_is_said_to_be_zero_while_one_draws(open_page: OpenPage, server: str) -> None:
    gallery = address(server, "gallery with gates")
    page = open_page(f"{gallery}?scale=block1:0")
    gate = page.locator("figure[data-layer='block1.gate']")
    gate.scroll_into_view_if_needed()
    with unsaved(page):
        draw(page, SEVEN)
        expect(gate.locator("canvas.live-canvas")).to_be_visible()
        expect(gate.locator(".note")).to_have_text("Switched off, so every map is zero.")


def test_a_choice_of_how_maps_are_shown_keeps_the_drawing(open_page: OpenPage, server: str) -> None:
    page = start(open_page, server)
    draw(page, SEVEN)
    page.get_by_label("Colours").select_option("light")
    expect(page).to_have_url(re.compile("palette=light"))
    predicts(page, "7")
    assert ink(page) > 0


def test_the_prediction_is_announced_once_it_stays(open_page: OpenPage, server: str) -> None:
    page = start(open_page, server)
    draw(page, SEVEN)
    expect(page.locator("[data-draw-status]")).to_contain_text("Prediction: 7, ")


# As browsers that protect against fingerprints have it: reading a canvas throws, or gives noise.
REFUSED: Final = """
  const refuse = () => { throw new DOMException("refused", "SecurityError"); };
  CanvasRenderingContext2D.prototype.getImageData = refuse;
  HTMLCanvasElement.prototype.toDataURL = () => "data:,";
  HTMLCanvasElement.prototype.toBlob = (done) => done(null);
  delete globalThis.CompressionStream;
"""
BLURRED: Final = """
  const read = CanvasRenderingContext2D.prototype.getImageData;
  CanvasRenderingContext2D.prototype.getImageData = function (...box) {
    const image = read.apply(this, box);
    for (const at of image.data.keys()) image.data[at] ^= at % 3;
    return image;
  };
"""


def test_a_browser_that_does_not_let_the_canvas_be_read_stores_the_same_digit(
    open_page: OpenPage, server: str
) -> None:
    addresses = set()
    for guard in ("", REFUSED, BLURRED):
        page = start(open_page, server, script=SHORT_REST + guard)
        before = page.url
        draw(page, SEVEN)
        predicts(page, "7")
        addresses.add(stored(page, before))
    assert len(addresses) == 1


def test_without_scripts_there_is_no_canvas_and_no_tool(open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    expect(surface(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Eraser")).to_be_hidden()
    expect(page.locator(".draw-surface img")).to_be_visible()
