"""The card of an address, for sites on which it is shared, and its QR code."""

import io
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1200, 630  # what sites that show cards ask for
_MARGIN: Final = 60
_SIDE: Final = 392  # of the input: 14 pixels a value
_TOP: Final = 60
_TITLE_SIZE, _LINE_SIZE = 56, 34
_PAPER, _INK, _SOFT = (19, 20, 23), (236, 236, 234), (163, 166, 174)


def draw_card(digit: NDArray[np.uint8], maps: NDArray[np.uint8], title: str, line: str) -> bytes:
    """The card as PNG, 1200 x 630 pixels.

    Args:
        digit: uint8 ``(H, W)`` or ``(H, W, 3)``, the input; a large one is reduced.
        maps: uint8 ``(height, width, 3)``, a picture of maps; enlarged by a whole factor.
        title: in large letters.
        line: in small letters under it.
    """
    card = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    given = Image.fromarray(digit).convert("RGB")
    given.thumbnail((_SIDE, _SIDE))
    card.paste(_enlarged(given, _SIDE, _SIDE), (_MARGIN, _TOP))
    room = WIDTH - 3 * _MARGIN - _SIDE
    card.paste(_enlarged(Image.fromarray(maps), room, _SIDE), (2 * _MARGIN + _SIDE, _TOP))
    pen = ImageDraw.Draw(card)
    below = _TOP + _SIDE + 36
    pen.text((_MARGIN, below), title, _INK, ImageFont.load_default(_TITLE_SIZE))
    pen.text((_MARGIN, below + 74), line, _SOFT, ImageFont.load_default(_LINE_SIZE))
    buffer = io.BytesIO()
    card.save(buffer, "PNG")
    return buffer.getvalue()


def _enlarged(image: Image.Image, width: int, height: int) -> Image.Image:
    factor = max(1, min(width // image.width, height // image.height))
    size = (image.width * factor, image.height * factor)
    return image.resize(size, Image.Resampling.NEAREST)


def qr_code(text: str) -> NDArray[np.bool_]:
    """The modules of the QR code of a text, bool ``(side, side)``, true where dark.

    Around it is a light margin of two modules; readers want four (ISO/IEC 18004).
    """
    modules = np.asarray(cv2.QRCodeEncoder.create().encode(text))
    dark: NDArray[np.bool_] = modules == 0
    return dark
