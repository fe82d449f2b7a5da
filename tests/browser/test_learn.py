"""The story under a hand: what is dragged, touched, drawn and pressed."""

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from scripts.pages import STEPS
from tests.browser.conftest import OpenPage
from tests.browser.drawing import SEVEN, SHORT_REST, draw, is_live, unsaved
from tests.browser.pages import hold, stop_clock

# Sets a slider as a drag does, and reads a number in the same task: no answer can have come.
DRAGGED: Final = """([slider, value, number]) => {
  const field = document.querySelector(`input[name=${slider}]`);
  field.focus();
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  return document.querySelector(`[data-number="${number}"]`).textContent;
}"""
RELEASED: Final = """(slider) => document.querySelector(`input[name=${slider}]`)
  .dispatchEvent(new Event("change", { bubbles: true }))"""
ANIMATED: Final = """() => [...document.querySelectorAll("main *")]
  .filter((one) => getComputedStyle(one).animationName !== "none").length"""

# Whether a presented step scrolls nowhere and its figure keeps to its room.
FITS: Final = """() => {
  const { scrollHeight, scrollWidth } = document.documentElement;
  const figure = document.querySelector(".learn-figure");
  const room = figure.getBoundingClientRect();
  const parts = [...figure.querySelectorAll("*")].filter((one) => !one.ownerSVGElement);
  return scrollHeight <= innerHeight && scrollWidth <= innerWidth && parts
    .map((one) => one.getBoundingClientRect())
    .filter(({ width, height }) => width > 1 && height > 1)
    .every(({ top, right, bottom, left }) => top >= room.top - 1 && right <= room.right + 1
      && bottom <= room.bottom + 1 && left >= room.left - 1);
}"""
# In which frames, until the kernel was at six pixels, its window on the digit, the marker and the
# newest pixel of the map were not one position.
APART: Final = """() => new Promise((resolve) => {
  const [apart, seen] = [[], new Set()];
  const place = (selector) => {
    const rect = document.querySelector(selector);
    return rect && ["x", "y"].map((name) => Number(rect.getAttribute(name)));
  };
  const look = () => {
    const cover = document.querySelector(".slide-cover");
    const marker = place(".filter-map .marker rect");
    if (cover) {
      const { data } = cover.getContext("2d").getImageData(0, 0, cover.width, cover.height);
      const newest = data.filter((value, at) => at % 4 === 3 && value === 0).length - 1;
      const filled = [newest % cover.width, Math.floor(newest / cover.width)];
      const kernel = place(".kernel-digit rect").map((corner) => corner + 1);
      if (newest >= 0) seen.add(`${filled}`);
      if (newest >= 0 && !(`${filled}` === `${marker}` && `${filled}` === `${kernel}`)) {
        apart.push([filled, marker, kernel]);
      }
    }
    if (seen.size < 6) requestAnimationFrame(look);
    else resolve(apart);
  };
  look();
  document.querySelector("[data-slide]").click();
})"""
PROJECTORS: Final = ((1920, 1080), (1366, 768), (1280, 720))


def first_question(page: Page) -> Locator:
    return page.locator(".learn-questions li").first


def test_dragged_numbers_follow_at_once_and_the_address_when_they_rest(
    open_page: OpenPage,
) -> None:
    page = open_page("/learn/routes")
    before = page.locator('[data-number="residual.w1"]').text_content()
    now = page.evaluate(DRAGGED, ["w1", "-2", "residual.w1"])
    assert now != before
    page.evaluate(RELEASED, "w1")
    expect(page).to_have_url(re.compile("w1=-2"))
    expect(page.locator('[data-number="residual.w1"]')).to_have_text(now)


def test_a_second_number_waits_for_what_the_first_one_changes(open_page: OpenPage) -> None:
    page = open_page("/learn/routes")
    first = hold(page, "**/learn/routes?*", times=1)
    page.evaluate(DRAGGED, ["w1", "-2", "residual.w1"])
    page.evaluate(RELEASED, "w1")
    stale = page.evaluate(DRAGGED, ["x", "3", "x"])
    assert stale == "1.00"
    first.release()
    expect(page.locator('[data-number="x"]').first).to_have_text("3.00")
    expect(page.locator('[data-number="w1"]').first).to_have_text("\N{MINUS SIGN}2.00")


