"""Photographs: what the page sends of them, and the boxes on them to choose from."""

import io
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_upload import OWN, bring

ORIENTATION = 0x0112
QUARTER_TURN = 6
FRAME_PX = 4  # on the page, between strokes and the outside of the box around them
# Not from the request: the browser does not tell what a file that a script made has in it.
KEEP = """() => {
  const send = globalThis.fetch;
  globalThis.fetch = async (address, options) => {
    const file = options?.body instanceof FormData ? options.body.get("file") : undefined;
    if (file) await keep(new Uint8Array(await file.arrayBuffer()).toBase64());
    return send(address, options);
  };
}"""


def photo(width: int, height: int, *, strokes: int = 1) -> Image.Image:
    """Dark upright strokes side by side on a sheet, in its middle, each with another foot."""
    grey = np.full((height, width), 235, np.uint8)
    thick = width // 40
    for number in range(strokes):
        left = width // 2 + number * width // 5
        grey[height // 4 : -height // 4, left : left + thick] = 30
        grey[height // 4 : height // 4 + thick, left - 2 * thick : left] = 30
        grey[-height // 4 - thick : -height // 4, left : left + (1 + number) * thick] = 30
    return Image.fromarray(grey).convert("RGB")


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A photograph of two digits."""
    path = tmp_path / "two.jpg"
    path.write_bytes(saved(photo(800, 600, strokes=2), "JPEG"))
    return path


def uploads(page: Page) -> list[bytes]:
    """Files that a page sends from now on."""
    sent: list[bytes] = []
    page.expose_function("keep", lambda file: sent.append(b64decode(file)))
    page.evaluate(KEEP)
    return sent


def box(found: Locator) -> Iterator[float]:
    """Left, top, width and height of what a box encloses, as shares of the image on the page."""
    link, image = found.bounding_box(), found.page.locator(".found canvas").bounding_box()
    assert link
    assert image
    yield (link["x"] + FRAME_PX - image["x"]) / image["width"]
    yield (link["y"] + FRAME_PX - image["y"]) / image["height"]
    yield (link["width"] - 2 * FRAME_PX) / image["width"]
    yield (link["height"] - 2 * FRAME_PX) / image["height"]


def test_a_large_photo_is_sent_small_and_upright(open_page: OpenPage) -> None:
    page = open_page("/")
    sent = uploads(page)
    exif = Image.Exif()
    exif[ORIENTATION] = QUARTER_TURN
    upright = photo(2100, 2800)
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    bring(page, "drop", saved(turned, "JPEG", exif=exif), "image/jpeg")
    expect(page.locator(".provenance")).to_have_text(OWN)
    with Image.open(io.BytesIO(sent[0])) as image:
        assert (image.format, image.size) == ("JPEG", (1536, 2048))
    expect(page.locator(".predicted")).to_have_text("1")
    expect(page.locator(".found.has-photo canvas")).to_be_visible()
    assert list(box(page.locator(".found a"))) == pytest.approx([0.45, 0.25, 0.075, 0.5], abs=0.02)


def test_a_small_image_is_sent_as_it_is(open_page: OpenPage, drawing: Path) -> None:
    page = open_page("/")
    sent = uploads(page)
    bring(page, "paste", drawing.read_bytes())
    expect(page.locator(".found canvas")).to_be_visible()
    assert sent[0] == drawing.read_bytes()


@pytest.mark.skipif(not features.check("avif"), reason="Pillow writes no AVIF here")
def test_avif_is_sent_as_png(open_page: OpenPage) -> None:
    page = open_page("/")
    sent = uploads(page)
    bring(page, "drop", saved(photo(400, 300), "AVIF", quality=90), "image/avif")
    expect(page.locator(".provenance")).to_have_text(OWN)
    with Image.open(io.BytesIO(sent[0])) as image:
        assert (image.format, image.size) == ("PNG", (400, 300))


def test_what_the_browser_cannot_read_is_not_sent_and_advice_is_given(open_page: OpenPage) -> None:
    page = open_page("/")
    sent = uploads(page)
    bring(page, "drop", b"\0\0\0\x18ftypheic", "image/heic")
    state = page.locator("form[data-upload]").get_by_role("status")
    expect(state).to_contain_text("cannot read HEIC photos")
    expect(state).to_contain_text("save the photo as JPEG")
    assert not sent


def test_another_digit_is_chosen_by_its_box_on_the_photo(open_page: OpenPage, two: Path) -> None:
    page = open_page("/")
    bring(page, "drop", two.read_bytes(), "image/jpeg")
    boxes = page.locator(".found.has-photo a")
    expect(boxes).to_have_count(2)
    expect(page.get_by_text("There is more than one digit here")).to_be_visible()
    expect(boxes.first).to_have_attribute("aria-current", "true")
    boxes.last.click()
    expect(boxes.last).to_have_attribute("aria-current", "true")
    expect(boxes.first).not_to_have_attribute("aria-current", "true")
    expect(page.locator(".found canvas")).to_be_visible()
    page.get_by_text("Other digits").click()
    page.locator(".samples a").first.click()
    expect(page.locator(".found")).to_have_count(0)


def test_candidates_are_pictures_without_javascript(open_page: OpenPage, two: Path) -> None:
    page = open_page("/", java_script_enabled=False)
    page.get_by_text("Other digits").click()
    page.get_by_label(re.compile("^Your own image")).set_input_files(two)
    page.get_by_role("button", name="Upload").click()
    second = page.get_by_role("link", name="candidate 2")
    expect(second).to_be_visible()
    first = page.url
    second.click()
    expect(second).to_have_attribute("aria-current", "true")
    expect(page).not_to_have_url(first)
