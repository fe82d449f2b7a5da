"""Turns the bytes of an image file into grey pixels; the one place where images are decoded.

Only pixels leave: metadata, colour profiles and further frames are dropped, and the file's name
and declared type are never asked for.
"""

import io
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.core.signatures import ACCEPTED, format_of, gif_size
from app.errors import TooLargeError, UnreadableImageError, UnsupportedFormatError

# What Pillow raises on damaged files: each was seen, or is called for by a decoder's own code.
_DAMAGE: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    struct.error,
    Warning,  # where warnings are made errors
)
_SCAN: Final = b"\xff\xda"  # what begins a scan; within one, no other byte than 0 follows 255
_MOST_SCANS: Final = 100  # a progressive file has about ten, and each is as much work as all pixels
_BOMB: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class ImageLimits:
    """How large an image may be, by what its header says.

    Attributes:
        pixels: largest width times height.
        side: largest width, and largest height, in pixels.
    """

    pixels: int = 16_000_000
    side: int = 8192


_DEFAULT_LIMITS: Final = ImageLimits()


def decode(data: bytes, limits: ImageLimits = _DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """The grey pixels of a PNG, JPEG, GIF, WEBP or BMP file.

    Transparency is composited over white, then colour becomes luminance (ITU-R 601-2, as in
    Pillow). Of 16-bit grey the high byte is kept, as Pillow keeps it of 16-bit colour. EXIF
    orientation is honoured. Of an animation the first frame is read.

    Returns:
        uint8 ``(H, W)``, 0 black to 255 white; both sides at least 1.

    Raises:
        UnreadableImageError: the bytes are no image, or a damaged one.
        UnsupportedFormatError: the image is of another format than the five.
        TooLargeError: the image is beyond ``limits``; found out before any pixel is decoded.
    """
    kind = _accepted_format(data)
    _check_scans(data.count(_SCAN) if kind == "JPEG" else 1)
    try:
        if kind == "GIF":
            _check_size(gif_size(data), limits)
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            _check_size(image.size, limits)
            # Pixels first: looking for EXIF may load a PNG's, and a fault found there is forgiven.
            image.load()
            turn = _turn(image)
            grey = _grey(image)
    except _BOMB as error:
        raise TooLargeError(f"image declares more pixels than the {limits.pixels:,} allowed") from (
            error
        )
    except _DAMAGE as error:
        raise UnreadableImageError(
            f"image starts like a {kind} file but is damaged or cut short; "
            "expected a complete image file"
        ) from error
    return np.array(grey if turn is None else grey.transpose(turn))


def _accepted_format(data: bytes) -> str:
    kind = format_of(data)
    if kind is None:
        raise UnreadableImageError(
            f"image holds {len(data):,} bytes that are no known image; "
            f"allowed are files in the formats {', '.join(ACCEPTED)}"
        )
    if kind not in ACCEPTED:
        raise UnsupportedFormatError(
            f"image is in the format {kind}; allowed are {', '.join(ACCEPTED)}"
        )
    return kind


def _check_size(size: tuple[int, int], limits: ImageLimits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ValueError("an image without pixels")
    if max(size) > limits.side or width * height > limits.pixels:
        raise TooLargeError(
            f"image is {width:,} x {height:,} pixels; allowed are at most {limits.side:,} "
            f"a side and {limits.pixels:,} in all"
        )


def _check_scans(scans: int) -> None:
    if scans > _MOST_SCANS:
        raise TooLargeError(f"image has {scans:,} scans; at most {_MOST_SCANS} are allowed")


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What the EXIF orientation asks for; nothing where that metadata is damaged."""
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DAMAGE:
        return None


def _grey(image: Image.Image) -> Image.Image:
    """The loaded image in mode ``L``, over white where it is transparent."""
    if image.mode.startswith("I"):
        return _high_bytes(image)
    if not image.has_transparency_data:
        return image.convert("L")
    rgba = image.convert("RGBA")
    paper = Image.new("RGB", image.size, "white")
    paper.paste(rgba, mask=rgba.getchannel("A"))
    return paper.convert("L")


def _high_bytes(image: Image.Image) -> Image.Image:
    """16-bit grey as ``L``: Pillow would clip values above 255, and mistake its clear value."""
    values = np.asarray(image)
    grey = (np.clip(values, 0, 65535) >> 8).astype(np.uint8)
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = 255
    return Image.fromarray(grey)
