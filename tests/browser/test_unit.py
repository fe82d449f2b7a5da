"""One value of a map explained in a real browser, with and without JavaScript."""

import re

import pytest
from playwright.sync_api import Page, expect

from scripts.pages import GALLERY
from skiplens.samples import load_samples
from tests.browser.conftest import OpenPage
from tests.browser.pages import hold, next_frame, stop_clock

CONV = "layers/block1.conv1/filters/3"
SMALL = "layers/block3.conv1/filters/7"
FORGET = "(all) => all.forEach((one) => { one.textContent = ''; })"


def unit(open_page: OpenPage, where: str, **options: object) -> Page:
    """The page of a filter of the first sample."""
    gallery = GALLERY.format(digit=load_samples()[0].digit.id)
    return open_page(f"{gallery}/{where}", **options)


@pytest.mark.parametrize("javascript", [False, True])
def test_another_place_is_chosen_by_its_numbers_and_by_steps(
    open_page: OpenPage, *, javascript: bool
) -> None:
    page = unit(open_page, f"{CONV}?palette=light", java_script_enabled=javascript)
    page.get_by_label("Row and column").fill("5,12")
    page.get_by_role("button", name="Show").click()
    said = page.locator(".unit-value")
    expect(said).to_contain_text("row 5, column 12")
    page.get_by_role("link", name="one up").click()
    expect(said).to_contain_text("row 4, column 12")
    page.get_by_role("link", name="largest", exact=True).click()
    expect(said).not_to_contain_text("row 4, column 12")
    assert "palette=light" in page.url


@pytest.mark.parametrize("javascript", [False, True])
def test_what_is_no_place_of_the_map_does_not_lead_away(
    open_page: OpenPage, *, javascript: bool
) -> None:
    page = unit(open_page, SMALL, java_script_enabled=javascript)
    address, field = page.url, page.get_by_label("Row and column")
    expect(page.locator(".picker")).to_contain_text("rows 0 to 13, columns 0 to 13")
    refusal = page.get_by_role("alert").filter(has_text="no such position")
    for words in ("50,50", "14,0", "0,14", "abc", "", "-1,3"):
        field.fill(words)
        page.get_by_role("alert").evaluate_all(FORGET)  # what was said of the words before
        page.get_by_role("button", name="Show").click()
        if javascript:
            expect(refusal, words).to_contain_text("rows 0 to 13, columns 0 to 13, counting from 0")
        expect(field, words).to_be_focused()
        assert page.url == address, words
    field.fill("13,13")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".unit-value")).to_contain_text("row 13, column 13")
    expect(page.get_by_text("no such position")).to_have_count(0)


def test_a_click_on_the_map_explains_that_place_without_leaving_the_page(
    open_page: OpenPage,
) -> None:
    page = unit(open_page, f"{CONV}?at=0,0")
    page.evaluate("window.stayed = true")
    box = page.locator(".filter-map").bounding_box()
    assert box
    before = page.evaluate("scrollY")
    page.mouse.click(box["x"] + box["width"] * 12.5 / 28, box["y"] + box["height"] * 9.5 / 28)
    expect(page).to_have_url(re.compile("at=9,12$"))
    expect(page.locator(".unit-value")).to_contain_text("row 9, column 12")
    mark = page.locator(".marker rect").first
    expect(mark).to_have_attribute("x", "12")
    expect(mark).to_have_attribute("y", "9")
    spoken = page.get_by_role("status").filter(has_text="row 9, column 12")
    expect(spoken).to_have_count(1)
    assert page.evaluate("window.stayed")
    assert page.evaluate("scrollY") == before
    expect(page.locator("form[data-draw]")).to_have_attribute("data-page", re.compile("at=9,12$"))
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def test_a_branch_is_switched_at_the_value_that_was_chosen_in_place(open_page: OpenPage) -> None:
    page = unit(open_page, f"{CONV}?at=0,0")
    page.mouse.click(*over(page, 9, 12))
    expect(page).to_have_url(re.compile("at=9,12$"))
    page.get_by_role("button", name="branch of block1").click()
    page.wait_for_url("**scale=block1:0**")
    expect(page.locator(".unit-value")).to_contain_text("row 9, column 12")
    assert page.url.endswith("at=9,12")


