"""The card of a view, as sites show it, and the QR code of an address."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from skiplens.core.share_pictures import HEIGHT, WIDTH, draw_card, qr_code


def card(maps: tuple[int, int] = (60, 90), title: str = "A network: 7") -> Image.Image:
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 10:18] = 255
    shown = np.full((*maps, 3), (10, 200, 30), np.uint8)
    return Image.open(io.BytesIO(draw_card(digit, shown, title, "block1.output: 16 filters")))


def test_a_card_has_the_size_that_sites_ask_for() -> None:
    assert (card().format, card().size) == ("PNG", (WIDTH, HEIGHT))


def test_the_input_and_the_maps_are_enlarged_by_whole_factors_beside_each_other() -> None:
    colours = {colour: count for count, colour in card().convert("RGB").getcolors(1_000_000) or ()}
    assert colours[(255, 255, 255)] == 14 * 14 * 20 * 8
    assert colours[(10, 200, 30)] == 6 * 6 * 60 * 90  # 392 / 60, and 628 / 90


def test_a_picture_that_is_too_large_is_not_shrunk() -> None:
    shown = card(maps=(1000, 2000)).convert("RGB")
    assert shown.size == (WIDTH, HEIGHT)
    assert shown.getpixel((WIDTH - 1, 60)) == (10, 200, 30)


def test_an_input_that_is_too_large_is_reduced() -> None:
    photo, maps = np.full((448, 224, 3), 255, np.uint8), np.full((392, 628, 3), 90, np.uint8)
    shown = Image.open(io.BytesIO(draw_card(photo, maps, "", ""))).convert("RGB")
    rows, columns = np.nonzero((np.asarray(shown) == 255).all(axis=2))
    assert (int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1) == (392, 196)


def test_the_title_is_written_under_them() -> None:
    below = (0, 470, WIDTH, HEIGHT)
    written, empty = (np.asarray(card(title=title).crop(below)) for title in ("Seven", ""))
    assert (written != empty).any()


def test_the_same_view_gives_the_same_bytes() -> None:
    assert card().tobytes() == card().tobytes()


@pytest.mark.parametrize("text", ["http://192.0.2.7:8000/learn/sum", "http://[2001:db8::1]/learn"])
def test_a_code_says_its_text(text: str) -> None:
    dark = qr_code(text)
    assert dark.shape[0] == dark.shape[1]
    picture = np.kron(np.where(dark, 0, 255), np.ones((8, 8))).astype(np.uint8)
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == text
