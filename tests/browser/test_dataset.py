"""The test set in a real browser: from the gallery to the matrix, to a mistake, to its filters."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Route, expect

from skiplens.mnist import Split
from tests.browser.conftest import OpenPage, serving
from tests.idx import shifted_samples, write_test_set

DATASET = "/networks/mnist-resnet/dataset"
STATE = f"/api/v1{DATASET}"
# The widest of what a matrix says, in each cell that may say it.
FILL = """() => {
  const fill = (place, text) =>
    document.querySelectorAll(`.confusion-matrix ${place}`)
      .forEach((one) => { one.textContent = text; });
  fill(".correct a", "1,135");
  fill(".row-accuracy", "100.00\u2009%");
}"""
PLENTY = 100  # times the shifted samples: more than any machine reads while a test runs


@pytest.fixture
def indexing(tmp_path: Path) -> Iterator[str]:
    """A server that has a large data set to read.

    A test asks for it before ``open_page``, whose pages are then closed before it is gone.
    """
    small = shifted_samples()
    large = Split(np.tile(small.images, (PLENTY, 1, 1)), np.tile(small.labels, PLENTY))
    data = write_test_set(tmp_path / "mnist", large)
    with serving(tmp_path, "--data", str(data)) as address:
        yield address


@pytest.mark.parametrize("scripts", [False, True])
def test_a_walk_from_the_matrix_to_what_excites_a_filter(
    open_page: OpenPage, *, scripts: bool
) -> None:
    page = open_page("/", java_script_enabled=scripts)
    page.get_by_role("link", name="Test set").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The test set")
    mistakes = page.locator("td[class^='level-'] a")
    count = int(mistakes.first.inner_text())
    mistakes.first.click()
    expect(page.locator(".digit-tiles li")).to_have_count(count)
    expect(page.locator(".confusion-matrix a[aria-current]")).to_have_text(str(count))
    page.locator(".digit-tiles a").first.click()
    expect(page.locator(".verdict")).to_have_text(re.compile(r"wrong, labelled \d"))
    gallery = page.url.partition("?")[0]
    page.goto(f"{gallery}/layers/block3.output/filters/7")
    top_activations = page.locator("#top-activations .digit-tiles a")
    expect(top_activations).to_have_count(24)
    name = top_activations.first.get_attribute("aria-label") or ""
    top_activations.first.click()
    expect(page.locator("#top-activations [aria-current]")).to_have_attribute("aria-label", name)
    expect(page.get_by_role("definition").nth(1)).to_have_text(name.split()[0])


def test_digits_are_chosen_in_place(open_page: OpenPage) -> None:
    page = open_page(DATASET)
    expect(page.get_by_role("button", name="Show")).to_be_hidden()
    page.get_by_role("combobox", name="Labelled").select_option("0")
    page.wait_for_url("**/dataset?*label=0&order=mistakes")
    expect(page.get_by_role("heading", name="Digits labelled 0")).to_be_visible()
    page.get_by_role("combobox", name="classified as").select_option("2")
    expect(page.get_by_text("No digit labelled 0 is classified as 2.")).to_be_visible()
    page.get_by_role("link", name="Show every test digit").click()
    expect(page.get_by_role("heading", name="All test digits")).to_be_visible()


def test_without_scripts_digits_are_chosen_by_a_button(open_page: OpenPage) -> None:
    page = open_page(DATASET, java_script_enabled=False)
    page.get_by_role("combobox", name="Labelled").select_option("2")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Digits labelled 2")).to_be_visible()


def test_every_cut_out_shows_its_digit(open_page: OpenPage, server: str) -> None:
    page = open_page(DATASET)
    sheet = page.locator(".digit-tiles image").first.get_attribute("href") or ""
    assert page.request.get(server + sheet).ok
    assert page.locator(".digit-tiles li").count() == 100
    boxes = page.locator(".digit-tiles svg").evaluate_all(
        "all => all.map((one) => one.getAttribute('viewBox'))"
    )
    assert len(set(boxes)) == 100


def test_the_matrix_of_ten_thousand_digits_is_not_cut_off(open_page: OpenPage) -> None:
    page = open_page(DATASET)
    page.evaluate(FILL)
    matrix = page.locator(".scroll:has(> .confusion-matrix)")
    for width in (720, 1024, 1280, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert matrix.evaluate("(one) => one.scrollWidth - one.clientWidth") == 0, width


def answer_ready(route: Route) -> None:
    route.fulfill(json={"state": "ready", "done": 1, "digits": 1})


def test_the_bar_moves_and_the_page_opens_anew_when_it_is_done(
    indexing: str, open_page: OpenPage
) -> None:
    page = open_page("/docs", base_url=indexing)
    page.goto(DATASET)  # asks again and again, so that it is never idle
    expect(page.get_by_role("heading", name="Samples while you wait")).to_be_visible()
    expect(page.locator(".digit-tiles li")).to_have_count(40)
    first = page.locator("progress").evaluate("(bar) => bar.value")
    page.wait_for_function("(first) => document.querySelector('progress').value > first", arg=first)
    expect(page.get_by_text(re.compile(r"^[\d,]+ of 24,000 digits$"))).to_be_visible()
    page.evaluate("() => { document.body.dataset.before = 'yes'; }")
    page.route(f"**{STATE}", answer_ready, times=1)  # else it opens again and again
    expect(page.locator("body[data-before]")).to_have_count(0)


def test_a_server_that_is_gone_is_told_and_asked_again(indexing: str, open_page: OpenPage) -> None:
    page = open_page("/docs", base_url=indexing, allow="net::ERR")
    page.goto(DATASET)
    page.route(f"**{STATE}", lambda route: route.abort())
    expect(page.get_by_text("The server cannot be reached; trying again.")).to_be_visible()
    page.unroute(f"**{STATE}")
    expect(page.get_by_text("of 24,000 digits")).to_be_visible()


def test_without_scripts_the_page_asks_again_by_itself(indexing: str, open_page: OpenPage) -> None:
    page = open_page(DATASET, base_url=indexing, java_script_enabled=False)
    progress = page.locator("progress")
    first = progress.get_attribute("value") or ""
    expect(progress).not_to_have_attribute("value", first)
    assert int(progress.get_attribute("value") or 0) > int(first)