def over(page: Page, row: int, column: int) -> tuple[float, float]:
    """Where a value of a map of 28 rows and columns is in the window."""
    box = page.locator(".filter-map").bounding_box()
    assert box
    return (
        box["x"] + box["width"] * (column + 0.5) / 28,
        box["y"] + box["height"] * (row + 0.5) / 28,
    )


def test_the_computation_follows_the_pointer_and_stands_beside_the_map(
    open_page: OpenPage,
) -> None:
    page = unit(open_page, f"{CONV}?at=0,0")
    value = page.locator(".unit-value")
    for row, column in ((9, 12), (20, 15)):
        page.mouse.move(*over(page, row, column))
        expect(value).to_contain_text(f"row {row}, column {column}")
        expect(value).to_be_in_viewport(ratio=1)
        assert page.url.endswith("at=0,0")
    page.mouse.move(1, 1)
    expect(value).to_contain_text("row 0, column 0")


def test_back_leads_to_the_value_before(open_page: OpenPage) -> None:
    page = unit(open_page, f"{CONV}?at=0,0")
    for row in (9, 10):
        page.mouse.click(*over(page, row, 12))
        expect(page).to_have_url(re.compile(f"at={row},12$"))
    page.mouse.move(1, 1)
    for row, column in ((9, 12), (0, 0)):
        page.go_back()
        expect(page.locator(".unit-value")).to_contain_text(f"row {row}, column {column}")


def test_back_leads_to_a_value_whose_address_names_the_section(open_page: OpenPage) -> None:
    page = unit(open_page, f"{CONV}?at=5,5#unit")
    page.mouse.click(*over(page, 9, 12))
    expect(page).to_have_url(re.compile("at=9,12$"))
    page.mouse.move(1, 1)
    page.go_back()
    expect(page.locator(".unit-value")).to_contain_text("row 5, column 5")


def test_a_value_is_kept_that_is_clicked_as_the_pointer_leaves_the_map(
    open_page: OpenPage,
) -> None:
    page = unit(open_page, f"{CONV}?at=0,0")
    page.mouse.move(*over(page, 9, 12))
    expect(page.locator(".unit-value")).to_contain_text("row 9, column 12")
    clicked = hold(page, "**at=9,12", times=1)
    page.mouse.click(*over(page, 9, 12))
    page.mouse.move(1, 1)
    with page.expect_response(re.compile("at=")), page.expect_response(re.compile("at=9,12")):
        clicked.release()
    expect(page).to_have_url(re.compile("at=9,12$"))
    expect(page.locator(".unit-value")).to_contain_text("row 9, column 12")


def test_a_choice_is_not_given_up_for_a_value_in_passing(open_page: OpenPage) -> None:
    page = unit(open_page, f"{CONV}?at=0,0")
    choice = hold(page, "**palette=light*", times=1)
    page.get_by_label("Colours").select_option("light")
    choice.wait_for()
    page.mouse.move(*over(page, 9, 12))
    next_frame(page)
    choice.release()
    expect(page).to_have_url(re.compile("palette=light"))
    expect(page.locator(".unit-value")).to_contain_text("row 9, column 12")
    window = page.locator(".input-window image")
    expect(window).to_have_count(1)  # without a palette of its own it has a picture for each theme
    expect(window).to_have_attribute("href", re.compile("palette=light"))


@pytest.mark.fresh_context  # the clock is its context's
def test_the_kernel_slides_over_the_input_until_it_is_stopped(open_page: OpenPage) -> None:
    page = unit(open_page, f"{CONV}?at=27,27")
    stop_clock(page)
    page.get_by_role("button", name="Slide the kernel").click()
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".slide-cover")).to_be_visible()
    page.clock.run_for(1000)
    expect(page.locator(".unit-value")).to_contain_text(re.compile("row [1-9], "))
    stop.click()
    page.clock.run_for(100)
    expect(page.locator(".slide-cover")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"at=\d,\d+$"))
    row, column = page.url.rpartition("=")[2].split(",")
    expect(page.locator(".unit-value")).to_contain_text(f"row {row}, column {column}")