def test_numbers_follow_again_after_another_choice_took_the_place_of_a_dragged_one(
    open_page: OpenPage,
) -> None:
    page = open_page("/learn/routes")
    first = hold(page, "**/learn/routes?*", times=1)
    page.evaluate(DRAGGED, ["w1", "-2", "residual.w1"])
    page.evaluate(RELEASED, "w1")
    first.wait_for()
    page.get_by_role("link", name="ReLU").click()
    expect(page).to_have_url(re.compile("f=relu", re.IGNORECASE))
    assert page.evaluate(DRAGGED, ["x", "3", "x"]) == "3.00"


def test_a_question_is_told_right_by_what_the_figure_shows(open_page: OpenPage) -> None:
    page = open_page("/learn/layer")
    tiles = page.locator(".learn-tiles a")
    means = [
        float((tile.get_attribute("aria-label") or "").rpartition(" ")[2]) for tile in tiles.all()
    ]
    tiles.nth(means.index(sorted(means)[1])).click()
    expect(first_question(page)).to_have_class("is-wrong")
    tiles.nth(means.index(max(means))).click()
    expect(first_question(page)).to_have_class("is-right")
    expect(first_question(page)).to_contain_text("Right.")


@pytest.mark.parametrize("step", ["filter", "sum"])
def test_a_touched_pixel_is_computed_and_judged(open_page: OpenPage, step: str) -> None:
    page = open_page(f"/learn/{step}")
    page.locator(".filter-map").last.click(position={"x": 3, "y": 3})
    expect(page).to_have_url(re.compile("at=0,0"))
    expect(first_question(page)).to_have_class("is-wrong")


@pytest.mark.fresh_context  # the clock is its context's
def test_the_kernel_slides_over_the_digit(open_page: OpenPage) -> None:
    page = open_page("/learn/filter")
    window = page.locator(".kernel-digit rect").first
    before = window.get_attribute("y")
    stop_clock(page)
    page.get_by_role("button", name="Slide the kernel").click()
    expect(page.locator(".slide-cover")).to_be_visible()
    page.clock.run_for(1000)
    expect(window).not_to_have_attribute("y", before or "")
    page.get_by_role("button", name="Stop").click()
    page.clock.run_for(100)
    expect(page.locator(".slide-cover")).to_have_count(0)
    expect(page.get_by_role("button", name="Slide the kernel")).to_be_visible()


def test_the_kernel_its_numbers_and_the_newest_pixel_are_at_one_place(open_page: OpenPage) -> None:
    assert open_page("/learn/filter").evaluate(APART) == []


def test_all_branches_are_scaled_until_the_answer_changes(open_page: OpenPage) -> None:
    page = open_page("/learn/ablation")
    factors = page.get_by_role("list", name="Factors of all branches").get_by_role("link")
    factors.filter(has_text="0.25").click()
    expect(page).to_have_url(re.compile("scale=block1:0.25,block2:0.25"))
    second = page.locator(".learn-questions li").nth(1)
    expect(second).to_have_class("is-right")
    expect(factors.filter(has_text="0.25")).to_have_attribute("aria-current", "true")


def test_a_branch_that_is_switched_off_changes_the_answer_in_place(open_page: OpenPage) -> None:
    page = open_page("/learn/switch")
    page.locator("#map-block1 .map-toggle").click()
    expect(page).to_have_url(re.compile("scale=block1:0"))
    expect(page.locator("#map-block1")).to_have_class(re.compile("is-off"))
    expect(first_question(page)).not_to_have_class("is-open")


def test_a_figure_is_dimmed_while_nothing_is_drawn(open_page: OpenPage) -> None:
    page = open_page("/learn/filter")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Nothing is drawn yet.")).to_be_visible()
    for place in (".prediction", ".learn-figure"):
        expect(page.locator(place)).to_have_css("opacity", "0.35")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".learn-figure")).to_have_css("opacity", "1")


