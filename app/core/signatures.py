"""Says what an image file is from its first bytes, before any decoder sees it.

File names and declared types are never asked. What a header declares is read here only where a
decoder would spend memory on it before its caller could refuse.
"""

import struct
from typing import Final

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
_FEWEST_SUB_BLOCKS: Final = {0xFE: 0, 0xFF: 2}  # a comment, an application's data; others 1
_XML_PROLOGUE: Final = 1024  # bytes in which an SVG must show itself after "<?xml"


def format_of(data: bytes) -> str | None:
    """The image format whose signature the bytes carry, or ``None`` for no known one.

    The five names in ``ACCEPTED`` are Pillow's; any other name is for people to read.
    """
    for offset, magic, name in (*_ACCEPTED_SIGNATURES, *_OTHER_SIGNATURES):
        if data.startswith(magic, offset):
            return name
    if data.startswith(b"<?xml") and b"<svg" in data[:_XML_PROLOGUE]:
        return "SVG"
    return None


def gif_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels that a GIF needs for its first frame.

    Pillow may fill a canvas of that size while it opens the file: 43 bytes can cost it 170 MB.
    A frame may reach past the screen that the header declares.

    Raises:
        ValueError: the blocks before the first frame are malformed.
        struct.error, IndexError: the file ends before its first frame does.
    """
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    while data[at] != ord(","):
        if data[at] == ord(";"):
            raise ValueError("a GIF without a frame")
        at = _after_extension(data, at) if data[at] == ord("!") else at + 1
    left, top, frame_width, frame_height = struct.unpack_from("<4H", data, at + 1)
    return max(width, left + frame_width), max(height, top + frame_height)


def _after_extension(data: bytes, at: int) -> int:
    """Where the block after the extension at ``at`` begins; an empty sub-block ends it.

    Decoders read on past the end of an extension that lacks its sub-blocks, and would then find
    another first frame than this function did: such a file is refused.
    """
    fewest = _FEWEST_SUB_BLOCKS.get(data[at + 1], 1)
    at += 2
    while data[at]:
        at += data[at] + 1
        fewest -= 1
    if fewest > 0:
        raise ValueError("a GIF extension without its data")
    return at + 1
