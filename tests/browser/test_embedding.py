"""Figures in frames of other sites, and the page of the documentation that shows how."""

import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from skiplens.settings import ROOT
from tests.browser.conftest import OpenPage, serving

FITS = """frame => new Promise((resolve) => {
  const check = () => {
    const inner = document.querySelector(`iframe[title='${frame}']`);
    if (inner.clientHeight !== 300) resolve(inner.clientHeight); else requestAnimationFrame(check);
  };
  check();
})"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which another site serves it."""
    folder = tmp_path_factory.mktemp("course")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        yield folder, f"http://localhost:{site.server_port}"
        site.shutdown()


@pytest.fixture(scope="module")
def embedded(
    course: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The other site's address, and that of a server which lets it show figures."""
    folder, site = course
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKIPLENS_FRAME_ANCESTORS", site)
        patch.setenv("SKIPLENS_CROSS_ORIGIN_PICTURES", "true")
        with serving(tmp_path_factory.mktemp("embedded")) as server:
            example = (ROOT / "docs" / "embedding.html").read_text(encoding="utf-8")
            page = example.replace("http://127.0.0.1:8000", server)
            (folder / "embedding.html").write_text(page, encoding="utf-8")
            yield site, server


def figure(page: Page, title: str) -> FrameLocator:
    return page.frame_locator(f"iframe[title='{title}']")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_example_shows_figures_in_frames_of_their_size(
    open_page: OpenPage, embedded: tuple[str, str], width: int
) -> None:
    page = open_page(f"{embedded[0]}/embedding.html", width=width)
    for title in ("Network map", "Maps of block2"):
        expect(figure(page, title).locator("main.embedded")).to_be_visible()
        assert page.evaluate(FITS, title) > 0
        element = page.locator(f"iframe[title='{title}']").element_handle()
        frame = element.content_frame()
        assert frame is not None
        frame.wait_for_function("document.documentElement.scrollHeight <= innerHeight + 1")
        frame.wait_for_function("document.documentElement.scrollWidth <= innerWidth")


def test_a_branch_is_switched_off_inside_of_the_frame(
    open_page: OpenPage, embedded: tuple[str, str]
) -> None:
    page = open_page(f"{embedded[0]}/embedding.html")
    frame = figure(page, "Network map")
    expect(frame.locator("html[data-ready]")).to_have_count(1)
    toggle = frame.locator(".map-toggle[aria-pressed=true]").first
    toggle.click()
    expect(frame.locator(".map-toggle[aria-pressed=false]")).to_have_count(1)
    expect(frame.locator("main.embedded")).to_be_visible()
    expect(frame.locator(".site-header")).to_have_count(0)


def test_links_lead_to_the_whole_page_in_a_tab_of_its_own(
    open_page: OpenPage, embedded: tuple[str, str]
) -> None:
    page = open_page(f"{embedded[0]}/embedding.html")
    with page.expect_popup() as opened:
        figure(page, "Maps of block2").locator(".embedded > p a").click()
    expect(opened.value.locator(".site-header")).to_be_visible()
    expect(opened.value).not_to_have_url(re.compile("embed"))


def test_values_are_told_inside_of_the_frame(
    open_page: OpenPage, embedded: tuple[str, str]
) -> None:
    page = open_page(f"{embedded[0]}/embedding.html")
    page.evaluate(FITS, "Maps of block2")
    frame = figure(page, "Maps of block2")
    frame.get_by_role("img", name="x, F(x), sum and output").hover(position={"x": 40, "y": 40})
    expect(frame.locator(".tooltip-panel")).to_be_visible()


def test_pictures_are_shown_by_other_sites(
    open_page: OpenPage, embedded: tuple[str, str], course: tuple[Path, str]
) -> None:
    site, server = embedded
    view = f"{server}/api/v1/networks/mnist-resnet/digits/68348ce2256ddc1e"
    image = f'<!doctype html><img src="{view}/layers/block1.output/grid.png" alt="">'
    (course[0] / "picture.html").write_text(image, encoding="utf-8")
    page = open_page(f"{site}/picture.html")
    assert page.locator("img").evaluate("one => one.decode().then(() => one.naturalWidth)") > 0


def test_no_other_site_shows_a_page_by_default(
    open_page: OpenPage, server: str, course: tuple[Path, str]
) -> None:
    folder, site = course
    (folder / "thief.html").write_text(f'<iframe src="{server}/"></iframe>', encoding="utf-8")
    page = open_page(f"{site}/thief.html", allow="frame-ancestors")
    assert page.frame_locator("iframe").locator(".site-header").count() == 0


@pytest.mark.parametrize("by_key", [False, True])
def test_a_value_leads_to_its_page_in_a_tab_of_its_own(
    open_page: OpenPage, embedded: tuple[str, str], *, by_key: bool
) -> None:
    page = open_page(f"{embedded[0]}/embedding.html")
    page.evaluate(FITS, "Maps of block2")
    frame = figure(page, "Maps of block2")
    maps = frame.get_by_role("img", name="x, F(x), sum and output")
    maps.hover(position={"x": 40, "y": 40})
    expect(frame.locator(".tooltip-panel")).to_be_visible()
    with page.expect_popup() as opened:
        if by_key:
            frame.locator(".map-focus").focus()
            page.keyboard.press("Enter")
            expect(frame.locator(".tooltip-panel")).to_contain_text("row 14, column 14")
            page.keyboard.press("Enter")
        else:
            maps.click(position={"x": 40, "y": 40})
    expect(opened.value).to_have_url(re.compile(r"/filters/\d+\?at=\d+,\d+#unit$"))
    expect(frame.locator("main.embedded")).to_be_visible()