@pytest.mark.parametrize("step", ["filter", "layer", "block", "sum", "switch", "gradients"])
def test_a_figure_is_of_the_digit_that_one_draws(open_page: OpenPage, step: str) -> None:
    page = open_page(f"/learn/{step}", script=SHORT_REST)
    digit = page.locator("form[data-draw]").get_attribute("data-digit") or ""
    page.get_by_role("button", name="Clear").click()
    draw(page, SEVEN)
    expect(page).to_have_url(re.compile(rf"/learn/{step}\?digit=(?!{digit})[0-9a-f]{{16}}"))
    named = f".learn-figure [href*='{digit}'], .learn-figure [src*='{digit}']"
    expect(page.locator(named)).to_have_count(0)


def test_deep_networks_follow_every_stroke_beside_another_network(open_page: OpenPage) -> None:
    page = open_page("/learn/ablation")
    page.locator(".learn-gate summary").click()
    page.locator(".learn-gate img").scroll_into_view_if_needed()
    with unsaved(page), page.expect_response(is_live) as answer:
        page.get_by_role("button", name="Clear").click()
        draw(page, SEVEN)
    assert answer.value.status == 200
    expect(page.locator(".learn-gate canvas")).to_have_count(0)


def test_the_map_of_a_drawing_stays_until_the_stored_one_is_there(open_page: OpenPage) -> None:
    page = open_page("/learn/filter", script=SHORT_REST)
    figure = page.locator(".kernel-map .filter-map")
    before = figure.locator("image").first.get_attribute("href") or ""
    page.get_by_role("button", name="Clear").click()
    with unsaved(page):
        draw(page, SEVEN)
        expect(figure.locator("canvas.live-canvas")).to_have_count(1)
        page.route("**/grid.png*", lambda _: None)  # it never comes
    expect(figure.locator("image").first).not_to_have_attribute("href", before)
    expect(page.locator("canvas[data-network-input].is-live")).to_have_count(0)
    expect(figure.locator("canvas.live-canvas")).to_have_count(1)


def test_the_gradients_follow_every_stroke(open_page: OpenPage) -> None:
    page = open_page("/learn/gradients")
    line = page.locator('[data-live-d="gradients.identity"]')
    number = page.locator('[data-live="gradients.ink.here"]')
    before, total = line.get_attribute("d") or "", number.text_content() or ""
    with unsaved(page):
        page.get_by_role("button", name="Clear").click()
        draw(page, SEVEN)
        expect(line).not_to_have_attribute("d", before)
        expect(number).not_to_have_text(total)


def test_the_way_on_covers_nothing(open_page: OpenPage) -> None:
    page = open_page("/learn/gradients?block=block3")
    page.set_viewport_size({"width": 1440, "height": 700})
    expect(page.locator(".learn-questions .is-wrong").first).to_be_visible()
    page.wait_for_function("""() => {
      const [tool, next] = [".learn-tool", ".learn-next"]
        .map((one) => document.querySelector(one).getBoundingClientRect());
      return next.top >= tool.bottom;
    }""")


@pytest.mark.parametrize("step", ["filter", "sum", "switch", "gradients", "ablation"])
def test_a_figure_fits_a_phone(open_page: OpenPage, step: str) -> None:
    page = open_page(f"/learn/{step}", width=390)
    page.wait_for_function("""() => [...document.querySelectorAll(".learn-figure *:not(image)")]
      .filter((one) => one.checkVisibility() && !one.closest(".visually-hidden"))
      .every((one) => one.getBoundingClientRect().right <= innerWidth)""")
    for number in page.locator(".learn-answers .number").all():
        expect(number).to_be_visible()
    for cell in page.locator(".number-grid text").all():
        long = (
            "(text) => { text.textContent = '\\u22120.0051'; return text.getComputedTextLength(); }"
        )
        assert cell.evaluate(long) <= 62  # units of its square


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_handout_needs_few_pages(open_page: OpenPage, paper: str) -> None:
    page = open_page("/learn/handout")
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=paper))) <= len(STEPS) + 2


