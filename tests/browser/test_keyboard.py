"""The keyboard: every key that the help lists, and those that stay the browser's."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import address

DRAWN = """() => {
  const { complete, naturalWidth } = document.querySelector("dialog img");
  return complete && naturalWidth > 0; // while a larger one comes, it is still that of the page
}"""
# Pixels a value, by the picture's own width; that width; and how wide it is shown.
SIZES = """(one) => {
  const width = one.naturalWidth;
  return [((width - 2) / 4 - 2) / 28, width, one.getBoundingClientRect().width];
}"""


def expect_focus(page: Page, href: str) -> None:
    """What has the focus leads there, and is in view with an outline."""
    focus = page.locator(":focus")
    expect(focus).to_have_attribute("href", re.compile(href))
    expect(focus).to_be_in_viewport()
    expect(focus).to_have_css("outline-style", "solid")


# Keys are answered by a module that the first of them loads.
ANSWERED = """() => import(document.querySelector("script[src$='js/site.js']").src
  .replace("site.js", "keyboard/keyboard.js")).then(() => undefined)"""


NOTE_LEAVING = """() => {
  navigation.onnavigate = () => sessionStorage.setItem("left", "yes");
}"""


def press(page: Page, *keys: str) -> None:
    """One key after the other, all of them answered."""
    for key in keys:
        page.keyboard.press(key)
    with suppress(Error):  # a key may have led to another page
        page.evaluate(ANSWERED)


def test_the_help_opens_by_key_and_button_and_closes_by_escape(open_page: OpenPage) -> None:
    page = open_page("/docs")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_contain_text("previous and next layer")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Keyboard").click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Keyboard")).to_be_focused()


def test_single_keys_can_be_turned_off(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("button", name="Keyboard").click()
    page.get_by_role("checkbox", name="Use these keys").uncheck()
    page.keyboard.press("Escape")
    page.evaluate(NOTE_LEAVING)
    press(page, "e")
    assert page.evaluate("sessionStorage.getItem('left')") is None
    page.reload()
    press(page, "?")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Keyboard").click()
    page.get_by_role("checkbox", name="Use these keys").check()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_without_single_keys_samples_are_reached_and_page_keys_scroll(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    page.evaluate("localStorage.setItem('shortcuts', 'off')")
    page.keyboard.press("PageDown")
    page.wait_for_function("() => scrollY > innerHeight / 2")
    page.get_by_text("Other digits").click()
    page.get_by_text("Other digits").focus()
    page.keyboard.press("Tab")
    press(page, "ArrowRight")
    expect(page.locator(".samples a:focus:not([aria-current])")).to_have_count(1)


def test_a_branch_is_switched_by_the_space_bar(open_page: OpenPage) -> None:
    page = open_page("/")
    toggle = page.get_by_role("button", name="branch of block2")
    toggle.focus()
    page.keyboard.press(" ")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    expect(toggle).to_be_focused()
    assert page.evaluate("scrollY") == 0


def test_all_samples_are_one_tab_stop(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_text("Other digits").click()
    samples = page.locator(".samples a")
    expect(samples).to_have_count(40)
    page.get_by_text("Other digits").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".samples a:focus")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".samples a:focus:not([aria-current])")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_label(re.compile("^Your own image"))).to_be_focused()


def test_arrows_walk_over_the_pictures_of_the_gallery(open_page: OpenPage) -> None:
    page = open_page("/")
    page.locator(".layer-link").first.focus()
    press(page, "ArrowRight", "ArrowRight")
    expect_focus(page, "block1.residual$")
    press(page, "ArrowDown")
    expect_focus(page, "block2.residual$")
    press(page, "ArrowUp")
    expect_focus(page, "block1.residual$")


def test_page_keys_walk_from_picture_to_picture(open_page: OpenPage) -> None:
    page = open_page("/")
    press(page, "PageDown", "PageDown", "PageDown")
    expect_focus(page, "block1.residual$")
    press(page, "PageDown", "PageDown", "PageDown", "PageDown")
    expect_focus(page, "block2.residual$")
    press(page, "PageUp")
    expect_focus(page, "block1.output$")


def test_arrows_walk_over_the_filters_of_a_layer_and_enter_opens(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(address(server, "layer"))
    press(page, "ArrowRight", "ArrowRight")
    expect_focus(page, "/filters/1$")
    columns = page.evaluate(
        "getComputedStyle(document.querySelector('.tiles')).gridTemplateColumns.split(' ').length"
    )
    press(page, "ArrowDown")
    expect_focus(page, f"/filters/{1 + columns}$")
    press(page, "ArrowUp", "ArrowLeft", "Enter")
    page.wait_for_url("**/filters/0")


def test_on_a_filter_page_arrows_go_to_its_neighbours(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "filter"))
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/filters/4")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/filters/3")


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("layer", "**/layers/block2.conv1"),
        ("filter", "**/layers/block1.norm1/filters/3"),
        ("block", "**/blocks/block3"),
    ],
)
def test_page_keys_lead_to_the_next_layer_and_back(
    open_page: OpenPage, server: str, name: str, after: str
) -> None:
    page = open_page(address(server, name))
    before = page.url
    page.keyboard.press("PageDown")
    page.wait_for_url(after)
    page.keyboard.press("PageUp")
    page.wait_for_url(before)


@pytest.mark.parametrize("name", ["gallery", "layer", "block"])
def test_e_and_w_show_the_same_page_of_another_sample(
    open_page: OpenPage, server: str, name: str
) -> None:
    page = open_page(address(server, name) + "?palette=light")
    samples = [one["id"] for one in page.request.get("/api/v1/samples").json()]
    page.keyboard.press("e")
    page.wait_for_url(re.compile(rf"/digits/{samples[1]}.*palette=light$"))
    page.keyboard.press("w")
    page.wait_for_url(re.compile(rf"/digits/{samples[0]}.*palette=light$"))


@pytest.mark.parametrize("name", ["home", "comparison", "story: block", "embedded layer"])
def test_e_shows_the_next_sample_on_pages_with_other_addresses(
    open_page: OpenPage, server: str, name: str
) -> None:
    page = open_page("/" if name == "home" else address(server, name))
    samples = [one["id"] for one in page.request.get("/api/v1/samples").json()]
    form = page.locator("form[data-draw]")
    digit = samples[0] if "embed" in name else form.get_attribute("data-digit") or ""
    after = samples[(samples.index(digit) + 1) % len(samples)]
    path = page.url.removeprefix(server)
    expected = (
        f"/networks/mnist-resnet/digits/{after}" if name == "home" else path.replace(digit, after)
    )
    page.keyboard.press("e")
    page.wait_for_url(server + expected)


def test_a_server_that_is_gone_is_told(open_page: OpenPage, server: str) -> None:
    page = open_page(address(server, "layer"), allow="ERR_FAILED")
    before = page.url
    page.route("**/api/v1/samples", lambda route: route.abort(), times=1)
    page.keyboard.press("e")
    told = page.get_by_role("status").filter(has_text="The server cannot be reached.")
    expect(told).to_have_count(1)
    assert page.url == before
    page.keyboard.press("e")
    page.wait_for_url(lambda url: url != before)


def test_the_next_layer_is_opened_without_the_chosen_value(
    open_page: OpenPage, server: str
) -> None:
    page = open_page(address(server, "filter") + "?at=27,27&channel=3&palette=light")
    page.keyboard.press("PageDown")
    page.wait_for_url("**/layers/block1.norm1/filters/3?palette=light")


def test_n_and_p_choose_the_next_scale_and_palette(open_page: OpenPage) -> None:
    page = open_page("/")
    before = page.get_by_role("combobox", name="Colours").input_value()
    press(page, "p")
    expect(page.get_by_role("combobox", name="Colours")).not_to_have_value(before)
    before = page.get_by_role("combobox", name="Value range").input_value()
    press(page, "n")
    expect(page.get_by_role("combobox", name="Value range")).not_to_have_value(before)


def test_o_switches_the_block_under_the_focus(open_page: OpenPage) -> None:
    page = open_page("/")
    focused = page.locator("#block3 .layer-link").first
    focused.focus()
    page.keyboard.press("o")
    page.wait_for_url("**scale=block3:0**")
    toggle = page.get_by_role("button", name="branch of block3")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    expect(focused).to_be_focused()
    page.keyboard.press("o")
    page.wait_for_function("() => !location.search.includes('scale')")


@pytest.mark.parametrize("name", ["gallery", "layer", "filter"])
def test_z_shows_a_picture_large_with_hard_pixels(
    open_page: OpenPage, server: str, name: str
) -> None:
    page = open_page(address(server, name))
    if name != "filter":
        chosen = page.locator(".layer-link:visible, .tiles a").nth(1)
        chosen.focus()
        expect(chosen.locator("img, svg.map-panel")).to_be_visible()
    page.keyboard.press("z")
    picture = page.locator("dialog :is(img, svg, canvas)").first
    expect(picture).to_be_visible()
    assert picture.evaluate("(one) => getComputedStyle(one).imageRendering") == "pixelated"
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


@pytest.mark.parametrize("painted", [False, True])
def test_z_draws_a_grid_anew_so_that_it_fills_the_window(
    open_page: OpenPage, *, painted: bool
) -> None:
    page = open_page("/")
    figure = page.locator("figure[data-layer='block1.sum']")
    figure.locator("a").focus()
    if painted:
        page.get_by_role("combobox", name="Colours").select_option("light")
        page.wait_for_url("**palette=light**")
        figure.locator("a").focus()
    figure.locator("img").click(trial=True)
    page.keyboard.press("z")
    picture = page.locator("dialog img")
    expect(picture).to_be_in_viewport(ratio=1)
    page.wait_for_function(DRAWN)
    zoom, natural, shown = picture.evaluate(SIZES)
    ground = figure.locator(".map-panel").evaluate("(one) => getComputedStyle(one).backgroundColor")
    expect(picture).to_have_css("background-color", ground)
    columns, side = 4, 28
    assert natural == shown == 2 + columns * (side * zoom + 2)
    box = picture.bounding_box()
    assert box is not None
    assert box["height"] > 900 * 0.6
    assert page.locator("dialog .legend").inner_text() == figure.locator(".legend").inner_text()
    expect(page.locator("dialog .legend")).to_be_in_viewport(ratio=1)


def test_keys_stay_with_who_has_a_use_for_them(open_page: OpenPage) -> None:
    page = open_page("/")
    press(page, "Tab")
    page.locator(".digit-picker > summary").click()
    for place in ("select[name=palette]", "input[type=file]"):
        page.locator(place).focus()
        page.keyboard.press("e")
        page.keyboard.press("?")
    page.locator("body").press("Control+e")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert re.fullmatch(r"https?://[^/]+/", page.url)
