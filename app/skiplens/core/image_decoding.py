"""Decodes an uploaded image: format by signature, size limits before decoding, then grey."""

import io
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skiplens.errors import TooLargeError, UnreadableImageError, UnsupportedFormatError

ACCEPTED: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP")

_ACCEPTED_SIGNATURES: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (8, b"WEBPVP8", "WEBP"),
    (0, b"BM", "BMP"),
)
_OTHER_SIGNATURES: Final = (
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"8BPS", "PSD"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"\0\0\2\0", "CUR"),
    (0, b"icns", "ICNS"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"jP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (4, b"JXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"%PDF-", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"<svg", "SVG"),
    (0, b"DDS ", "DDS"),
    (0, b"qoif", "QOI"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"gimp xcf", "XCF"),
    (0, b"/* XPM */", "XPM"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (40, b" EMF", "EMF"),
    *((0, b"P%d%c" % (kind, space), "PNM") for kind in range(1, 8) for space in b" \n\r\t"),
)
_MIN_SUB_BLOCKS: Final = {0xFE: 0, 0xFF: 2}  # comment, application data; others 1
_XML_PROLOGUE_BYTES: Final = 1024  # after "<?xml", "<svg" must occur within these


def format_of(data: bytes) -> str | None:
    """The image format that the signature identifies; ``None`` if unknown.

    Names in ``ACCEPTED`` are Pillow's; other names only appear in messages.
    """
    for offset, magic, name in (*_ACCEPTED_SIGNATURES, *_OTHER_SIGNATURES):
        if data.startswith(magic, offset):
            return name
    if data.startswith(b"<?xml") and b"<svg" in data[:_XML_PROLOGUE_BYTES]:
        return "SVG"
    return None


def gif_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of the canvas that a GIF's first frame needs.

    Pillow may allocate it while it opens the file: 43 bytes can cost 170 MB. A frame may extend
    beyond the screen that the header declares.

    Raises:
        ValueError: the blocks before the first frame are malformed.
        struct.error, IndexError: the file ends before its first frame.
    """
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    while data[at] != ord(","):
        if data[at] == ord(";"):
            raise ValueError("GIF without a frame")
        at = _after_extension(data, at) if data[at] == ord("!") else at + 1
    left, top, frame_width, frame_height = struct.unpack_from("<4H", data, at + 1)
    return max(width, left + frame_width), max(height, top + frame_height)


def _after_extension(data: bytes, at: int) -> int:
    """Offset of the block after the extension at ``at``; an empty sub-block ends an extension.

    An extension without its sub-blocks is refused: decoders read on past its end and would find
    another first frame than this function.
    """
    missing = _MIN_SUB_BLOCKS.get(data[at + 1], 1)
    at += 2
    while data[at]:
        at += data[at] + 1
        missing -= 1
    if missing > 0:
        raise ValueError("GIF extension without its data")
    return at + 1


# Raised by Pillow on damaged files; each was observed or occurs in a decoder's source.
_DECODE_ERRORS: Final = (
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
    Warning,  # if warnings are turned into errors
)
_SCAN_MARKER: Final = b"\xff\xda"  # cannot occur within a scan, where only 0 follows 255
_MAX_SCANS: Final = 100  # progressive files have about ten; each costs as much as all pixels
_BOMB_ERRORS: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_ORIENTATION_TAG: Final = 0x0112
_TRANSPOSE_BY_ORIENTATION: Final = {
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
    """Largest accepted image, by the size in its header.

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
    Pillow). 16-bit grey is reduced to its high byte, as Pillow does with 16-bit colour. EXIF
    orientation is applied. The first frame of an animation is decoded.

    Returns:
        uint8 ``(H, W)``, 0 black to 255 white; both sides at least 1.

    Raises:
        UnreadableImageError: the bytes are not an image, or a damaged one.
        UnsupportedFormatError: the image has another format.
        TooLargeError: the image exceeds ``limits``; checked before any pixel is decoded.
    """
    kind = _accepted_format(data)
    _check_scans(data.count(_SCAN_MARKER) if kind == "JPEG" else 1)
    try:
        if kind == "GIF":
            _check_size(gif_size(data), limits)
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            _check_size(image.size, limits)
            # Pixels first: reading EXIF may load them, and errors in EXIF are ignored.
            image.load()
            rotation = _rotation(image)
            grey = _grey(image)
    except _BOMB_ERRORS as error:
        raise TooLargeError(f"image declares more pixels than the {limits.pixels:,} allowed") from (
            error
        )
    except _DECODE_ERRORS as error:
        raise UnreadableImageError(
            f"image starts like a {kind} file but is damaged or cut short; "
            "expected a complete image file"
        ) from error
    return np.array(grey if rotation is None else grey.transpose(rotation))


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
        raise ValueError("image without pixels")
    if max(size) > limits.side or width * height > limits.pixels:
        raise TooLargeError(
            f"image is {width:,} x {height:,} pixels; allowed are at most {limits.side:,} "
            f"a side and {limits.pixels:,} in all"
        )


def _check_scans(scans: int) -> None:
    if scans > _MAX_SCANS:
        raise TooLargeError(f"image has {scans:,} scans; at most {_MAX_SCANS} are allowed")


def _rotation(image: Image.Image) -> Image.Transpose | None:
    """The transposition for the EXIF orientation; None if that metadata is damaged."""
    try:
        return _TRANSPOSE_BY_ORIENTATION.get(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DECODE_ERRORS:
        return None


def _grey(image: Image.Image) -> Image.Image:
    """The loaded image in mode ``L``, composited over white."""
    if image.mode.startswith("I"):
        return _high_bytes(image)
    if not image.has_transparency_data:
        return image.convert("L")
    rgba = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(rgba, mask=rgba.getchannel("A"))
    return canvas.convert("L")


def _high_bytes(image: Image.Image) -> Image.Image:
    """16-bit grey as ``L``; Pillow would clip above 255 and misread the transparent value."""
    values = np.asarray(image)
    grey = (np.clip(values, 0, 65535) >> 8).astype(np.uint8)
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = 255
    return Image.fromarray(grey)
