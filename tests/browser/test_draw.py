"""Drawing a digit: the page follows live, and nothing is stored until the digit is kept."""

import re

import httpx2
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.drawing import (
    LIVE,
    ONE,
    SEVEN,
    box_of,
    draw,
    header,
    held,
    ink,
    is_live,
    open_surface,
    release,
    surface,
    touch,
    write,
)

pytestmark = pytest.mark.browser

KEPT = re.compile(r"/networks/mnist-resnet/digits/([0-9a-f]{16})")
PIXELS = "(canvas) => canvas.toDataURL()"
STEM = "figure[data-layer='stem.conv']"
WIDTHS = """() => [...document.querySelectorAll(".diagram-line path:not(.fading)")]
  .map((one) => Number(one.getAttribute("stroke-width"))).join()"""
WORDS = """() => ["#maps", ".intro h1", ".probability", ".probabilities"]
  .map((place) => document.querySelector(place).textContent).join()"""


def reads(page: Page, label: str) -> None:
    expect(page.locator(".predicted-digit")).to_have_text(label)


def state(page: Page, words: str) -> None:
    expect(page.locator("form[data-draw] [role=status]")).to_contain_text(words)


def test_everything_follows_and_nothing_is_stored(open_page: OpenPage, server: str) -> None:
    page = open_page("/")
    address, before = page.url, page.evaluate(WIDTHS)
    open_surface(page)
    expect(page.locator(".predicted-digit")).to_have_text("?")
    with page.expect_response(is_live) as first:
        draw(page, SEVEN)
    reads(page, "7")
    expect(page.locator("[data-draw-status]")).to_contain_text("Prediction: 7")
    expect(page.locator(".probabilities .first th")).to_have_text("7")
    grid, given = page.locator(f"{STEM} canvas"), page.locator("[data-network-input]")
    shown = grid.evaluate(PIXELS), given.evaluate(PIXELS), page.evaluate(WIDTHS)
    assert shown[2] != before
    draw(page, ((0.2, 0.9), (0.8, 0.9)))
    page.wait_for_function(
        "(old) => document.querySelector('[data-network-input]').toDataURL() != old",
        arg=shown[1],
    )
    page.wait_for_function(
        "([at, old]) => document.querySelector(at).toDataURL() != old",
        arg=[f"{STEM} canvas", shown[0]],
    )
    assert page.url == address
    digit = header(first.value)["digit"]
    assert httpx2.get(f"{server}/api/v1/digits/{digit}").status_code == 404


def test_undo_clear_and_the_width_of_strokes(open_page: OpenPage) -> None:
    page = open_page("/")
    open_surface(page)
    undo, clear = (page.get_by_role("button", name=name) for name in ("Undo", "Clear"))
    expect(undo).to_be_disabled()
    assert ink(page) == 0
    draw(page, ONE)
    one = ink(page)
    page.get_by_role("slider", name="Stroke width").fill("16")
    draw(page, ((0.2, 0.2), (0.2, 0.5), (0.2, 0.8)))
    assert ink(page) > 2.5 * one > 0
    page.keyboard.press("Control+z")
    assert ink(page) == one
    clear.click()
    assert ink(page) == 0
    expect(page.locator(".predicted-digit")).to_have_text("?")
    undo.click()
    assert ink(page) == one
    reads(page, "1")


def test_a_press_without_a_move_leaves_a_dot(open_page: OpenPage) -> None:
    page = open_page("/")
    open_surface(page)
    surface(page).click()
    assert ink(page) > 100


def test_a_pen_that_is_pressed_harder_draws_wider(open_page: OpenPage) -> None:
    page = open_page("/")
    open_surface(page)
    widths = []
    for force in (0.2, 0.9):
        write(page, ONE, force)
        widths.append(ink(page))
        page.get_by_role("button", name="Clear").click()
    assert widths[1] > 1.5 * widths[0] > 0


