"""Bringing a digit: by the form, by dropping it, by pasting it; and what a refusal looks like."""

import re
from base64 import b64encode
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import address

OWN = re.compile("dark on a light background")
BRING = """([event, data, type]) => {
  const transfer = new DataTransfer();
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  transfer.items.add(new File([bytes], "any", { type }));
  const options = { bubbles: true, cancelable: true };
  document.body.dispatchEvent(event === "paste"
    ? new ClipboardEvent(event, { ...options, clipboardData: transfer })
    : new DragEvent(event, { ...options, dataTransfer: transfer }));
}"""


def bring(page: Page, event: str, content: bytes, media_type: str = "image/png") -> None:
    page.evaluate(BRING, [event, b64encode(content).decode(), media_type])


@pytest.mark.parametrize("javascript", [False, True])
def test_a_file_is_chosen_and_read(open_page: OpenPage, drawing: Path, *, javascript: bool) -> None:
    page = open_page("/?palette=light", java_script_enabled=javascript)
    page.get_by_text("Other digits").click()
    page.get_by_label(re.compile("^Your own image")).set_input_files(drawing)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".provenance")).to_have_text(OWN)
    page.get_by_text("Other digits").click()
    expect(page.get_by_text(OWN)).to_be_visible()
    assert "palette=light" in page.url
    expect(page.locator(".samples [aria-current]")).to_have_count(0)


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_an_image_is_dropped_or_pasted(open_page: OpenPage, drawing: Path, event: str) -> None:
    page = open_page("/")
    bring(page, event, drawing.read_bytes())
    expect(page.locator(".provenance")).to_have_text(OWN)


@pytest.mark.parametrize("name", ["layer", "filter", "block", "blocks", "comparison", "data set"])
def test_an_image_is_dropped_on_any_page(
    open_page: OpenPage, server: str, drawing: Path, name: str
) -> None:
    page = open_page(address(server, name))
    bring(page, "drop", drawing.read_bytes())
    expect(page.locator(".provenance")).to_have_text(OWN)


def test_dragging_over_the_page_shows_where_to_drop(open_page: OpenPage) -> None:
    page = open_page("/")
    bring(page, "dragover", b"any")
    expect(page.locator("body.is-drop-target")).to_be_visible()


def test_a_refusal_is_said_beside_the_form(open_page: OpenPage) -> None:
    page = open_page("/", allow="422")
    address = page.url
    bring(page, "drop", b"no image at all")
    state = page.locator("form[data-upload]").get_by_role("status")
    expect(state).to_contain_text("no known image")
    bring(page, "drop", b"words", "text/plain")
    expect(state).to_contain_text("That is not an image")
    assert page.url == address


def test_a_file_larger_than_this_server_takes_is_not_sent(open_page: OpenPage) -> None:
    page = open_page("/", allow="422")
    form = page.locator("form[data-upload]")
    form.evaluate("(one) => { one.dataset.mostBytes = 3072 }")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    state = form.get_by_role("status")
    bring(page, "drop", bytes(3 * 1024 + 1))
    expect(state).to_contain_text("too large. The limit is 3 KiB")
    assert "POST" not in sent
    bring(page, "drop", bytes(3 * 1024))  # it arrives in full
    expect(state).to_contain_text("no known image")
    assert "POST" in sent


def test_a_refusal_is_a_page_without_javascript(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_bytes(b"no image at all")
    page = open_page("/", allow="422", java_script_enabled=False)
    page.get_by_text("Other digits").click()
    page.get_by_label(re.compile("^Your own image")).set_input_files(tmp_path / "notes.png")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not a readable image")
    page.get_by_role("link", name="To the gallery").click()
    expect(page.locator(".predicted")).to_be_visible()
