"""Image files for tests to send, whole and damaged."""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")


def drawing(side: int = 60) -> NDArray[np.uint8]:
    """uint8 ``(side, side)``: a dark upright stroke on white paper."""
    grey = np.full((side, side), 255, np.uint8)
    grey[side // 6 : -side // 6, side * 2 // 5 : side // 2] = 0
    return grey


def encoded(grey: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    """An image file of a format that Pillow writes."""
    file = io.BytesIO()
    Image.fromarray(grey).save(file, kind)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG of that size with hardly any content: what it says is all there is to refuse."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(64))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