def test_a_finger_draws_and_neither_scrolls_nor_hides_the_answer(open_page: OpenPage) -> None:
    page = open_page("/", width=390, has_touch=True, is_mobile=True)
    open_surface(page)
    before = page.evaluate("scrollY")
    touch(page, SEVEN)
    reads(page, "7")
    assert page.evaluate("scrollY") == before
    for place in (".predicted-digit", "[data-network-input]", ".draw-toolbar"):
        expect(page.locator(place)).to_be_in_viewport(ratio=1)
    box = box_of(page)
    assert box["width"] == box["height"] > 350


@pytest.mark.parametrize(
    ("width", "height"),
    [(720, 450), (844, 390), (640, 360), (390, 664), (700, 720), (1023, 600), (1280, 450)],
)
def test_the_surface_and_its_buttons_fit_into_a_short_window(
    open_page: OpenPage, width: int, height: int
) -> None:
    page = open_page("/", viewport={"width": width, "height": height})
    open_surface(page)
    box = box_of(page)
    assert box["width"] == pytest.approx(box["height"])
    assert box["height"] > 200
    expect(surface(page)).to_be_in_viewport(ratio=1)
    expect(page.locator(".draw-toolbar")).to_be_in_viewport(ratio=1)
    if width < 1024:
        expect(page.locator(".prediction")).to_be_in_viewport(ratio=1)


def test_while_one_picture_is_under_way_the_newest_alone_waits(open_page: OpenPage) -> None:
    page = open_page("/")
    with held(page) as routes:
        open_surface(page)
        draw(page, SEVEN)
        draw(page, ((0.3, 0.9), (0.6, 0.9)))
        page.get_by_role("button", name="Undo").click()
        answers = [release(page, routes, number) for number in range(2)]
        reads(page, "7")
        assert [header(answer)["label"] for answer in answers][1] == "7"
        assert len(routes) == 2


def test_what_is_cleared_is_not_shown_when_it_is_answered(open_page: OpenPage) -> None:
    page = open_page("/")
    with held(page) as routes:
        open_surface(page)
        draw(page, SEVEN)
        page.get_by_role("button", name="Clear").click()
        release(page, routes, 0).finished()
        page.evaluate("new Promise(requestAnimationFrame)")
        expect(page.locator(".predicted-digit")).to_have_text("?")
        assert len(routes) == 1


def test_what_is_kept_has_an_address_and_is_the_same_digit(open_page: OpenPage) -> None:
    page = open_page("/?scale=block2:0&normalize=layer&palette=light")
    with held(page) as routes:
        open_surface(page)
        draw(page, SEVEN)
        release(page, routes, 0)
        drawn = header(release(page, routes, 1))
    reads(page, "7")
    expect(page.locator(".prediction-title")).to_have_text("Prediction without block2")
    share = f"{100 * max(drawn['probabilities']):.2f}"
    expect(page.locator(".probability .number")).to_contain_text(share)
    widths = page.evaluate(WIDTHS)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(KEPT)
    assert f"{drawn['digit']}?scale=block2:0&normalize=layer&palette=light" in page.url
    for _ in range(2):
        reads(page, "7")
        expect(page.locator(".probability .number")).to_contain_text(share)
        assert page.evaluate(WIDTHS) == widths
        page.reload()


@pytest.mark.parametrize("busy", [False, True])
def test_trouble_is_said_and_overcome(open_page: OpenPage, *, busy: bool) -> None:
    page = open_page("/", allow="Failed to load resource")
    headers = {"Retry-After": "1"}
    page.route(
        LIVE, lambda route: route.fulfill(status=503, headers=headers) if busy else route.abort()
    )
    open_surface(page)
    draw(page, SEVEN)
    state(page, "busy" if busy else "cannot be reached")
    assert ink(page) > 0
    page.unroute(LIVE)
    reads(page, "7")
    state(page, "")


def test_a_refusal_is_said_and_not_repeated(open_page: OpenPage) -> None:
    page = open_page("/", allow="Failed to load resource")
    asked: list[Route] = []

    def refuse(route: Route) -> None:
        asked.append(route)
        route.fulfill(status=404, json={"code": "unknown_network", "detail": "it is gone"})

    page.route(LIVE, refuse)
    open_surface(page)
    surface(page).click()
    state(page, "It is gone.")
    assert len(asked) <= 2  # pressing and letting go