def test_keys_and_clickers_lead_through_the_presentation(open_page: OpenPage) -> None:
    page = open_page("/learn/filter?present=1")
    for step, key in (("layer", "PageDown"), ("block", "ArrowRight"), ("layer", "PageUp")):
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(rf"/learn/{step}\?.*present=1"))
        expect(page.locator("html[data-ready]")).to_have_count(1)


def test_a_clicker_shows_what_a_figure_has(open_page: OpenPage) -> None:
    page = open_page("/learn/layer?filter=3&present=1")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".learn-tiles [aria-current]")).to_have_attribute(
        "aria-label", re.compile("filter 4,")
    )
    page = open_page("/learn/switch?present=1")
    for off in ("block1:0", "block1:0,block2:0"):
        page.keyboard.press("ArrowDown")
        expect(page).to_have_url(re.compile(f"scale={off}&"))
    digit = page.locator("form[data-draw]").get_attribute("data-digit") or ""
    page.keyboard.press("e")
    expect(page).to_have_url(re.compile(f"digit=(?!{digit})[0-9a-f]{{16}}"))


def test_a_dragged_slider_leaves_the_keys_to_the_steps(open_page: OpenPage) -> None:
    page = open_page("/learn/routes?present=1")
    slider = page.locator("input[name=w2]")
    slider.focus()
    page.keyboard.press("PageDown")
    expect(page).to_have_url(re.compile("/learn/gradients"))
    page = open_page("/learn/routes?present=1")
    page.locator("input[name=w2]").click()
    expect(page.locator("input[name=w2]")).not_to_be_focused()


def test_what_was_answered_stays_answered_on_the_digit(open_page: OpenPage) -> None:
    page = open_page("/learn/block")
    questions = page.locator(".learn-questions li")
    tried = 0
    for question in (0, 1):
        while questions.nth(question).get_attribute("class") != "is-right":
            page.locator(".map-block > a").nth(tried % 6).click()
            expect(page.locator(".map-block").nth(tried % 6)).to_have_class(
                re.compile("is-current")
            )
            tried += 1
    for question in (0, 1):
        expect(questions.nth(question)).to_have_class("is-right")


def test_a_miss_is_told_to_one_question_and_an_answer_keeps_no_old_numbers(
    open_page: OpenPage,
) -> None:
    page = open_page("/learn/layer")
    tiles = page.locator(".learn-tiles a")
    means = [
        float((tile.get_attribute("aria-label") or "").rpartition(" ")[2]) for tile in tiles.all()
    ]
    verdicts = page.locator(".verdict-line")
    tiles.nth(means.index(sorted(means)[1])).click()
    expect(verdicts.first).to_contain_text("Not yet.")
    expect(verdicts.last).to_be_hidden()
    tiles.nth(means.index(min(means))).click()
    expect(verdicts.last).to_contain_text("Right.")
    expect(verdicts.first).to_have_text("Not yet.")
    tiles.nth(means.index(max(means))).click()
    expect(verdicts.first).to_contain_text("Right.")
    expect(verdicts.last).to_have_text("Right.")


def test_a_class_sees_one_figure_and_nothing_else(open_page: OpenPage) -> None:
    page = open_page("/learn/block?present=1")
    expect(page.locator(".learn-figure")).to_be_visible()
    for hidden in (".site-header", ".site-footer", ".learn-text", ".learn-questions"):
        expect(page.locator(hidden)).to_be_hidden()


def test_a_presentation_can_be_left_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("/learn/block?present=1", width=390)
    page.get_by_role("link", name="Leave the presentation").click()
    expect(page.locator(".learn-text")).to_be_visible()


@pytest.mark.parametrize("step", STEPS)
def test_a_presented_step_fits_a_projector(open_page: OpenPage, step: str) -> None:
    page = open_page(f"/learn/{step}?present=1&lesson=abcdefgh")
    for width, height in PROJECTORS:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(FITS)


