"""A user's own network of colour images: drawing in colour, and finding a class by its name."""

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from skiplens.network.own_network_files import NetworkOptions, TrustedCode
from tests.browser.conftest import OpenPage, serving
from tests.browser.drawing import SHORT_REST, draw, surface
from tests.browser.pages import MAP_ENDS_IN_VIEW, fetch, hold, stop_clock

if TYPE_CHECKING:
    from keras import Model

# As for tests.network.tiny, which would import Keras here already.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept:DeprecationWarning"
)

CLASSES: Final = tuple(f"{colour} {number}" for colour in ("red", "blue") for number in range(20))
ACROSS: Final = ((0.2, 0.4), (0.8, 0.4))
STORED: Final = re.compile(r"/digits/[0-9a-f]{16}$")


@contextmanager
def serving_own(
    folder: Path, model: "Callable[[], Model]", options: NetworkOptions
) -> Iterator[str]:
    """The address of a server whose default network is a user's."""
    from skiplens.engine.litert import run_once  # Keras takes seconds to import
    from skiplens.network import commands
    from tests.network.tiny import randomise

    randomise(model()).save(folder / "own.keras")
    path = commands.compile_file(
        folder / "own.keras",
        folder,
        None,
        run_once,
        measure=False,
        code=TrustedCode(),
        options=options,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "SKIPLENS_OWN_NETWORK", str(path))
        patch.setitem(os.environ, "SKIPLENS_DEFAULT_NETWORK", path.name)
        with serving(folder) as address:
            yield address


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose default network takes images in colour."""
    from tests.web.test_own_networks import of_colours

    options = NetworkOptions(classes=CLASSES)
    with serving_own(tmp_path_factory.mktemp("own"), of_colours, options) as address:
        yield address


@pytest.fixture(scope="module")
def without_blocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose default network is a tutorial's convnet."""
    from tests.network.test_any_graph import tutorial_convnet

    folder = tmp_path_factory.mktemp("convnet")
    with serving_own(folder, tutorial_convnet, NetworkOptions()) as address:
        yield address


def start(open_page: OpenPage, own: str) -> Page:
    page = open_page("/", base_url=own, script=SHORT_REST)
    surface(page).hover()
    expect(page.locator("form[data-draw][data-ready]")).to_have_count(1)
    return page


def test_a_stroke_on_a_picture_has_the_colour_of_the_pen(open_page: OpenPage, own: str) -> None:
    page = start(open_page, own)
    before = page.url
    page.get_by_role("button", name="red").click()
    expect(page.get_by_role("button", name="red")).to_have_attribute("aria-pressed", "true")
    draw(page, ACROSS)
    expect(page).not_to_have_url(before)
    expect(page).to_have_url(STORED)
    path = page.url.removeprefix(own)
    found = fetch(f"{own}/api/v1/digits/{path[-16:]}/input.png")
    with Image.open(io.BytesIO(found.content)) as picture:
        width, height = picture.size
        stroke = picture.convert("RGB").getpixel((width // 2, round(0.4 * height)))
        paper = picture.convert("RGB").getpixel((width // 2, round(0.9 * height)))
    assert is_red(stroke)
    assert not is_red(paper)  # what was there is there still
    told = fetch(f"{own}/api/v1{path}/prediction").json()
    expect(page.locator(".predicted")).to_have_text(told["label"])


def test_a_key_leads_to_the_next_image_and_not_to_a_digit(open_page: OpenPage, own: str) -> None:
    page = start(open_page, own)
    draw(page, ACROSS)
    expect(page).to_have_url(STORED)
    page.locator(".digit-picker summary").click()
    given = page.locator(".digit-picker .pictures a").get_attribute("href")
    page.locator("h1").click()
    page.keyboard.press("e")
    expect(page).to_have_url(f"{own}{given}")
    page.keyboard.press("e")
    expect(page.locator(".digit-picker .pictures a")).to_have_attribute("aria-current", "true")


def is_red(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    return bool(pixel[0] > 150 and pixel[0] > 2 * max(pixel[1:]))


def test_classes_are_found_while_one_types(open_page: OpenPage, own: str) -> None:
    page = start(open_page, own)
    before, found = page.url, page.locator(".found-classes li")
    field = page.get_by_role("searchbox", name="Class")
    field.press_sequentially("blue 1")
    expect(found).to_have_count(10)  # of eleven, the most probable
    expect(found.first).to_contain_text("blue 1")
    field.press_sequentially("3")
    expect(found).to_have_count(1)
    expect(found).to_have_text(re.compile(r"^blue 13 +\d"))
    field.press_sequentially("x")
    expect(page.locator(".search-result")).to_have_text("No class has “blue 13x” in its name.")
    expect(field).to_be_focused()
    assert page.url == before


def test_a_choice_that_is_under_way_is_shown_before_what_is_searched_for(
    open_page: OpenPage, own: str
) -> None:
    page = start(open_page, own)
    chosen = hold(page, re.compile("palette=light"), times=1)
    page.get_by_role("combobox", name="Colours").select_option("light")
    chosen.wait_for()
    stop_clock(page)
    page.get_by_role("searchbox", name="Class").press_sequentially("blue 13")
    page.clock.run_for(200)
    chosen.release()
    expect(page).to_have_url(re.compile("palette=light"))
    expect(page.locator(".found-classes li")).to_have_text(re.compile(r"^blue 13 +\d"))


@pytest.mark.parametrize("width", [390, 768])
def test_the_closed_map_of_a_network_without_blocks_is_whole(
    open_page: OpenPage, without_blocks: str, width: int
) -> None:
    page = open_page("/", base_url=without_blocks, width=width)
    assert page.locator(".network-map .end").count() == 2
    assert page.evaluate(MAP_ENDS_IN_VIEW)