def test_a_value_that_is_clicked_while_the_kernel_slides_is_kept(open_page: OpenPage) -> None:
    page = unit(open_page, f"{CONV}?at=27,27")
    page.get_by_role("button", name="Slide the kernel").click()
    expect(page.locator(".slide-cover")).to_be_visible()
    page.mouse.click(*over(page, 9, 12))
    expect(page.locator(".slide-cover")).to_have_count(0)
    expect(page).to_have_url(re.compile("at=9,12$"))
    expect(page.locator(".unit-value")).to_contain_text("row 9, column 12")


def test_the_keyboard_walks_over_the_map_and_keeps_the_focus(open_page: OpenPage) -> None:
    page = unit(open_page, f"{CONV}?at=9,12")
    page.get_by_role("link", name="one down").focus()
    for row in (10, 11, 12):
        page.keyboard.press("Enter")
        expect(page.locator(".unit-value")).to_contain_text(f"row {row}, column 12")
        expect(page.get_by_role("link", name="one down")).to_be_focused()


def test_at_the_edge_of_the_map_the_focus_stays_on_its_direction(open_page: OpenPage) -> None:
    page = unit(open_page, f"{CONV}?at=1,12")
    up = page.get_by_role("link", name="one up")
    up.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".unit-value")).to_contain_text("row 0, column 12")
    expect(up).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".unit-value")).to_contain_text("row 0, column 12")


@pytest.mark.parametrize("javascript", [False, True])
def test_another_map_is_written_out(open_page: OpenPage, *, javascript: bool) -> None:
    page = unit(open_page, f"{CONV}?at=9,20", java_script_enabled=javascript)
    table = page.locator("table.channels")
    second = table.locator("tbody tr").nth(1)
    index = second.get_by_role("link").inner_text()
    amount = second.locator("td").nth(5).inner_text()
    second.get_by_role("link").click()
    expect(table.locator("tr.selected th")).to_have_text(index)
    expect(page.get_by_role("heading", name=f"One input map: stem.output:{index}")).to_be_visible()
    expect(page.locator(".product-sum")).to_contain_text(amount.rstrip("0"))


def test_the_way_back_through_the_layers_is_one_of_links(open_page: OpenPage) -> None:
    page = unit(open_page, "layers/block1.sum/filters/3?at=9,12", java_script_enabled=False)
    for label, layer in (
        ("F(x): block1.residual", "block1.residual"),
        ("block1.norm2", "block1.norm2"),
        ("block1.conv2", "block1.conv2"),
    ):
        page.locator("#unit").get_by_role("link", name=label).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"{layer}:3")
        expect(page.locator(".unit-value")).to_contain_text("row 9, column 12")


@pytest.mark.parametrize("javascript", [False, True])
def test_colours_are_chosen_for_the_same_value(open_page: OpenPage, *, javascript: bool) -> None:
    page = unit(open_page, f"{CONV}?at=5,12&channel=3", java_script_enabled=javascript)
    page.get_by_label("Colours").select_option("light")
    if not javascript:
        page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**palette=light*")
    expect(page.locator(".unit-value")).to_contain_text("row 5, column 12")
    expect(page.get_by_role("heading", name="One input map: stem.output:3")).to_be_visible()


def test_colours_follow_the_palette(open_page: OpenPage) -> None:
    page = unit(open_page, f"{CONV}?at=9,20")
    square = page.locator("table.channels rect").first
    before = square.get_attribute("fill")
    page.get_by_label("Colours").select_option("light")
    window = page.locator(".input-window image")
    expect(window).to_have_count(1)  # without a palette of its own it has a picture for each theme
    expect(window).to_have_attribute("href", re.compile("palette=light"))
    expect(square).not_to_have_attribute("fill", before or "")


def test_a_server_that_is_gone_is_met_as_by_any_link(open_page: OpenPage) -> None:
    page = unit(open_page, f"{CONV}?at=9,12", allow="ERR_FAILED")
    page.route("**/filters/3?at=10,12", lambda route: route.abort(), times=1)
    page.get_by_role("link", name="one down").click()
    expect(page.locator(".unit-value")).to_contain_text("row 10, column 12")


@pytest.mark.parametrize("where", ["layers/block6.conv2/filters/0", "layers/head.logits/filters/7"])
def test_nothing_scrolls_sideways(open_page: OpenPage, where: str) -> None:
    page = unit(open_page, where)
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            "(width) => document.documentElement.scrollWidth === width", arg=width
        )
