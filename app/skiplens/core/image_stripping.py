"""Strips an image file to what decoding needs, so that decoding it is bounded work.

Everything else, such as colour profiles and text, is dropped unread: Pillow takes seconds for files
that consist of it. Of an animation as many frames are kept as decoding looks at.
"""

import io
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from PIL import Image

from skiplens.core.image_decoding import (
    JPEG_SCAN,
    colour_table_bytes,
    damaged,
    format_of,
    gif_size,
)
from skiplens.core.limits import DEFAULT, ImageLimits
from skiplens.errors import TooLargeError

_EXIF_BYTES: Final = 64 * 1024  # all that a JPEG has room for

_DAMAGED: Final = (ValueError, IndexError, struct.error)


def essential(data: bytes, limits: ImageLimits = DEFAULT) -> bytes:
    """The file without what decoding does not need; other formats than PNG, JPEG, GIF, WEBP and
    BMP as they are.

    Raises:
        UnreadableImageError: it is damaged.
        TooLargeError: it consists of too many parts.
    """
    kind = format_of(data)
    reduce = {"PNG": _png, "JPEG": _jpeg, "GIF": _gif, "WEBP": _webp, "BMP": _bmp}.get(kind or "")
    if kind is None or reduce is None:
        return data
    try:
        return reduce(data, limits)
    except _DAMAGED as error:
        raise damaged(kind) from error


def work(data: bytes, limits: ImageLimits = DEFAULT) -> int:
    """Pixels that decoding a file of :func:`essential` computes: its size times its scans, or
    times the frames that an animation may have.

    Raises:
        Exception: whatever Pillow raises for a damaged file.
    """
    kind = format_of(data) or ""
    if kind == "GIF":
        width, height = gif_size(data)
        animated = _gif(data, replace(limits, scans=1)) != _gif(data, limits)
    else:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            width, height = image.size
            animated = getattr(image, "is_animated", False)
    scans = data.count(JPEG_SCAN) if kind == "JPEG" else 1
    return width * height * (limits.scans if animated else scans)


def _check_parts(count: int, most: int) -> None:
    if count > most:
        raise TooLargeError(f"image consists of more than {most:,} parts")


_PNG_ONCE: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"acTL"})
_PNG_FRAME: Final = frozenset({b"fcTL", b"fdAT"})


def _png(data: bytes, limits: ImageLimits) -> bytes:
    """Header, palette, transparency, orientation, the pixels in one chunk, and later frames."""
    before: dict[bytes, bytes] = {}
    pixels, after, frames = [], [], 0
    for name, chunk in _png_chunks(data, limits.parts):
        frames += name == b"fcTL"
        if name == b"IDAT":
            pixels.append(chunk[8:-4])
        elif name in _PNG_ONCE and name not in before and len(chunk) <= _EXIF_BYTES:
            before[name] = chunk
        elif name == b"IEND" or frames > limits.scans:
            break
        elif name in _PNG_FRAME and b"acTL" in before:
            if pixels:
                after.append(chunk)
            else:
                before.setdefault(name, chunk)
    body = b"IDAT" + b"".join(pixels)
    idat = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    end = b"\0\0\0\0IEND\xaeB`\x82"
    return b"".join((data[:8], *before.values(), idat, *after, end))


def _png_chunks(data: bytes, most: int) -> Iterator[tuple[bytes, bytes]]:
    """Name and whole of each chunk; the last may be cut short, but not before its checksum."""
    at, count = 8, 0
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunk = data[at : at + length + 12]
        missing = length + 12 - len(chunk)
        yield data[at + 4 : at + 8], chunk + bytes(min(missing, 4)) if missing > 0 else chunk
        at += length + 12
        count += 1
        _check_parts(count, most)


_FILL: Final = re.compile(rb"\xff*")
_JPEG_TABLES: Final = frozenset({0xC4, 0xDB, 0xDD})  # Huffman, quantisation, restart interval
_JPEG_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_ALONE: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD8)})  # without a length
_JPEG_NOTES: Final = {0xE0: b"JFIF\0", 0xE1: b"Exif\0\0", 0xEE: b"Adobe"}  # one of each is kept
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # what ends the values of a scan