def test_a_digit_is_shown_to_the_class_while_its_page_comes(open_page: OpenPage) -> None:
    page = open_page("/learn/sum?lesson=hgfedcba", script=SHORT_REST)
    before = page.locator("form[data-draw]").get_attribute("data-digit") or ""
    page.get_by_role("button", name="Clear").click()
    coming = hold(page, re.compile(rf"/learn/sum\?digit=(?!{before})"), times=1)
    draw(page, SEVEN)
    coming.wait_for()
    page.get_by_role("button", name="Show it to the class").click()
    coming.release()
    expect(page.get_by_text("The class sees this digit.")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"digit=(?!{before})"))


def test_a_digit_that_a_pupil_shows_comes_onto_the_screen(open_page: OpenPage) -> None:
    screen = open_page("/learn/sum?present=1&lesson=abcdefgh")
    digits = screen.locator(".class-digits a")
    expect(digits).to_have_count(0)
    pupil = open_page("/learn/sum?lesson=abcdefgh")
    pupil.get_by_role("button", name="Clear").click()
    draw(pupil, SEVEN)
    pupil.get_by_role("button", name="Show it to the class").click()  # before it is stored
    expect(pupil.get_by_text("The class sees this digit.")).to_be_visible()
    expect(digits).to_have_count(1)
    drawn = parse_qs(urlsplit(pupil.url).query)["digit"][0]
    digits.first.click()
    expect(screen).to_have_url(re.compile(f"digit={drawn}&.*lesson=abcdefgh"))
    expect(digits.first).to_have_attribute("aria-current", "true")


def test_a_pupil_without_a_token_draws_and_sends_a_digit(open_page: OpenPage) -> None:
    pupil = open_page("/learn/class/mnpqrstu")
    pupil.get_by_role("button", name="Show it to the class").click()
    expect(pupil.get_by_text("Nothing is drawn yet.")).to_be_visible()
    draw(pupil, SEVEN)
    pupil.get_by_role("button", name="Show it to the class").click()
    expect(pupil.get_by_text("The class sees your digit.")).to_be_visible()
    screen = open_page("/learn/sum?present=1&lesson=mnpqrstu")
    expect(screen.locator(".class-digits a")).to_have_count(1)


def test_a_term_is_explained_where_it_has_the_focus(open_page: OpenPage) -> None:
    page = open_page("/learn/filter")
    term = page.locator(".term-word").first
    expect(page.get_by_role("tooltip")).to_have_count(0)
    term.focus()
    expect(page.get_by_role("tooltip")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("tooltip")).to_have_count(0)
    term.hover()
    expect(page.get_by_role("tooltip")).to_have_count(1)


@pytest.mark.parametrize("step", ["routes", "gradients"])
def test_the_gradient_runs_back_only_where_motion_is_welcome(
    open_page: OpenPage, step: str
) -> None:
    figure = ".learn-figure :is(.wiring, .touch-chart)"
    page = open_page(f"/learn/{step}")
    page.locator(figure).first.hover()
    page.wait_for_function(ANIMATED)
    still = open_page(f"/learn/{step}", reduced_motion="reduce")
    still.locator(figure).first.hover()
    assert still.evaluate(ANIMATED) == 0


def test_the_gradients_are_drawn_at_once_as_the_page_opens(open_page: OpenPage) -> None:
    assert open_page("/learn/gradients").evaluate(ANIMATED) == 0


@pytest.mark.parametrize("step", STEPS)
def test_without_a_script_a_step_shows_its_figure(open_page: OpenPage, step: str) -> None:
    page = open_page(f"/learn/{step}", java_script_enabled=False)
    expect(page.locator(".learn-figure")).to_be_visible()
    expect(page.locator("[data-script-only]:visible")).to_have_count(0)


def test_without_a_script_the_numbers_are_a_form(open_page: OpenPage) -> None:
    page = open_page("/learn/routes?w2=0", java_script_enabled=False)
    page.get_by_role("button", name="Compute").click()
    expect(page).to_have_url(re.compile("w2=0"))
    expect(first_question(page)).to_have_class("is-right")