def test_the_gate_of_a_block_that_is_off_is_said_to_be_zero(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("link", name="Highway network").click()
    page.goto(f"{page.url}?scale=block2:0")
    legend = page.locator("figure[data-layer='block2.gate'] .legend")
    expect(legend).to_have_text(re.compile(r"^\s*zero everywhere\s*$"))
    open_surface(page)
    legend.scroll_into_view_if_needed()
    surface(page).click()
    expect(page.locator("figure[data-layer='block2.gate'] canvas")).to_be_visible()
    expect(legend).to_have_text(re.compile(r"^\s*zero everywhere\s*$"))


def test_closing_gives_the_page_its_digit_back_and_loses_nothing(open_page: OpenPage) -> None:
    page = open_page("/")
    before = page.evaluate(WORDS), page.evaluate(WIDTHS)
    open_surface(page)
    draw(page, SEVEN)
    reads(page, "7")
    expect(page.locator(f"{STEM} canvas")).to_be_visible()
    page.keyboard.press("Escape")
    expect(surface(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Draw a digit")).to_be_focused()
    expect(page.locator(f"{STEM} img")).to_be_visible()
    assert (page.evaluate(WORDS), page.evaluate(WIDTHS)) == before
    open_surface(page)
    reads(page, "7")


def test_branches_are_switched_in_place_and_other_links_wait(open_page: OpenPage) -> None:
    page = open_page("/")
    address = page.url
    open_surface(page)
    draw(page, SEVEN)
    reads(page, "7")
    page.get_by_role("link", name="switch off in block1").locator(".branch-toggle").click()
    expect(page.locator(".prediction-title")).to_contain_text("without block1")
    expect(page.locator("[data-drawing-baseline]")).to_contain_text("With every block on: 7, ")
    page.get_by_role("link", name="switch on in block1").locator(".branch-toggle").click()
    expect(page.locator(".prediction-title")).to_have_text("Prediction")
    expect(page.locator("[data-drawing-baseline]")).to_be_hidden()
    page.locator(".layer-link code", has_text="block1.sum").click()
    state(page, "Save the digit first")
    assert page.url == address


def test_an_answer_on_its_way_does_not_erase_the_notice_on_a_link(open_page: OpenPage) -> None:
    page = open_page("/")
    open_surface(page)
    draw(page, SEVEN)
    reads(page, "7")
    with held(page) as routes:
        page.locator(".layer-link code", has_text="block1.sum").click()  # maps that come near
        state(page, "Save the digit first")
        release(page, routes, 0).finished()
        page.evaluate("new Promise(requestAnimationFrame)")
        state(page, "Save the digit first")
    surface(page).click()
    expect(page.locator("form[data-draw] [role=status]")).to_have_text("")


def test_no_choice_of_a_look_leads_away_from_a_drawing(open_page: OpenPage) -> None:
    page = open_page("/", allow="Failed to load resource")
    address, sort = page.url, page.get_by_label("Sorted by")
    open_surface(page)
    draw(page, SEVEN)
    reads(page, "7")
    expect(sort).to_be_disabled()
    expect(page.get_by_text("waits until the digit is saved")).to_be_visible()
    page.route("**/display-options.js", lambda route: route.abort())
    page.get_by_label("Palette").select_option("light")
    draw(page, ((0.2, 0.9), (0.8, 0.9)))
    assert ink(page) > 0
    assert page.url.partition("?")[0] == address
    page.get_by_role("button", name="Close").click()
    expect(sort).to_be_enabled()
    expect(page.get_by_text("waits until the digit is saved")).to_be_hidden()


def test_without_scripts_there_is_no_button(open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    expect(page.get_by_role("button", name="Draw a digit")).to_have_count(0)
    expect(surface(page)).to_be_hidden()