def _jpeg(data: bytes, limits: ImageLimits) -> bytes:
    """Tables, frame header, JFIF, Adobe and Exif segments; from the first scan on, everything up to
    the end of the image, after which phones append other images or a film.
    """
    kept, notes, tables = [data[:2]], dict(_JPEG_NOTES), 0
    at, count = 2, 0
    while True:
        at = _FILL.match(data, data.index(b"\xff", at)).end()  # type: ignore[union-attr]  # it matches any
        marker = data[at]
        count += 1
        _check_parts(count, limits.parts)
        if marker == _START_OF_SCAN:
            return b"".join((*kept, b"\xff", data[at : _jpeg_end(data, at, limits.parts)]))
        if marker in _JPEG_ALONE:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 1)
        segment = data[at - 1 : at + 1 + length]
        at += 1 + max(2, length)
        if marker in _JPEG_TABLES or marker in _JPEG_FRAMES:
            tables += 1
            _check_parts(tables, limits.scans)
            kept.append(segment)
        elif marker in notes and segment.startswith(notes[marker], 4):
            del notes[marker]
            kept.append(segment)


def _jpeg_end(data: bytes, at: int, most: int) -> int:
    """Offset after the end of the image whose first scan's marker is at ``at``; of a file that is
    cut short, its length.
    """
    count = 0
    while at + 3 <= len(data) and data[at] != _END_OF_IMAGE:
        (length,) = struct.unpack_from(">H", data, at + 1)
        found = _MARKER.search(data, at + 1 + length)
        at = found.end() - 1 if found else len(data)
        count += 1
        _check_parts(count, most)
    return min(at + 1, len(data))


_GIF_EXTENSION: Final = 0x21
_GIF_FRAME: Final = 0x2C
_GIF_END: Final = 0x3B
_GIF_CONTROL: Final = 0xF9  # transparency of the frame that follows


def _gif(data: bytes, limits: ImageLimits) -> bytes:
    """Screen, colours, and the first frames with their transparency."""
    gif_size(data)  # refuses extensions without their data, after which decoders differ
    at = 13 + colour_table_bytes(data[10])
    kept, control, frames = [data[:at]], b"", limits.scans
    while frames and at + 10 <= len(data) and data[at] != _GIF_END:
        start = at
        at += 1
        if data[start] == _GIF_EXTENSION:
            at = _after_blocks(data, start + 2, limits.parts)
            if data[start + 1] == _GIF_CONTROL:
                control = data[start:at]
        elif data[start] == _GIF_FRAME:
            at = _after_blocks(data, start + 11 + colour_table_bytes(data[start + 9]), limits.parts)
            kept += control, data[start:at]
            control = b""
            frames -= 1
    return b"".join((*kept, b";"))


def _after_blocks(data: bytes, at: int, most: int) -> int:
    """Offset after the blocks that start at ``at``, or of the end of a file that is cut short."""
    count = 0
    while at < len(data) and data[at]:
        at += data[at] + 1
        count += 1
        _check_parts(count, most)
    return min(at + 1, len(data))


_WEBP_ALPHA, _WEBP_EXIF, _WEBP_ANIMATION = 0x10, 0x08, 0x02
_WEBP_ONCE: Final = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"EXIF")


def _webp(data: bytes, limits: ImageLimits) -> bytes:
    """Header, pixels of the first frames, orientation."""
    most = {**dict.fromkeys(_WEBP_ONCE, 1), b"ANMF": limits.scans}
    kept: list[bytes] = []
    found: Counter[bytes] = Counter()
    at, count = 12, 0
    while at + 8 <= len(data):
        name = data[at : at + 4]
        (length,) = struct.unpack_from("<I", data, at + 4)
        end = at + 8 + length + length % 2
        small = name != b"EXIF" or length <= _EXIF_BYTES
        if found[name] < most.get(name, 0) and small:
            kept.append(data[at:end])
            found[name] += 1
        at = end
        count += 1
        _check_parts(count, limits.parts)
    if kept and kept[0].startswith(b"VP8X"):
        flags = kept[0][8] & (_WEBP_ALPHA | _WEBP_ANIMATION)
        flags |= _WEBP_EXIF if found[b"EXIF"] else 0
        kept[0] = kept[0][:8] + bytes([flags]) + kept[0][9:]
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


_BMP_INFO_HEADER: Final = 40  # bytes of the first header that names a compression
_BMP_RUN_LENGTHS: Final = frozenset({1, 2})


def _bmp(data: bytes, limits: ImageLimits) -> bytes:
    """The file, unless it is run-length encoded and large."""
    header, width, height = struct.unpack_from("<Iii", data, 14)
    compression = struct.unpack_from("<I", data, 30)[0] if header >= _BMP_INFO_HEADER else 0
    large = max(abs(width * height), len(data)) > limits.rle_pixels
    if compression in _BMP_RUN_LENGTHS and large:
        raise TooLargeError(
            f"image is a run-length encoded BMP of more than {limits.rle_pixels:,} pixels or "
            "bytes; save it as PNG"
        )
    return data
